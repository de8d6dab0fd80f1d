"""Pull against a hub on this machine: choose, reuse, verify, place, record; every failure clear, nothing half done."""

from __future__ import annotations

import hashlib
import json
import shutil
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from modelhub import config
from modelhub.catalog import Catalog, ModelQuery
from modelhub.cli.remedies import sentence
from modelhub.cli.views.pull import result_lines
from modelhub.domain import Format, ModelType, Style, Verdict
from modelhub.errors import AccessError, ModelhubError, NetworkError, NotFoundError, UnsafeError, UsageError
from modelhub.fetch.choice.criteria import FileCriteria
from modelhub.fetch.sources.registry import fetchers
from modelhub.operations.remote.pull import PullPlan, PullRequest, PullResult, plan_pull, pull
from modelhub.storage import free_space
from modelhub.storage.errors import DiskFullError, TargetExistsError
from modelhub.testing.files import adapters, folders, hostile, networks, safetensors_file, torch_file
from modelhub.testing.files.networks import SMALL
from modelhub.testing.files.tensors import Tensor, cast
from modelhub.testing.hubs.faulty import Fault, serving
from modelhub.testing.hubs.hub import Hub, repositories_in

SD15 = "stable-diffusion-v1-5/stable-diffusion-v1-5"


@dataclass
class Place:
    """One user: a hub, a library, and an empty Hugging Face cache."""

    hub: Hub
    folder: Path
    catalog: Catalog
    settings: config.Settings

    @property
    def library(self) -> Path:
        """Where models go."""
        return self.settings.library

    def plan(self, source: str, **criteria: object) -> PullPlan:
        """Plan a pull."""
        extra = {name: criteria.pop(name) for name in ("revision", "to", "name", "style", "sha256") if name in criteria}
        request = PullRequest(source=source, criteria=FileCriteria(**criteria), **extra)  # type: ignore[arg-type]
        return plan_pull(request, fetchers=fetchers(self.settings))

    def pull(self, source: str, **criteria: object) -> PullResult:
        """Plan a pull and carry it out."""
        return pull(self.plan(source, **criteria), catalog=self.catalog, settings=self.settings)

    def fetched(self) -> list[str]:
        """Return the downloads that the hub has served."""
        return [str(request) for request in self.hub.requests if "resolve" in str(request)]


@pytest.fixture
def repositories(tmp_path: Path) -> Path:
    """What the hub holds: a base in several variants, a LoRA, a dangerous file, a diffusers folder."""
    folder = tmp_path / "hub"
    main = networks.sd1(SMALL)
    safetensors_file.write(folder / SD15 / "v1-5-pruned-emaonly.safetensors", cast(main, "F16"), seed=1)
    safetensors_file.write(folder / SD15 / "v1-5-pruned.safetensors", networks.sd1(SMALL, both=True), seed=2)
    metadata = adapters.lora_metadata("reddress", "reddress", rank=4)
    safetensors_file.write(
        folder / "painter/dress" / "pytorch_lora_weights.safetensors", adapters.lora_sd1(4), metadata=metadata, seed=3
    )
    (folder / "stranger/trap").mkdir(parents=True)
    hostile.checkpoint(folder / "stranger/trap" / "upgrade.ckpt")
    folders.write(folder / "painter/pipeline")
    (folder / "painter/page").mkdir()
    (folder / "painter/page" / "model.safetensors").write_text("<!DOCTYPE html><title>Sign in</title>")
    return folder


