"""The names that a harmless pickle may use, read from modelhub's own tables so that the law follows them."""

from __future__ import annotations

from dataclasses import dataclass

from modelhub.safety import tables

Name = tuple[str, str]
# Classes of a trainer that its checkpoints name: examples of those that `tables.named_class` accepts.
_TRAINER_CLASSES: tuple[Name, ...] = (
    ("pytorch_lightning.callbacks.model_checkpoint", "ModelCheckpoint"),
    ("pytorch_lightning.callbacks", "EarlyStopping"),
    ("lightning.pytorch.callbacks.model_checkpoint", "ModelCheckpoint"),
    ("pytorch_lightning.trainer.states", "TrainerFn"),
)


@dataclass(frozen=True, slots=True)
class AllowedNames:
    """Pairs of module and name. `called`: may be called; `named`: may stand as a value or a key, never be called."""

    called: frozenset[Name]
    named: frozenset[Name]

    @property
    def all(self) -> frozenset[Name]:
        """Every name of the two lists."""
        return self.called | self.named

    def may_name(self, name: Name) -> bool:
        """Return whether a loader may look up a name."""
        return name in self.called or name in self.named or tables.named_class(*name, False) is not None


def allowed_names() -> AllowedNames:
    """Return the names that modelhub accepts in a file that it calls safe or safe-legacy."""
    return AllowedNames(called=frozenset(tables.CALLED), named=frozenset((*tables.NAMED, *_TRAINER_CLASSES)))
