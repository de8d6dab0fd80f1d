"""`pull --convert`: a repository that has pickles only becomes a verified safetensors file in one go."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelhub import config
from modelhub.catalog import Catalog
from modelhub.domain import Format, ModelType
from modelhub.errors import UnsafeError
from modelhub.fetch.choice.criteria import FileCriteria
from modelhub.fetch.sources.registry import fetchers
from modelhub.operations.remote.pull import PullRequest, PullResult, plan_pull, pull
from modelhub.testing.files import hostile, networks, torch_file
from modelhub.testing.files.networks import SMALL
from modelhub.testing.hubs.hub import Hub

REPOSITORY = "CompVis/stable-diffusion-v-1-4-original"


def run(folder: Path, hub: Hub, *, keep_pickle: bool = False) -> tuple[PullResult, Catalog]:
    """Pull with --convert into a library in `folder`."""
    environ = {"MODELHUB_CONFIG": str(folder / "none"), "MODELHUB_HUGGINGFACE_ENDPOINTS": hub.url}
    settings = config.load(library=folder / "library", environ=environ)
    catalog = Catalog.open(settings.catalog_location)
    request = PullRequest(source=REPOSITORY, criteria=FileCriteria(convert=True), keep_pickle=keep_pickle)
    plan = plan_pull(request, fetchers=fetchers(settings))
    return pull(plan, catalog=catalog, settings=settings), catalog


@pytest.fixture
def repositories(tmp_path: Path) -> Path:
    """A hub's folder with one repository that holds a checkpoint as a pickle."""
    folder = tmp_path / "hub"
    content = torch_file.checkpoint(networks.sd1(SMALL, both=True), global_step=7)
    torch_file.write(folder / REPOSITORY / "sd-v1-4-full-ema.ckpt", content)
    return folder


@pytest.mark.parametrize("keep", [False, True])
def test_a_pickle_only_repository_becomes_safetensors(repositories: Path, tmp_path: Path, keep: bool) -> None:
    """The converted file is added to the catalog, and the pickle only where it is kept."""
    with Hub(repositories) as hub:
        result, catalog = run(tmp_path, hub, keep_pickle=keep)
        with catalog:
            formats = sorted(model.format for model in result.models)
            assert formats == sorted([Format.SAFETENSORS, Format.TORCH_ZIP] if keep else [Format.SAFETENSORS])
            model = next(model for model in result.models if model.format is Format.SAFETENSORS)
            assert model.detection.type is ModelType.BASE
            assert model.detection.has_ema
            assert model.path is not None
            assert model.path.is_file()
            assert model.sources[0].reference == REPOSITORY
            assert not list((tmp_path / "library").rglob("*.part"))
            pickles = list((tmp_path / "library").rglob("*.ckpt"))
            assert len(pickles) == keep


def test_a_converted_repository_is_not_downloaded_again(repositories: Path, tmp_path: Path) -> None:
    """The second run returns the file that the first one converted."""
    with Hub(repositories) as hub:
        first, catalog = run(tmp_path, hub)
        catalog.close()
        before = len(hub.requests)
        second, catalog = run(tmp_path, hub)
        catalog.close()
        assert second.models[0].id == first.models[0].id
        assert second.obtained == ()
        assert not any(".ckpt" in str(request) and "resolve" in str(request) for request in hub.requests[before:])


def test_a_hostile_pickle_is_kept_out_all_the_same(tmp_path: Path) -> None:
    """--convert does not bypass the scan."""
    folder = tmp_path / "hub"
    (folder / REPOSITORY).mkdir(parents=True)
    hostile.checkpoint(folder / REPOSITORY / "model.ckpt")
    with Hub(folder) as hub, pytest.raises(UnsafeError, match="dangerous"):
        run(tmp_path, hub)
    assert not list((tmp_path / "library").rglob("*.safetensors"))
