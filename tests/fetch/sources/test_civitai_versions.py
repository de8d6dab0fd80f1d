"""Choosing among the versions of a Civitai page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from modelhub.errors import Exit, ModelhubError
from modelhub.fetch.fetcher import RemoteModel
from modelhub.fetch.sources.civitai_fetcher import Civitai
from modelhub.testing.hubs.civitai import CivitaiSite


def version(number: int, name: str, base: str = "SD 1.5", *, file: str = "", **more: Any) -> dict[str, Any]:
    """Return a version as the API lists it."""
    named = file or f"page_{number}.safetensors"
    address = f"https://civitai.com/api/download/models/{number}"
    listed = {"name": named, "type": "Model", "primary": True, "hashes": {}, "downloadUrl": address}
    return {"id": number, "name": name, "baseModel": base, "files": [listed], **more}


def resolve(*versions: dict[str, Any], source: str = "civitai:9409", revision: str | None = None) -> RemoteModel:
    """Return what a page with these versions, newest first, resolves to."""
    item = {"id": 9409, "name": "万象熔炉", "type": "Checkpoint", "modelVersions": list(versions)}
    with CivitaiSite([item]) as site:
        return Civitai(endpoint=site.url, sleep=lambda _: None).resolve(source, revision=revision)


def failure(*versions: dict[str, Any], source: str) -> ModelhubError:
    """Return the error of resolving."""
    with pytest.raises(ModelhubError) as caught:
        resolve(*versions, source=source)
    return caught.value


XL = version(384264, "XL", "SDXL 1.0")
INK = version(90854, "Ink")
V5 = version(30163, "V5")
V3 = version(34373, "V3")
PAGE = (XL, INK, V5, V3)


SPECIAL = (
    version(4, "V5.1 Hyper-Inpaint (VAE)", "SD 1.5 Hyper"),
    version(3, "V5.1-inpainting (VAE)"),
    version(2, "XL Lightning 4step", "SDXL 1.0"),
    version(1, "v1.0 LCM", "SD 1.5 LCM"),
)


@pytest.mark.parametrize(
    ("wanted", "suggested"),
    [
        ("xl", "XL Lightning 4step"),
        ("v1.0", "v1.0 LCM"),
        ("inpaint", "V5.1-inpainting (VAE)"),
        ("4step", "XL Lightning"),
    ],
)
def test_a_part_of_a_name_never_brings_a_distilled_version(wanted: str, suggested: str) -> None:
    """It is the only version with these words, but another model than they mean: it is suggested, not taken."""
    error = failure(*SPECIAL, source=f"civitai:9409@{wanted}")
    assert error.code == Exit.NOT_FOUND
    assert suggested in str(error.remedy)


@pytest.mark.parametrize(("wanted", "number"), [("lcm", "1"), ("lightning", "2"), ("hyper inpaint", "4"), ("1", "1")])
def test_a_distilled_version_is_taken_by_a_name_that_states_it(wanted: str, number: str) -> None:
    """Its notice says how to use it."""
    model = resolve(*SPECIAL, source=f"civitai:9409@{wanted}")
    assert model.version is not None and model.version.id == number
    assert any("is distilled: use few steps" in notice for notice in model.notices)


def test_an_air_name_of_another_architecture_than_its_version_is_announced() -> None:
    """The number decides, and the user learns what does not agree."""
    model = resolve(*PAGE, source="urn:air:sdxl:checkpoint:civitai:9409@30163")
    assert "Version V5 is listed for SD 1.5, not for SDXL." in model.notices
    agreeing = resolve(*PAGE, source="urn:air:sd1:checkpoint:civitai:9409@30163")
    assert agreeing.notices == ()


@pytest.mark.parametrize(
    ("source", "number"),
    [
        ("civitai:9409@30163", "30163"),
        ("civitai:9409@V5", "30163"),
        ("civitai:9409@v 5", "30163"),
        ("civitai:9409@5", "30163"),
        ("CIVITAI:9409@ink", "90854"),
        ("civitai:9409@xl", "384264"),
        ("https://civitai.com/models/9409/or-anything-v5", "30163"),
        ("https://civitai.com/models/9409/or-anything-v5?modelVersionId=34373", "34373"),
    ],
)
def test_a_version_is_named_by_number_name_or_address(source: str, number: str) -> None:
    """Case, separators and the v of a number do not count; an address keeps the name that the page had."""
    assert resolve(*PAGE, source=source).commit == number


def test_the_version_and_the_others_are_stated() -> None:
    """Name, base model, how many there are, and why this one."""
    model = resolve(*PAGE, source="civitai:9409@v5")
    assert model.version is not None
    assert (model.version.name, model.base_model, len(model.versions)) == ("V5", "SD 1.5", 4)
    assert model.version_reason == "the version that was named" and model.revision == "30163"


def test_words_that_several_names_have_are_refused_with_these_versions() -> None:
    """The ordinary one is the example."""
    versions = (version(1, "V5.1 Hyper (VAE)", "SD 1.5 Hyper"), version(2, "V5.1 (VAE)"), version(3, "V5.0 (VAE)"))
    error = failure(*versions, source="civitai:9409@V5.1")
    assert error.code == Exit.USAGE
    assert [line.split("  ")[0] for line in error.details] == ["civitai:9409@1", "civitai:9409@2"]
    assert "civitai:9409@2" in error.remedy.text
    assert resolve(*versions, source="civitai:9409@V5.1 (VAE)").commit == "2"


def test_an_unknown_version_has_a_suggestion_and_the_list() -> None:
    """The nearest name with what to pull; every version is listed."""
    error = failure(*PAGE, source="civitai:9409@inkk")
    assert error.code == Exit.NOT_FOUND and len(error.details) == 4
    assert error.remedy.text == "Did you mean Ink? Pull civitai:9409@90854."


def test_the_newest_of_another_base_model_is_announced() -> None:
    """A plain page takes its newest version, and says that older ones are for another base model."""
    model = resolve(*PAGE)
    assert (model.commit, model.version_reason) == ("384264", "the newest version")
    assert model.notices == ("Version XL is for SDXL 1.0; older ones are for SD 1.5, such as Ink: civitai:9409@90854.",)


def test_the_requested_architecture_is_preferred() -> None:
    """An AIR name states it."""
    model = resolve(*PAGE, source="urn:air:sd1:checkpoint:civitai:9409")
    assert (model.commit, model.version_reason) == ("90854", "the newest version for SD 1.5")
    assert model.notices == ("Version XL is newer, but for SDXL 1.0.",)


def test_a_missing_architecture_is_reported() -> None:
    """The newest version is taken all the same, with a notice."""
    model = resolve(V5, V3, source="urn:air:sdxl:checkpoint:civitai:9409")
    assert model.commit == "30163" and "万象熔炉 has no version for SDXL." in model.notices


@pytest.mark.parametrize(
    "special",
    [
        version(9, "V6 Hyper"),
        version(9, "V6", "SDXL Lightning"),
        version(9, "V6", "SD 1.5 LCM"),
        version(9, "Turbo V6"),
        version(9, "V6", file="page_v6DMD2.safetensors"),
        version(9, "8LCM"),
        version(9, "V6-inpainting"),
        version(9, "V6", baseModelType="Inpainting"),
    ],
)
def test_a_distilled_or_inpainting_version_is_passed_over(special: dict[str, Any]) -> None:
    """A plain name means the ordinary model; the newer one is named in a notice."""
    model = resolve(special, V5, V3)
    assert model.commit == "30163"
    assert model.version_reason == "the newest version that is neither distilled nor for inpainting"
    assert len(model.notices) == 1 and "is newer, but" in model.notices[0]


@pytest.mark.parametrize("name", ["V6 HyperRealistic", "Hyper Detailed V6", "V6"])
def test_a_word_of_style_is_not_distillation(name: str) -> None:
    """`hyper realistic` is a style; the page's own name in a file's name states nothing about a version."""
    assert resolve(version(9, name, file="turboMix_v6.safetensors"), V5).commit == "9"


def test_early_access_is_passed_over_with_a_true_reason() -> None:
    """The reason says that a newer version is not public yet."""
    early = version(9, "V6", availability="EarlyAccess", earlyAccessEndsAt="2030-01-02")
    model = resolve(early, V5, V3)
    assert (model.commit, model.version_reason) == ("30163", "the newest public version")
    assert model.notices == ("Version V6 is in early access until 2030-01-02; V5 is used instead.",)


def test_a_page_with_distilled_versions_only_gives_one() -> None:
    """It is all there is, and it is announced."""
    model = resolve(version(9, "V2 Turbo", "SDXL Turbo"), version(8, "V1 Turbo", "SDXL Turbo"))
    assert model.commit == "9"
    assert model.version_reason == "the newest version; all of them are distilled for few steps"
    assert "Version V2 Turbo is distilled: use few steps and low guidance." in model.notices


def test_a_name_that_contradicts_the_listed_base_is_announced() -> None:
    """The hub's own words do not agree; neither is believed silently."""
    model = resolve(version(9, "XL", "SD 1.5"), source="civitai:9409@9")
    assert "Version XL is listed for SD 1.5, but its name states SDXL." in model.notices


def test_real_pages_give_their_ordinary_version(shared: Path) -> None:
    """Of the real answers, Realistic Vision's two Hyper versions are passed over, the others are as listed."""
    items = json.loads((shared / "facts" / "civitai-models.json").read_text(encoding="utf-8"))["items"]
    with CivitaiSite(items) as site:
        fetch = Civitai(endpoint=site.url, sleep=lambda _: None)
        found = {item["id"]: fetch.resolve(f"civitai:{item['id']}").commit for item in items}
    newest = {item["id"]: str(item["modelVersions"][0]["id"]) for item in items}
    assert found == {**newest, 4201: "130072"}
