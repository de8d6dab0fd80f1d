"""The same pulls from the project's own hub server and from olah: no test may hold for one of them only."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from modelhub import config
from modelhub.catalog import Catalog, ModelQuery
from modelhub.domain import Format, ModelType
from modelhub.errors import NotFoundError, UnsafeError, UsageError
from modelhub.fetch.choice.criteria import FileCriteria
from modelhub.fetch.sources.registry import fetchers
from modelhub.operations.remote.pull import PullRequest, PullResult, plan_pull, pull
from modelhub.testing.files import adapters, folders, hostile, networks, safetensors_file
from modelhub.testing.files.networks import SMALL
from modelhub.testing.files.tensors import cast
from modelhub.testing.hubs.hub import Hub
from modelhub.testing.hubs.olah import serving

pytestmark = pytest.mark.slow


@dataclass
class User:
    """A library that is filled from one hub. `held`: the folder of the hub's repositories."""

    held: Path
    catalog: Catalog
    settings: config.Settings

    def pull(self, source: str, **criteria: object) -> PullResult:
        """Ask, choose, fetch, record."""
        request = PullRequest(source=source, criteria=FileCriteria(**criteria))  # type: ignore[arg-type]
        plan = plan_pull(request, fetchers=fetchers(self.settings))
        return pull(plan, catalog=self.catalog, settings=self.settings)


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base in two variants, a LoRA, a diffusers folder, a trap."""
    folder = tmp_path_factory.mktemp("held") / "hub"
    tensors = networks.sd1(SMALL)
    safetensors_file.write(folder / "painter/base" / "model.fp16.safetensors", cast(tensors, "F16"), seed=1)
    safetensors_file.write(folder / "painter/base" / "model.safetensors", tensors, seed=1)
    metadata = adapters.lora_metadata("reddress", "reddress", rank=4)
    safetensors_file.write(folder / "painter/dress" / "dress.safetensors", adapters.lora_sd1(4), metadata=metadata)
    folders.write(folder / "painter/pipeline")
    (folder / "stranger/trap").mkdir(parents=True)
    hostile.checkpoint(folder / "stranger/trap" / "upgrade.ckpt")
    return folder


@pytest.fixture(scope="module", params=["own", "olah"])
def hub(request: pytest.FixtureRequest, held: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a hub."""
    if request.param == "own":
        with Hub(held) as own:
            yield own.url
    else:
        with serving(held, tmp_path_factory.mktemp("olah")) as address:
            yield address


@pytest.fixture
def user(hub: str, held: Path, tmp_path: Path) -> Iterator[User]:
    """Somebody with an empty library."""
    environ = {
        "MODELHUB_CONFIG": str(tmp_path / "none.toml"),
        "MODELHUB_LIBRARY": str(tmp_path / "library"),
        "HF_ENDPOINT": hub,
        "HF_HOME": str(tmp_path / "huggingface"),
    }
    settings = config.load(environ=environ)
    with Catalog.open(settings.catalog_location) as catalog:
        yield User(held=held, catalog=catalog, settings=settings)


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_lora_arrives_whole_and_is_recorded_with_its_commit(user: User) -> None:
    """Content, kind, source and commit."""
    pulled = user.pull("painter/dress")
    (record,) = user.catalog.records(ModelQuery())
    assert [model.id for model in pulled.models] == [record.id]
    assert record.path is not None
    assert sha256(record.path) == sha256(user.held / "painter/dress/dress.safetensors")
    assert record.detection.type is ModelType.LORA
    (source,) = record.sources
    assert source.reference.startswith("painter/dress")
    assert source.commit is not None
    assert len(source.commit) == 40


def test_the_small_variant_is_chosen_and_held_files_are_not_downloaded_again(user: User) -> None:
    """fp16 for rendering; the second pull finds it."""
    (first,) = user.pull("painter/base").models
    (second,) = user.pull("painter/base").models
    assert first.id == second.id
    assert first.path is not None
    assert sha256(first.path) == sha256(user.held / "painter/base/model.fp16.safetensors")
    assert len(user.catalog.records(ModelQuery())) == 1


def test_a_diffusers_folder_is_one_model(user: User) -> None:
    """Every file of it is where it belongs."""
    (model,) = user.pull("painter/pipeline").models
    assert model.format is Format.DIFFUSERS
    folder = model.path
    assert folder is not None
    assert (folder / "model_index.json").read_bytes() == (user.held / "painter/pipeline/model_index.json").read_bytes()


def test_a_dangerous_pickle_is_refused(user: User) -> None:
    """Nothing of it is added to the catalog."""
    with pytest.raises(UnsafeError):
        user.pull("stranger/trap", allow_pickle=True)
    assert user.catalog.records(ModelQuery()) == []


@pytest.mark.parametrize("source", ["painter/nothing", "painter/dress@nowhere", "painter/dress/no.safetensors"])
def test_what_is_not_there_is_said(user: User, source: str) -> None:
    """A repository, a revision, a file."""
    with pytest.raises((NotFoundError, UsageError)):
        user.pull(source)
