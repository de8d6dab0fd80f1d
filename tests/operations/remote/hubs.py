"""A user of a hub and of Civitai on this machine, for tests of what happens after the first pull."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelhub import config
from modelhub.catalog import Catalog, ModelQuery
from modelhub.domain import ModelRecord
from modelhub.fetch.choice.criteria import FileCriteria
from modelhub.fetch.fetcher import Fetcher
from modelhub.fetch.sources.registry import fetchers
from modelhub.operations.remote.pull import PullRequest, PullResult, plan_pull, pull
from modelhub.testing.hubs.civitai import CivitaiSite
from modelhub.testing.hubs.hub import Hub, repositories_in


@dataclass
class User:
    """A library, a catalog, and the hubs that they are filled from. `repositories` is the hub's folder."""

    hub: Hub
    site: CivitaiSite
    repositories: Path
    catalog: Catalog
    settings: config.Settings
    environ: dict[str, str]

    @property
    def fetchers(self) -> Sequence[Fetcher]:
        """The sources that the settings describe."""
        return fetchers(self.settings)

    @property
    def models(self) -> list[ModelRecord]:
        """All models of the catalog."""
        return self.catalog.records(ModelQuery())

    def pull(self, source: str, **criteria: Any) -> PullResult:
        """Pull from a source."""
        plan = plan_pull(PullRequest(source=source, criteria=FileCriteria(**criteria)), fetchers=self.fetchers)
        return pull(plan, catalog=self.catalog, settings=self.settings)

    def publish(self) -> None:
        """Make the hub serve its folder as it is now."""
        self.hub.repositories.update(repositories_in(self.repositories))

    def asked(self) -> int:
        """Return how many requests the hubs have had so far."""
        return len(self.hub.requests) + len(self.site.requests)

    def blobs_sent(self) -> int:
        """Return how many large files the hubs have sent so far, in however many pieces."""
        paths = {request.path.partition("?")[0] for request in self.hub.requests if request.origin == "storage"}
        return len(paths | {q.path.partition("?")[0] for q in self.site.requests if q.origin == "storage"})


@contextmanager
def user(
    folder: Path, *, items: Sequence[Mapping[str, Any]] = (), contents: Mapping[str, bytes | Path] | None = None
) -> Iterator[User]:
    """Yield a fresh user in `folder`, of a hub with the repositories in `folder/hub` and a Civitai with `items`."""
    repositories = folder / "hub"
    repositories.mkdir(exist_ok=True)
    with Hub(repositories) as hub, CivitaiSite(items, contents=contents) as site:
        environ = {
            "MODELHUB_CONFIG": str(folder / "none"),
            "MODELHUB_LIBRARY": str(folder / "library"),
            "MODELHUB_HUGGINGFACE_ENDPOINTS": hub.url,
            "MODELHUB_CIVITAI_ENDPOINT": site.url,
            "MODELHUB_TRANSFER_RETRIES": "2",
            "HF_HOME": str(folder / "hf"),
        }
        settings = config.load(environ=environ)
        with Catalog.open(settings.catalog_location) as catalog:
            yield User(hub, site, repositories, catalog, settings, environ)


def civitai_file(name: str, *, version: int, **more: Any) -> dict[str, Any]:
    """Return a file as Civitai's API lists it; the server computes the true size and hashes from its content."""
    return {
        "name": name,
        "type": "Model",
        "sizeKB": 1.0,
        "pickleScanResult": "Success",
        "virusScanResult": "Success",
        "metadata": {"format": "SafeTensor", "size": "pruned", "fp": "fp16"},
        "hashes": {"SHA256": "0" * 64},
        "downloadUrl": f"https://civitai.com/api/download/models/{version}",
        "primary": True,
        **more,
    }


def civitai_version(number: int, *files: Mapping[str, Any], model: int = 7, **more: Any) -> dict[str, Any]:
    """Return a version as Civitai's API lists it."""
    return {
        "id": number,
        "modelId": model,
        "name": f"v{number}",
        "baseModel": "SD 1.5",
        "availability": "Public",
        "trainedWords": [f"word{number}"],
        "files": list(files),
        "images": [],
        **more,
    }


def civitai_item(*versions: Mapping[str, Any], number: int = 7, **more: Any) -> dict[str, Any]:
    """Return a model as Civitai's API lists it, newest version first."""
    about = {"name": "红裙", "type": "LORA", "nsfw": False, "tags": ["clothing"], "allowNoCredit": True}
    return {"id": number, **about, "modelVersions": list(versions), **more}