@pytest.fixture
def place(repositories: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """A fresh user of that hub."""
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.delenv("HF_TOKEN", raising=False)
    with Hub(repositories, gone=("runwayml/stable-diffusion-v1-5",)) as hub:
        environ = {"MODELHUB_CONFIG": str(tmp_path / "none"), "MODELHUB_HUGGINGFACE_ENDPOINTS": hub.url}
        environ |= {"MODELHUB_TRANSFER_RETRIES": "2", "MODELHUB_TRANSFER_STALL_SECONDS": "5"}
        settings = config.load(library=tmp_path / "library", environ=environ)
        with Catalog.open(settings.catalog_location) as catalog:
            yield Place(hub, tmp_path, catalog, settings)


def test_the_small_file_for_pictures_is_taken_and_catalogued(place: Place) -> None:
    """One file of many, in the folder of its type, with hash, source and commit."""
    result = place.pull(SD15)
    (model,) = result.models
    assert model.path == place.library / "base" / "v1-5-pruned-emaonly.safetensors"
    assert model.detection.type is ModelType.BASE
    assert model.main.sha256 == hashlib.sha256(model.path.read_bytes()).hexdigest()
    (source,) = model.sources
    assert (source.kind, source.reference, source.path) == ("huggingface", SD15, "v1-5-pruned-emaonly.safetensors")
    assert source.commit
    assert len(list((place.library / "base").iterdir())) == 1


def test_a_moved_repository_is_found_at_its_successor(place: Place) -> None:
    """The user's first command works today; both names are recorded."""
    result = place.pull("runwayml/stable-diffusion-v1-5")
    (source,) = result.models[0].sources
    assert source.reference == SD15
    assert source.requested == "runwayml/stable-diffusion-v1-5"
    assert any("runwayml" in notice and SD15 in notice for notice in result.plan.remote.notices)


def test_training_takes_the_file_with_both_sets(place: Place) -> None:
    """--for train."""
    assert place.pull(SD15, purpose="train").models[0].detection.has_ema


def test_a_plan_downloads_nothing(place: Place) -> None:
    """--dry-run has candidates, a choice and a reason."""
    plan = place.plan(SD15)
    assert [file.name for file in plan.choice.files] == ["v1-5-pruned-emaonly.safetensors"]
    assert len(plan.choice.candidates) == 2
    assert plan.choice.reason
    assert not place.library.joinpath("base").exists()


def test_a_file_already_held_is_not_downloaded(place: Place) -> None:
    """A second pull finds the file in the catalog and records the same model."""
    first = place.pull(SD15)
    before = len(place.fetched())
    again = place.pull(SD15)
    assert [item.origin for item in again.obtained] == ["held"]
    assert again.models[0].id == first.models[0].id
    assert not any("GET" in request and "emaonly" in request for request in place.fetched()[before:])


def test_a_blob_of_the_hugging_face_cache_is_used(place: Place, repositories: Path) -> None:
    """Its hash is checked, and it is linked or copied, never moved."""
    source = repositories / SD15 / "v1-5-pruned-emaonly.safetensors"
    digest = hashlib.sha256(source.read_bytes()).hexdigest()
    blob = place.folder / "hf" / "hub" / "models--a--b" / "blobs" / digest
    blob.parent.mkdir(parents=True)
    shutil.copy(source, blob)
    result = place.pull(SD15)
    assert [item.origin for item in result.obtained] == ["cached"]
    assert blob.exists()
    assert result.models[0].path is not None
    assert result.models[0].path.read_bytes() == source.read_bytes()


def test_a_damaged_cache_is_not_used(place: Place, repositories: Path) -> None:
    """A blob whose content is not what its name says is left alone, and the file downloaded."""
    source = repositories / SD15 / "v1-5-pruned-emaonly.safetensors"
    digest = hashlib.sha256(source.read_bytes()).hexdigest()
    blob = place.folder / "hf" / "hub" / "models--a--b" / "blobs" / digest
    blob.parent.mkdir(parents=True)
    blob.write_bytes(b"\0" * source.stat().st_size)
    assert [item.origin for item in place.pull(SD15).obtained] == ["downloaded"]


def test_a_file_whose_name_says_nothing_is_named_after_its_repository(place: Place) -> None:
    """`pytorch_lora_weights` would collide with the next LoRA."""
    (model,) = place.pull("painter/dress").models
    assert model.name == "dress"
    assert model.detection.type is ModelType.LORA
    assert "reddress" in {word.word for word in model.detection.trigger_words}


def test_name_style_and_folder_are_the_users(place: Place) -> None:
    """--name, --style, --to."""
    target = place.folder / "my models"
    (model,) = place.pull("painter/dress", name="红裙", style=Style.ANIME, to=target).models
    assert model.path == target / "红裙.safetensors"
    assert model.detection.style.value is Style.ANIME


def test_a_whole_diffusers_folder_is_one_model(place: Place) -> None:
    """Exactly the files it needs, under the repository's name; the second pull downloads nothing."""
    (model,) = place.pull("painter/pipeline").models
    assert model.format is Format.DIFFUSERS
    assert model.path == place.library / "base" / "pipeline"
    assert (model.path / "model_index.json").is_file()
    assert model.problems == ()
    again = place.pull("painter/pipeline")
    assert again.models[0].id == model.id
    assert {item.origin for item in again.obtained if item.remote.sha256} == {"held"}


def test_a_dangerous_pickle_is_kept_out(place: Place) -> None:
    """Even when pickles are allowed: quarantine, and nothing in the catalog."""
    with pytest.raises(UnsafeError, match=r"os\.system") as caught:
        place.pull("stranger/trap", allow_pickle=True)
    assert caught.value.code == 4
    (caught_file,) = (place.library / ".modelhub" / "quarantine").iterdir()
    assert caught_file.suffix == ".quarantined"
    assert place.catalog.list(ModelQuery()) == []
    assert not list(place.library.rglob("*.ckpt"))


def test_a_pickle_is_not_taken_unless_it_is_allowed(place: Place) -> None:
    """Refused at the choice, before anything is downloaded."""
    with pytest.raises(UnsafeError, match="pickle"):
        place.plan("stranger/trap")


def test_another_file_of_the_same_name_is_never_replaced(place: Place) -> None:
    """Other content under the target's name is reported, with a remedy."""
    taken = place.library / "base" / "v1-5-pruned-emaonly.safetensors"
    taken.parent.mkdir(parents=True)
    taken.write_bytes(b"mine")
    with pytest.raises(TargetExistsError) as caught:
        place.pull(SD15)
    assert "--name" in sentence(caught.value.remedy)
    assert taken.read_bytes() == b"mine"


def test_only_the_content_asked_for_is_accepted(place: Place) -> None:
    """--sha256 that the source contradicts ends before the download."""
    with pytest.raises(UsageError, match="SHA-256"):
        place.plan(SD15, sha256="0" * 64)
    with pytest.raises(UsageError, match="is not a SHA-256"):
        place.plan(SD15, sha256="xyz")


@pytest.mark.parametrize(
    ("source", "error", "code"),
    [
        ("nobody/nothing", NotFoundError, 3),
        (f"{SD15}@no-such-branch", NotFoundError, 3),
        (f"{SD15}/no-such-file.safetensors", NotFoundError, 3),
        ("not a source", UsageError, 2),
        ("ftp://example.org/model.safetensors", UsageError, 2),
    ],
)
def test_a_wrong_reference_is_reported(place: Place, source: str, error: type[ModelhubError], code: int) -> None:
    """Each kind of wrong reference has its own error and exit code, with a remedy."""
    with pytest.raises(error) as caught:
        place.pull(source)
    assert caught.value.code == code
    assert caught.value.remedy.text


def test_a_page_instead_of_a_model_is_refused(place: Place) -> None:
    """HTML under a model's name is refused; nothing is published."""
    with pytest.raises(ModelhubError):
        place.pull("painter/page")
    assert place.catalog.list(ModelQuery()) == []
    assert not list(place.library.rglob("*.safetensors"))


def test_a_hub_that_is_down_is_a_network_error(place: Place) -> None:
    """Exit 6, and the address is named."""
    environ = {"MODELHUB_CONFIG": str(place.folder / "none"), "MODELHUB_HUGGINGFACE_ENDPOINTS": "http://127.0.0.1:9"}
    settings = config.load(library=place.library, environ=environ)
    with pytest.raises(NetworkError) as caught:
        plan_pull(PullRequest(source=SD15, criteria=FileCriteria()), fetchers=fetchers(settings))
    assert caught.value.code == 6
    assert "127.0.0.1:9" in caught.value.message


def test_a_full_disk_is_reported_before_the_download(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Needed and free are named; nothing was fetched."""
    monkeypatch.setattr(free_space, "free_bytes", lambda _: 1000)
    plan = place.plan(SD15)
    before = len(place.fetched())
    with pytest.raises(DiskFullError, match="free"):
        pull(plan, catalog=place.catalog, settings=place.settings)
    assert len(place.fetched()) == before


def test_offline_uses_what_is_held_and_says_what_is_not(place: Place) -> None:
    """Offline, no request is sent."""
    environ = {"MODELHUB_CONFIG": str(place.folder / "none"), "MODELHUB_HUGGINGFACE_ENDPOINTS": place.hub.url}
    settings = config.load(library=place.library, environ=environ | {"HF_HUB_OFFLINE": "1"})
    before = len(place.hub.requests)
    with pytest.raises(ModelhubError):
        plan_pull(PullRequest(source=SD15, criteria=FileCriteria()), fetchers=fetchers(settings))
    assert len(place.hub.requests) == before


def test_gated_and_private_repositories_need_access(
    repositories: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit 5, with the page on which to accept or the token to set."""
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.delenv("HF_TOKEN", raising=False)
    with Hub(repositories, token="right") as hub:
        environ = {"MODELHUB_CONFIG": str(tmp_path / "none"), "MODELHUB_HUGGINGFACE_ENDPOINTS": hub.url}
        settings = config.load(library=tmp_path / "library", environ=environ | {"HF_TOKEN": "wrong"})
        with pytest.raises(AccessError) as caught:
            plan_pull(PullRequest(source=SD15, criteria=FileCriteria()), fetchers=fetchers(settings))
        assert caught.value.code == 5
        assert "wrong" not in caught.value.message + caught.value.remedy.text


@pytest.mark.parametrize("cut", [True, False])
def test_a_broken_file_without_a_stated_size_may_have_been_cut_short(place: Place, cut: bool) -> None:
    """The server that stated no size is not blamed for the content, and the download is not kept."""
    path = place.folder / "whole.safetensors"
    safetensors_file.write(path, adapters.lora_sd1(rank=1), seed=1)
    content = path.read_bytes()
    with serving(content if cut else content[:-10]) as server:
        server.always = Fault(whole=True, no_length=cut, drop_after=len(content) - 10 if cut else None)
        with pytest.raises(ModelhubError) as caught:
            place.pull(f"{server.url}/x.safetensors")
    ended_early = "The download ended early, and the server gave no size. Try again."
    assert (str(caught.value) == ended_early) is cut
    assert isinstance(caught.value, NetworkError) is cut
    assert not list(place.library.rglob("x.safetensors*"))


def pull_bytes(place: Place, content: bytes, name: str = "130072", **criteria: object) -> PullResult:
    """Pull a file of any name from a server that knows nothing about it."""
    with serving(content) as server:
        return place.pull(f"{server.url}/download/{name}", **criteria)


@pytest.mark.parametrize("name", ["130072", "notes.txt", "config.json", "a.png"])
@pytest.mark.parametrize("make", [hostile.checkpoint, hostile.bare_pickle])
def test_what_an_address_sends_is_judged_by_content(
    place: Place, tmp_path: Path, name: str, make: Callable[[Path], Path]
) -> None:
    """A pickle that runs code goes into quarantine under any name."""
    data = make(tmp_path / "made").read_bytes()
    with pytest.raises(UnsafeError, match="dangerous"):
        pull_bytes(place, data, name)
    assert not place.catalog.records(ModelQuery())
    (kept,) = (place.library / ".modelhub" / "quarantine").iterdir()
    assert kept.read_bytes() == data


def test_a_suspicious_download_is_kept_apart_with_a_way_to_its_tensors(place: Place, tmp_path: Path) -> None:
    """Code of another library is no reason to delete a model: its tensors can be saved without running anything."""
    call = torch_file.Call(torch_file.Global("pathlib", "PurePosixPath"), ("a",))
    content = {"string_to_param": {"*": Tensor("F32", (4, 768))}, "where": call}
    data = torch_file.write(tmp_path / "odd.pt", content).read_bytes()
    with pytest.raises(UnsafeError, match=r"pathlib\.PurePosixPath") as caught:
        pull_bytes(place, data, "odd.pt", allow_pickle=True)
    (kept,) = (place.library / ".modelhub" / "quarantine").iterdir()
    words = sentence(caught.value.remedy)
    assert str(kept) in words
    assert "--read-suspicious --to odd.safetensors" in words


def test_a_model_without_a_suffix_is_placed_under_a_name_that_uis_load(place: Place, tmp_path: Path) -> None:
    """Content decides type and suffix."""
    data = safetensors_file.write(tmp_path / "made", adapters.lora_sd1(4), seed=9).read_bytes()
    (model,) = pull_bytes(place, data).models
    assert model.path == place.library / "lora" / "130072.safetensors"
    assert model.safety.verdict is Verdict.SAFE


def test_a_pickle_without_a_suffix_must_be_allowed_too(place: Place, tmp_path: Path) -> None:
    """The user refuses pickles, whatever they are called."""
    data = torch_file.write(tmp_path / "made", adapters.embedding_a1111("easy"), seed=9).read_bytes()
    with pytest.raises(UnsafeError, match="pickle by its content"):
        pull_bytes(place, data)
    (model,) = pull_bytes(place, data, allow_pickle=True).models
    assert model.path == place.library / "embedding" / "130072.pt"


def test_what_cannot_be_looked_into_is_never_recorded_as_safe(place: Place) -> None:
    """An archive that states its kind is kept as unrecognised, bytes without a name are refused; a text is safe."""
    (archive,) = pull_bytes(place, b"7z\xbc\xaf\x27\x1c" + bytes(2000), "pack.7z").models
    assert archive.safety.verdict is Verdict.UNRECOGNISED
    (text,) = pull_bytes(place, b"# Read me\n" * 200, "README.md").models
    assert text.safety.verdict is Verdict.SAFE
    with pytest.raises(UnsafeError, match="unrecognised"):
        pull_bytes(place, bytes(range(256)) * 20)


def test_every_file_of_a_diffusers_folder_is_judged_by_content(place: Place, repositories: Path) -> None:
    """A hostile file among its settings stops the pull; a vocabulary in a format of its own does not."""
    folder = repositories / "painter/pipeline"
    (folder / "tokenizer").mkdir(exist_ok=True)
    (folder / "tokenizer" / "spiece.model").write_bytes(b"\n\x0e\n\x05<unk>\x15\0\0\0\0" * 50)
    place.hub.repositories.update(repositories_in(repositories))
    (model,) = place.pull("painter/pipeline", all=True).models
    verdicts = {file.role: file.safety.verdict for file in model.files}
    assert verdicts["tokenizer/spiece.model"] is Verdict.UNRECOGNISED
    assert verdicts["model_index.json"] is Verdict.SAFE
    hostile.bare_pickle(folder / "tokenizer" / "vocab.txt")
    place.hub.repositories.update(repositories_in(repositories))
    with pytest.raises(UnsafeError, match=r"vocab\.txt is dangerous"):
        place.pull("painter/pipeline", all=True)


def test_a_folder_that_names_code_of_its_own_arrives_with_a_warning(place: Place, repositories: Path) -> None:
    """It may be meant so: nothing runs by itself, the verdict is suspicious, and the result says what was found."""
    index = repositories / "painter/pipeline" / "model_index.json"
    content = json.loads(index.read_text(encoding="utf-8"))
    index.write_text(json.dumps(content | {"_class_name": ["my_pipeline", "MyPipeline"]}), encoding="utf-8")
    place.hub.repositories.update(repositories_in(repositories))
    result = place.pull("painter/pipeline")
    assert result.models[0].safety.verdict is Verdict.SUSPICIOUS
    shown = "\n".join(result_lines(result))
    assert "warning: suspicious" in shown
    assert "my_pipeline" in shown


@pytest.fixture
def pack(tmp_path: Path) -> bytes:
    """An archive of a LoRA, a good and a hostile embedding, and a text."""
    made = tmp_path / "made"
    path = tmp_path / "pack.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(safetensors_file.write(made / "a", adapters.lora_sd1(1), seed=1), "loras/style.safetensors")
        archive.write(torch_file.write(made / "b", adapters.embedding_a1111("easy"), seed=3), "easy.pt")
        archive.write(hostile.checkpoint(made / "c"), "trap.pt")
        archive.writestr("README.txt", "text")
    return path.read_bytes()


@pytest.mark.parametrize("name", ["pack.zip", "130072"])
def test_a_pulled_archive_is_unpacked_under_the_same_checks(place: Place, pack: bytes, name: str) -> None:
    """Its good models are added, the hostile one is quarantined, and the archive is not kept."""
    result = pull_bytes(place, pack, name, allow_pickle=True)
    assert {model.path for model in result.models} == {
        place.library / "lora" / "style.safetensors",
        place.library / "embedding" / "easy.pt",
    }
    (refused,) = result.refused
    assert isinstance(refused, UnsafeError)
    assert f"{name}/trap.pt is dangerous" in refused.message
    assert result.code == 4
    assert [source.path for source in place.catalog.find("style")[0].sources] == [f"{name}/loras/style.safetensors"]
    state = place.library / ".modelhub"
    assert [path.name.partition("-")[2] for path in (state / "quarantine").iterdir()] == ["trap.pt.quarantined"]
    assert not list(state.rglob("pack.zip"))
    assert not (state / "unpacked").exists()


def test_pickles_of_an_archive_must_be_allowed(place: Place, pack: bytes) -> None:
    """The others are added."""
    result = pull_bytes(place, pack, "pack.zip")
    assert [model.name for model in result.models] == ["style"]
    assert [error.summary.partition(" is ")[0] for error in result.refused] == ["pack.zip/easy.pt", "pack.zip/trap.pt"]


def test_an_archive_without_a_good_model_is_an_error(place: Place, tmp_path: Path) -> None:
    """Nothing was added."""
    path = tmp_path / "bad.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(hostile.checkpoint(tmp_path / "c"), "trap.pt")
    with pytest.raises(UnsafeError, match="trap"):
        pull_bytes(place, path.read_bytes(), "bad.zip", allow_pickle=True)
    assert not place.catalog.records(ModelQuery())


def test_a_repository_with_nothing_but_an_archive_offers_it(place: Place, repositories: Path, pack: bytes) -> None:
    """Where there is a model file, that one is taken."""
    folder = repositories / "painter/pack"
    folder.mkdir(parents=True)
    (folder / "pack.zip").write_bytes(pack)
    place.hub.repositories.update(repositories_in(repositories))
    assert {model.name for model in place.pull("painter/pack", allow_pickle=True).models} == {"style", "easy"}
    safetensors_file.write(folder / "own.safetensors", adapters.lora_sd1(1), seed=7)
    place.hub.repositories.update(repositories_in(repositories))
    assert [file.name for file in place.plan("painter/pack").choice.files] == ["own.safetensors"]
