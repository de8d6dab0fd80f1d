"""File names in the answers of services: which are refused, before any request is made from them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from modelhub import config
from modelhub.catalog import Catalog
from modelhub.errors import Exit, UnsafeError
from modelhub.fetch.choice.criteria import FileCriteria
from modelhub.fetch.fetcher import RemoteFile, RemoteModel
from modelhub.fetch.sources.civitai_fetcher import Civitai
from modelhub.fetch.sources.huggingface_fetcher import HuggingFace
from modelhub.fetch.sources.modelscope_fetcher import ModelScope
from modelhub.fetch.sources.plugin_fetcher import guarded
from modelhub.fetch.sources.registry import fetchers
from modelhub.fetch.sources.remote_names import accept_names, printable, reason_to_refuse
from modelhub.operations.remote.pull import PullRequest, plan_pull, pull
from modelhub.testing.files import adapters, safetensors_file
from modelhub.testing.hubs.hub import Hub, Repository
from tests.fetch.sources.test_bounded_answers import INFO, answering

REFUSED = {
    "": "is missing",
    "../x.safetensors": "leaves the repository",
    "../../../../x.safetensors": "leaves the repository",
    "a/../../x.safetensors": "leaves the repository",
    "a/..": "leaves the repository",
    "./x.safetensors": "leaves the repository",
    ".. /x.safetensors": "leaves the repository",
    "a/ .../x.safetensors": "leaves the repository",
    "/etc/passwd": "is an absolute path",
    "//host/share/x": "is an absolute path",
    "a//x.safetensors": "has an empty part",
    "a/": "has an empty part",
    "..\\..\\x.safetensors": "has a backslash",
    "\\\\host\\share\\x": "has a backslash",
    "a\\x.safetensors": "has a backslash",
    "C:/x.safetensors": "begins with a drive letter",
    "c:x.safetensors": "begins with a drive letter",
    "x\x00.safetensors": "has control characters",
    "x\n.safetensors": "has control characters",
    "x\x1b[31m.safetensors": "has control characters",
    "x\x7f.safetensors": "has control characters",
    "x\x85.safetensors": "has control characters",
    "x\u2028.safetensors": "has control characters",
    "x\ud800.safetensors": "has control characters",
    "%2e%2e/x.safetensors": "leaves the repository once it is decoded",
    "%2E%2e%2fx.safetensors": "leaves the repository once it is decoded",
    "a/%2e%2e%5cx.safetensors": "leaves the repository once it is decoded",
    "%252e%252e/x.safetensors": "leaves the repository once it is decoded",
    "x%00.safetensors": "leaves the repository once it is decoded",
    "%25252525252e%25252525252e/x": "is encoded several times",
    "x" * 256: "is too long",
    "ä" * 128: "is too long",
    "d/" * 2100 + "x": "is too long",
}
FINE = (
    "model.safetensors",
    "unet/diffusion_pytorch_model.safetensors",
    ".gitattributes",
    "..x.safetensors",
    "x..safetensors",
    "...and more/x.safetensors",
    "100%.safetensors",
    "a%2Fb.safetensors",
    "50%25 strength.safetensors",
    "モデル/größe.safetensors",
    'a b/c\'d "e" <f>.safetensors',
    "👩‍🎤.safetensors",
    "epoch:10.safetensors",
    "x" * 255,
)


@pytest.mark.parametrize(("name", "reason"), REFUSED.items())
def test_names_that_lead_astray_are_refused(name: str, reason: str) -> None:
    """Each has a reason, a clause about the name."""
    assert reason_to_refuse(name) == f"the name {reason}"


@pytest.mark.parametrize("name", FINE)
def test_names_of_real_files_are_accepted(name: str) -> None:
    """Dots, percent signs, blanks and any script are part of names."""
    assert reason_to_refuse(name) is None


@pytest.mark.parametrize("name", [None, 7, ["x"], {}])
def test_a_name_that_is_not_a_text_is_missing(name: object) -> None:
    """Answers may have anything in its place."""
    assert reason_to_refuse(name) == "the name is missing"


def test_notices_name_some_and_count_the_rest() -> None:
    """A hostile listing cannot fill the screen, or write to it what it likes."""
    names = [f"../{number}\x1b[2J" for number in range(1000)]
    accepted, notices = accept_names(["good", *names], lambda name: name, "org/name")
    assert accepted == ("good",)
    assert len(notices) == 4 and notices[3] == "997 more names were refused."
    assert notices[0] == "`../0\\x1b[2J` was refused: the name has control characters."
    assert all(notice.isprintable() for notice in notices)
    assert len(printable("x" * 5000)) == 80


def test_only_refused_names_are_an_error() -> None:
    """The reference and the first name are in it."""
    with pytest.raises(UnsafeError, match=r"org/name has no file with a safe name\.\s+`\.\./x` was refused") as caught:
        accept_names(["../x"], lambda name: name, "org/name")
    assert caught.value.code == Exit.UNSAFE and caught.value.remedy.text


def lora(folder: Path) -> bytes:
    """Return the bytes of a LoRA file."""
    path = folder / "made.safetensors"
    safetensors_file.write(path, adapters.lora_sd1(4), metadata=adapters.lora_metadata("x", "x", rank=4))
    return path.read_bytes()


@pytest.mark.parametrize(
    "name",
    ["../../../../x.safetensors", "/x.safetensors", "a\\x.safetensors", "x\x00.safetensors", "%2e%2e/x", "x" * 256],
    ids=ascii,
)
def test_a_hub_gets_no_request_with_such_a_name(name: str, tmp_path: Path) -> None:
    """The other files of the repository arrive, and the refusal is a notice."""
    with Hub({"org/name": Repository(files={name: b"x", "good.safetensors": lora(tmp_path)})}) as hub:
        environ = {
            "MODELHUB_CONFIG": str(tmp_path / "none.toml"),
            "MODELHUB_LIBRARY": str(tmp_path / "library"),
            "HF_ENDPOINT": hub.url,
            "HF_TOKEN": "",
            "HF_HOME": str(tmp_path / "huggingface"),
        }
        settings = config.load(environ=environ)
        request = PullRequest(source="org/name", criteria=FileCriteria(all=True))
        plan = plan_pull(request, fetchers=fetchers(settings))
        with Catalog.open(settings.catalog_location) as catalog:
            (model,) = pull(plan, catalog=catalog, settings=settings).models
        paths = [each.path for each in hub.requests if each.origin == "api"]
    allowed = ("/api/models/org/name", "/org/name/resolve/")
    assert all(path.startswith(allowed) for path in paths)
    assert all(path.endswith("/good.safetensors") for path in paths if "/resolve/" in path)
    assert model.path is not None and model.path.name == "good.safetensors"
    assert [notice for notice in plan.remote.notices if "was refused" in notice]
    assert {path.name for path in (tmp_path / "library" / "lora").iterdir()} == {"good.safetensors"}


def test_entries_without_a_name_do_not_end_a_listing() -> None:
    """One wrong entry is a notice, whatever is in the place of its name."""
    tree = [{"type": "file"}, {"type": "file", "path": 7, "lfs": "x"}, {"type": 5}, {}]
    tree.append({"type": "file", "path": "\ud800.safetensors"})  # not Unicode
    good = {"type": "file", "path": "good.safetensors", "size": 1, "oid": "0" * 40}
    document = json.dumps([*tree, good])
    with answering(
        lambda handler, path, query: handler.send_text(document if "/tree/" in path else json.dumps(INFO))
    ) as (url, _):
        model = HuggingFace(endpoints=(url,)).resolve("a/b")
    assert [file.name for file in model.files] == ["good.safetensors"]
    assert len(model.notices) == 3


@pytest.mark.parametrize("commit", ["..", "../../x", "a/b", "", "x\r\ny", "%2e%2e", "?"])
@pytest.mark.parametrize("name", ["a/..", "../b", "a/b/../../c", "a", "a/b?x=", "a\\b/c", "a/b#"])
def test_commits_and_new_names_of_repositories_are_checked(commit: str, name: str) -> None:
    """They stand in addresses too; what is not a commit or a repository is not used."""
    good = {"type": "file", "path": "good.safetensors", "size": 1, "oid": "0" * 40}

    def reply(handler: object, path: str, query: dict[str, str]) -> None:
        handler.send_json([good] if "/tree/" in path else {"id": name, "sha": commit})  # type: ignore[attr-defined]

    with answering(reply) as (url, paths):
        model = HuggingFace(endpoints=(url,)).resolve("a/b")
    assert model.files[0].url == f"{url}/a/b/resolve/main/good.safetensors"
    assert all(path.startswith("/api/models/a/b") for path in paths)


def civitai(url: str) -> RemoteModel:
    """Resolve a model at a server that answers as Civitai."""
    return Civitai(endpoint=url).resolve("civitai:7")


def modelscope(url: str) -> RemoteModel:
    """Resolve a repository at a server that answers as ModelScope."""
    return ModelScope(endpoint=url).resolve("ms:a/b")


@pytest.mark.parametrize("resolve", [civitai, modelscope])
def test_other_services_are_checked_alike(resolve: Callable[[str], RemoteModel]) -> None:
    """Civitai's list of files and ModelScope's paths."""
    names = ["../../evil.safetensors", "C:\\evil.safetensors", "good.safetensors"]
    documents = {
        "/api/v1/models/7": {"id": 7, "modelVersions": [{"id": 8, "files": [{"name": name} for name in names]}]},
        "/api/v1/models/a/b/repo/files": {
            "Code": 200,
            "Data": {"Files": [{"Path": name, "Size": 1} for name in names]},
        },
    }
    with answering(lambda handler, path, query: handler.send_json(documents.get(path, {}))) as (url, _):
        model = resolve(url)
    assert [file.name for file in model.files] == ["good.safetensors"]
    assert len([notice for notice in model.notices if "was refused" in notice]) == 2
    assert json.dumps(model.notices).isascii()


def test_a_plug_in_is_checked_alike() -> None:
    """Whatever a plug-in passes on comes from a service."""

    class Odd:
        kind = "odd"

        def claims(self, source: str) -> bool:
            return True

        def resolve(self, source: str, *, revision: str | None = None) -> RemoteModel:
            files = tuple(RemoteFile(name=name, url="http://127.0.0.1/x") for name in ("../x", "y"))
            return RemoteModel(kind="odd", reference="odd:x", title="x", files=files, notices=("first",))

    model = guarded("odd", Odd()).resolve("odd:x")
    assert [file.name for file in model.files] == ["y"]
    assert len(model.notices) == 2 and model.notices[0] == "first"
