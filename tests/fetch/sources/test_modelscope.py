"""ModelScope: its words, its listings, its odd ranges, its tokens; whole pulls against a server of its kind."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelhub import config
from modelhub.catalog import Catalog, ModelQuery
from modelhub.domain import ModelType, TriggerWord
from modelhub.errors import AccessError, NetworkError, NotFoundError, UsageError
from modelhub.fetch.choice.criteria import FileCriteria
from modelhub.fetch.fetcher import RemoteFile
from modelhub.fetch.http import api_client
from modelhub.fetch.http.redirects import Exchange
from modelhub.fetch.sources import modelscope_reference
from modelhub.fetch.sources.modelscope_fetcher import ModelScope
from modelhub.fetch.sources.registry import fetchers
from modelhub.fetch.transfer.download import download
from modelhub.operations.remote.outdated import UpdateState, outdated
from modelhub.operations.remote.pull import PullRequest, PullResult, plan_pull, pull
from modelhub.operations.remote.update import records_from_source
from modelhub.testing.files import adapters, folders, safetensors_file
from modelhub.testing.hubs import modelscope
from modelhub.testing.hubs.blobs import blob_of
from modelhub.testing.hubs.faulty import Fault, serving
from modelhub.testing.hubs.repository import Repository
from tests.fetch.transfer.transfers import PIECE, QUICK

DRESS = "画师/red-dress"
LORA = "红裙 dress.safetensors"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("ms:org/name", "ms:org/name"),
        ("modelscope:org/name@v1.0", "ms:org/name@v1.0"),
        ("ms://org/name/vae/model.safetensors", "ms:org/name/vae/model.safetensors"),
        ("https://modelscope.cn/models/org/name", "ms:org/name"),
        ("www.modelscope.cn/models/org/name/summary", "ms:org/name"),
        ("https://www.modelscope.cn/models/org/name/files", "ms:org/name"),
        ("https://www.modelscope.cn/models/org/name/file/view/master/a%2Fb.pt?status=2", "ms:org/name/a/b.pt"),
        ("https://modelscope.cn/models/org/name/resolve/v2/x.safetensors", "ms:org/name@v2/x.safetensors"),
        ("https://modelscope.ai/models/org/name", "https://www.modelscope.ai/models/org/name"),
        ("https://www.modelscope.ai/models/o/n/resolve/master/a b", "https://www.modelscope.ai/models/o/n/resolve/master/a%20b"),
    ],
)  # fmt: skip
def test_words_of_a_repository(words: str, expected: str) -> None:
    """Each is understood, and what is kept of it means the same."""
    found = modelscope_reference.parse(words)
    assert found is not None
    assert str(found) == expected
    assert modelscope_reference.parse(str(found)) == found


@pytest.mark.parametrize(
    "words", ["org/name", "hf:org/name", "civitai:4384", "https://example.org/models/a/b", "ms.safetensors"]
)
def test_words_of_others(words: str) -> None:
    """They are left to other sources."""
    assert modelscope_reference.parse(words) is None


@pytest.mark.parametrize(
    "words",
    [
        "ms:name",
        "ms:",
        "ms:org/name/../../etc",
        "https://modelscope.cn/datasets/org/name",
        "https://modelscope.cn/models",
        "https://modelscope.cn/models/org/name/resolve/master/../x",
    ],
)
def test_words_that_name_nothing(words: str) -> None:
    """They are claimed, and refused with a next step."""
    assert ModelScope().claims(words)
    with pytest.raises(UsageError) as refused:
        modelscope_reference.parse(words)
    assert refused.value.remedy.text


def lora(folder: Path, seed: int = 1) -> Path:
    """Return a LoRA file."""
    path = folder / f"{seed}.safetensors"
    metadata = adapters.lora_metadata("reddress", "reddress", rank=4)
    safetensors_file.write(path, adapters.lora_sd1(4), metadata=metadata, seed=seed)
    return path


CARD = {
    "License": "Apache License 2.0",
    "Tags": ["LoRA", "文生图"],
    "AigcType": "LoRA",
    "BaseModel": ["AI-ModelScope/stable-diffusion-v1-5"],
    "VisionFoundation": "SD_1_5",
    "TriggerWords": ["红裙"],
    "Downloads": 7,
}


@pytest.fixture
def held(tmp_path: Path) -> dict[str, Repository]:
    """A LoRA in two revisions, a pipeline, a private one."""
    folder = tmp_path / "held"
    folder.mkdir()
    first, second = lora(folder, 1), lora(folder, 2)
    folders.write(folder / "pipeline")
    pipeline = {
        p.relative_to(folder / "pipeline").as_posix(): p
        for p in sorted((folder / "pipeline").rglob("*"))
        if p.is_file()
    }
    return {
        "painter/red-dress": Repository(
            files={LORA: first, "README.md": "# 红裙", ".gitattributes": "* text"}, revisions={"v2": {LORA: second}}
        ),
        "painter/pipeline": Repository(files=pipeline),
        "painter/secret": Repository(files={LORA: first}, private=True),
    }


@pytest.fixture(params=[False, True], ids=["under 200", "redirected"])
def site(request: pytest.FixtureRequest, held: dict[str, Repository]) -> Iterator[modelscope.ModelScope]:
    """The server in both of its manners."""
    cards = {"painter/red-dress": CARD}
    with modelscope.ModelScope(held, cards=cards, token="ms-123", redirects=request.param) as server:
        yield server


class User:
    """A library that is filled from one ModelScope."""

    def __init__(self, folder: Path, url: str, **more: str) -> None:
        environ = {
            "MODELHUB_CONFIG": str(folder / "none.toml"),
            "MODELHUB_LIBRARY": str(folder / "library"),
            "MODELSCOPE_ENDPOINT": url,
            "HF_HOME": str(folder / "huggingface"),
            **more,
        }
        self.settings = config.load(environ=environ)
        self.catalog = Catalog.open(self.settings.catalog_location)
        self.fetchers = fetchers(self.settings)

    def pull(self, source: str, **criteria: object) -> PullResult:
        """Ask, choose, fetch, record."""
        request = PullRequest(source=source, criteria=FileCriteria(**criteria))  # type: ignore[arg-type]
        plan = plan_pull(request, fetchers=self.fetchers)
        return pull(plan, catalog=self.catalog, settings=self.settings)


@pytest.fixture
def user(site: modelscope.ModelScope, tmp_path: Path) -> Iterator[User]:
    """Somebody without a token."""
    somebody = User(tmp_path, site.url)
    with somebody.catalog:
        yield somebody


def test_a_pull_brings_the_file_and_what_the_source_states_about_it(user: User, held: dict[str, Repository]) -> None:
    """Content proved, kind found, trigger words, license, base and commit kept."""
    (model,) = user.pull("ms:painter/red-dress").models
    repository = held["painter/red-dress"]
    assert model.main.sha256 == repository.trees["main"][LORA].sha256
    assert model.detection.type is ModelType.LORA
    (source,) = model.sources
    assert source.kind == "modelscope"
    assert source.commit == repository.commits["main"]
    assert source.license == "Apache License 2.0"
    assert source.base_model == "SD_1_5"
    assert TriggerWord("红裙", "ModelScope") in model.detection.trigger_words


def test_a_page_and_a_revision_lead_to_the_same_place(
    user: User, site: modelscope.ModelScope, held: dict[str, Repository]
) -> None:
    """The address of a file in a branch."""
    (model,) = user.pull(f"{site.url}/models/painter/red-dress/resolve/v2/{LORA}").models
    assert model.main.sha256 == held["painter/red-dress"].trees["v2"][LORA].sha256
    assert model.sources[0].reference == f"ms:painter/red-dress@v2/{LORA}"


def test_a_pipeline_is_one_model(user: User) -> None:
    """Its index is requested, and every file of it is placed."""
    (model,) = user.pull("ms:painter/pipeline").models
    assert model.path is not None
    assert (model.path / "model_index.json").is_file()
    assert len(model.files) > 3


def test_outdated_asks_once_and_sees_a_new_revision(
    user: User, site: modelscope.ModelScope, held: dict[str, Repository]
) -> None:
    """Current first; then the branch holds another file."""
    user.pull("ms:painter/red-dress")
    records = user.catalog.records(ModelQuery())
    site.requests.clear()
    assert [item.state for item in outdated(records, fetchers=user.fetchers)] == [UpdateState.CURRENT]
    assert len(site.requests) == 1
    site.repositories["painter/red-dress"] = Repository(files={LORA: held["painter/red-dress"].revisions["v2"][LORA]})
    assert [item.state for item in outdated(records, fetchers=user.fetchers)] == [UpdateState.OUTDATED]
    assert records_from_source(records, "ms:painter/red-dress") == list(records)
    assert records_from_source(records, "painter/red-dress") == []


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("ms:painter/nothing", NotFoundError),
        ("ms:painter/red-dress@v9", NotFoundError),
        ("ms:painter/red-dress/other.safetensors", NotFoundError),
        ("ms:painter/secret", NotFoundError),
    ],
)
def test_what_is_not_there_is_reported(user: User, source: str, error: type[Exception]) -> None:
    """A repository, a revision, a file, a private repository."""
    with pytest.raises(error) as refused:
        user.pull(source)
    assert "painter/" in str(refused.value)


def test_a_token_opens_private_repositories_and_stays_at_its_site(site: modelscope.ModelScope, tmp_path: Path) -> None:
    """The cookie goes to the site alone, never to where the bytes are kept."""
    somebody = User(tmp_path, site.url, MODELSCOPE_API_TOKEN="ms-123")
    with somebody.catalog:
        somebody.pull("ms:painter/secret")
    assert all("Cookie" in headers for origin, _, headers in site.requests if origin == "api")
    assert not any("Cookie" in headers for origin, _, headers in site.requests if origin == "storage")
    assert any(origin == "storage" for origin, _, _ in site.requests) is site.redirects


def test_a_token_of_one_site_does_not_go_to_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """modelscope.ai is another site, with accounts of its own."""
    requested: list[tuple[str, Exchange]] = []

    class StopError(Exception):
        pass

    def send(session: object, url: str, exchange: Exchange) -> None:
        requested.append((url, exchange))
        raise StopError

    monkeypatch.setattr(api_client, "send_with_redirects", send)
    for source in ("https://www.modelscope.ai/models/org/name", "ms:org/name"):
        with pytest.raises(StopError):
            ModelScope(token="ms-123").resolve(source)
    (other, own) = requested
    assert other[0].startswith("https://www.modelscope.ai/api/v1/models/org/name/repo/files")
    assert not other[1].credentials and "ms-123" not in str(other[1].headers)
    assert {each.value for each in own[1].credentials} == {"m_session_id=ms-123", "Bearer ms-123"}


def test_parts_under_200_are_fetched_in_parallel(held: dict[str, Repository], tmp_path: Path) -> None:
    """Several connections fill one file, although no answer says 206."""
    data = random.Random(5).randbytes(40 * PIECE + 7)
    blob = blob_of(data)
    with modelscope.ModelScope({"o/n": Repository(files={"m.safetensors": blob})}) as site:
        (file,) = ModelScope(endpoint=site.url).resolve("ms:o/n").files
        site.requests.clear()
        got = download(file, tmp_path, settings=QUICK)
        ranges = [headers.get("Range", "") for _, _, headers in site.requests]
    assert got.path.read_bytes() == data
    assert got.size == len(data)
    assert len([each for each in ranges if not each.startswith("bytes=0-")]) > 1


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ((200, '{"Code": 10010101, "Message": "模型不存在", "Success": false}'.encode()), NotFoundError),
        ((403, b'{"Code": 403, "Message": "forbidden"}'), AccessError),
        ((200, b"<html>maintenance</html>"), NetworkError),
        ((200, b'{"Code": 200, "Data": {"Files": [{"Path": 7, "Size": "many"}]}}'), NetworkError),
        ((200, b'{"Code": 200, "Data": null}'), NetworkError),
        ((200, b'[1, 2]'), NetworkError),
        ((500, b"oops"), NetworkError),
    ],
)  # fmt: skip
def test_strange_answers_are_errors_with_a_next_step(answer: tuple[int, bytes], error: type[Exception]) -> None:
    """No traceback, whatever comes."""
    with serving(b"") as server:
        server.always = Fault(status=answer[0], body=answer[1])
        with pytest.raises(error) as refused:
            ModelScope(endpoint=server.url, sleep=lambda _: None).resolve("ms:org/name")
    assert type(refused.value) is error
    assert refused.value.remedy.text  # type: ignore[attr-defined]


def test_offline_asks_nobody() -> None:
    """And says so."""
    with pytest.raises(NetworkError, match="Offline"):
        ModelScope(offline=True).resolve("ms:org/name")


def test_names_that_leave_the_repository_are_refused(tmp_path: Path) -> None:
    """Paths in a listing are untrusted: nothing is requested with such a name, and the other files arrive."""
    files = {"../../../evil.safetensors": lora(tmp_path), "good.safetensors": lora(tmp_path)}
    with modelscope.ModelScope({"o/n": Repository(files=files)}) as site:
        somebody = User(tmp_path / "home", site.url)
        with somebody.catalog:
            (placed,) = somebody.pull("ms:o/n").models
        assert not [path for _, path, _ in site.requests if "evil" in path]
    assert placed.path is not None and placed.path.name == "good.safetensors"
    assert not list(tmp_path.rglob("evil*"))


def test_a_file_is_promised_with_size_and_hash(site: modelscope.ModelScope) -> None:
    """Folders are left out; hashes in capitals are hashes."""
    files: dict[str, RemoteFile] = {
        file.name: file for file in ModelScope(endpoint=site.url).resolve("ms:painter/red-dress").files
    }
    assert set(files) == {LORA, "README.md", ".gitattributes"}
    assert all(file.sha256 == file.sha256.lower() for file in files.values() if file.sha256)
    assert all(file.size for file in files.values())
