"""Render jobs run in this process, for tests and benchmarks."""

from __future__ import annotations

from pathlib import Path

from modelhub.render.messages import Job, Part, Result
from modelhub.render.recipes import Recipe
from tests.render.twins import BASE, FAMILY, Twin, write

PROMPT = "a red circle on the left, white background"
WORDS = {"lora": ("framestyle",)}
HEALTHY: tuple[tuple[str, str], ...] = (
    (BASE, "base"),
    ("miniature-vivid.vae.ckpt", "vae"),
    ("miniature-frame-kohya.safetensors", "lora"),
    ("miniature-frame-diffusers.safetensors", "lora"),
    ("miniature-frame-peft/adapter_model.safetensors", "lora"),
    ("miniature-frame-loha.safetensors", "lora"),
    ("miniature-frame-lokr.safetensors", "lora"),
    ("miniature-frame-dora.safetensors", "lora"),
    ("nightgem.pt", "embedding"),
    ("nightgem.safetensors", "embedding"),
    ("learned_embeds.safetensors", "embedding"),
    ("miniature-sepia.pt", "hypernetwork"),
)


def part(path: Path, type_: str) -> Part:
    """A file as a part of a test."""
    return Part(path=str(path), name=path.stem, type=type_, native=128, words=WORDS.get(type_, ()))


class Trials:
    """One bench for many jobs; pictures go to `folder`."""

    def __init__(self, folder: Path, device: str = "cpu") -> None:
        from modelhub.render.bench import Bench

        self.folder = folder
        self.bench = Bench(device, lambda text, about_base: None)
        self.count = 0

    def of(self, path: Path, type_: str, recipe: Recipe | None = None, *, base: Path = FAMILY / BASE) -> Result:
        """The result of testing a file on a base, or a base on itself."""
        from modelhub.render.worker import tested

        self.count += 1
        subject = part(path, type_)
        own = subject if type_ == "base" else part(base, "base")
        job = Job(
            id=self.count,
            subject=subject,
            base=own,
            recipe=recipe or Recipe(prompt=PROMPT),
            pictures=str(self.folder / str(self.count)),
            exact=True,
        )
        return tested(self.bench, job)

    def twin(self, twin: Twin, recipe: Recipe | None = None) -> Result:
        """The result of a twin."""
        return self.of(write(twin, self.folder), twin.type, recipe)
