"""Asking Civitai about models, versions, files and hashes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from modelhub.domain import TriggerWord
from modelhub.errors import Exit, ModelhubError, NetworkError, UsageError
from modelhub.fetch.choice.choose import choose
from modelhub.fetch.choice.criteria import FileCriteria, Precision, Purpose
from modelhub.fetch.sources.civitai_fetcher import Civitai
from modelhub.fetch.sources.civitai_reference import CivitaiReference, parse
from modelhub.testing.hubs.civitai import CivitaiSite, Refusals

WEIGHTS = b"weights" * 999


def file(name: str, *, kind: str = "Model", fp: str = "fp16", size: str = "pruned", **more: Any) -> dict[str, Any]:
    """Return a file as the API lists it."""
    container = "SafeTensor" if name.endswith(".safetensors") else "PickleTensor" if kind == "Model" else "Other"
    query = "" if more.get("primary") else f"?type={kind}&format={container}&size={size}&fp={fp}"
    return {
        "name": name,
        "type": kind,
        "sizeKB": 2082642.474609375,
        "pickleScanResult": "Success",
        "virusScanResult": "Success",
        "metadata": {"format": container, "size": size, "fp": fp},
        "hashes": {
            "SHA256": f"{name.encode().hex():0<64}"[:64].upper(),
            "AutoV2": f"{name.encode().hex()[:10]}".upper(),
        },
        "downloadUrl": f"https://api.civitai.com/api/download/models/{more.pop('version', 20)}{query}",
        **more,
    }


def version(number: int, *files: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return a version as the API lists it."""
    return {
        "id": number,
        "modelId": 7,
        "name": f"v{number}",
        "baseModel": "SD 1.5",
        "availability": "Public",
        "trainedWords": ["sks girl, masterpiece", "sks girl"],
        "files": list(files),
        "images": [{"url": "https://image.invalid/1.jpeg", "type": "image"}, {"url": "x.mp4", "type": "video"}],
        **more,
    }


ITEM: dict[str, Any] = {
    "id": 7,
    "name": "麦橘写实",
    "type": "LoCon",
    "nsfw": True,
    "tags": ["anime", "style"],
    "allowNoCredit": False,
    "allowCommercialUse": ["Image", "Sell"],
    "allowDerivatives": True,
    "allowDifferentLicense": False,
    "modelVersions": [
        version(30, file("late.safetensors", primary=True), availability="EarlyAccess", earlyAccessEndsAt="2030-01-02"),
        version(
            20,
            file("half.safetensors", primary=True),
            file("whole.safetensors", fp="fp32", size="full"),
            file("half.ckpt"),
            file("pictures.zip", kind="Training Data"),
            file("its.vae.pt", kind="VAE"),
        ),
        version(10),
    ],
}


@pytest.fixture
def site() -> Iterator[CivitaiSite]:
    """A site with one model of three versions."""
    with CivitaiSite([ITEM], contents={"half.safetensors": WEIGHTS}) as site:
        yield site


def fetcher(site: CivitaiSite, *, token: str | None = None) -> Civitai:
    """Return a fetcher of this site that never waits."""
    return Civitai(endpoint=site.url, token=token, sleep=lambda _: None)


def failure(site: CivitaiSite, source: str, *, token: str | None = None) -> ModelhubError:
    """Return the error of resolving `source`."""
    with pytest.raises(ModelhubError) as caught:
        fetcher(site, token=token).resolve(source)
    return caught.value


@pytest.mark.parametrize(
    ("source", "model", "wanted"),
    [
        ("civitai:4384", 4384, None),
        ("civitai:4384@128713", 4384, 128713),
        ("CIVITAI:@128713", None, 128713),
        ("https://civitai.com/models/4384/dreamshaper?modelVersionId=128713", 4384, 128713),
        ("https://civitai.green/models/4384", 4384, None),
        ("civitai.com/models/4384", 4384, None),
        ("https://www.civitai.red/de/models/4384/x", 4384, None),
        ("https://civitai.com/api/download/models/128713", None, 128713),
        ("https://api.civitai.com/api/v1/model-versions/128713", None, 128713),
        ("urn:air:sd1:checkpoint:civitai:4384@128713", 4384, 128713),
        ("air:sd1:checkpoint:civitai:4384@128713", 4384, 128713),
        ("urn:air:sdxl:lora:civitai:4384", 4384, None),
        ("urn:air:civitai:4384@128713:layer.safetensors", 4384, 128713),
        ("checkpoint:civitai:4384@128713", 4384, 128713),
        ("urn:air:sd1:checkpoint:4384@128713", 4384, 128713),
        ("4384@128713", 4384, 128713),
    ],
)
def test_all_ways_to_name_a_version_are_understood(source: str, model: int | None, wanted: int | None) -> None:
    """Short names, pages of all three hosts, download addresses and AIR names lead to the same ids."""
    reference = parse(source)
    assert reference is not None and (reference.model, reference.version) == (model, wanted)


@pytest.mark.parametrize(
    "source", ["org/name", "4384", "https://example.org/models/4384", "hf:a/b", "C:\\models", "a:b@1"]
)
def test_other_words_are_left_alone(source: str) -> None:
    """What is not Civitai's is not claimed."""
    assert parse(source) is None and not Civitai().claims(source)


@pytest.mark.parametrize(
    "source", ["civitai:", "civitai:abc", "https://civitai.com/user/me", "urn:air:sd1:lora:huggingface:7@8"]
)
def test_wrongly_written_names_are_usage_errors(source: str) -> None:
    """Civitai's own words without an id are claimed and explained."""
    assert Civitai().claims(source)
    with pytest.raises(UsageError):
        parse(source)


def test_download_addresses_keep_what_they_say_of_the_file() -> None:
    """Type, format, size and precision of a download address select the file."""
    reference = parse("https://civitai.com/api/download/models/20?type=Model&format=SafeTensor&size=full&fp=fp32")
    words = {"type": "Model", "format": "SafeTensor", "size": "full", "fp": "fp32"}
    assert reference == CivitaiReference(version=20, file=words, download=True)


def test_resolve_tells_all_that_the_page_says(site: CivitaiSite) -> None:
    """Names, base, words, tags, permissions, previews, files with sizes and hashes."""
    model = fetcher(site).resolve("civitai:7@20")
    assert (model.reference, model.title, model.commit, model.revision) == ("civitai:7@20", "麦橘写实", "20", "20")
    assert (model.base_model, model.model_type, model.tags) == ("SD 1.5", "lora", ("anime", "style", "nsfw"))
    assert model.trigger_words == (TriggerWord("sks girl", "civitai"), TriggerWord("masterpiece", "civitai"))
    assert model.license == "Civitai: credit needed; commercial use: Image, Sell; derivatives allowed; same license"
    assert model.previews == ("https://image.invalid/1.jpeg",)
    assert model.page == f"{site.url}/models/7?modelVersionId=20"
    half, whole = model.files[:2]
    assert (half.size, half.scan, half.facts["fp"]) == (len(WEIGHTS), "safe", "fp16")
    assert half.url == f"{site.url}/api/download/models/20"
    assert whole.size == 2132625894
    assert whole.url.endswith("?type=Model&format=SafeTensor&size=full&fp=fp32")


def test_the_token_goes_to_the_sites_own_origin_only(site: CivitaiSite) -> None:
    """The credential is bound to the endpoint; no user agent of a browser is sent."""
    model = fetcher(site, token=site.token).resolve("civitai:7@20")
    credential = model.files[0].credential
    assert credential is not None and (credential.origin, credential.value) == (site.url, f"Bearer {site.token}")
    assert site.token not in repr(model)
    for question in site.requests:
        assert question.headers["Authorization"] == f"Bearer {site.token}"
        assert question.headers["User-Agent"].startswith("modelhub/")


def test_a_netrc_file_does_not_replace_the_token(
    site: CivitaiSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither with a token nor without one does a netrc entry for the host reach it."""
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login a password b\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    fetcher(site, token=site.token).resolve("civitai:7")
    fetcher(site).resolve("civitai:7")
    assert [question.headers.get("Authorization") for question in site.requests] == [f"Bearer {site.token}", None]


def test_without_a_version_the_newest_that_everybody_may_have_is_taken(site: CivitaiSite) -> None:
    """Early access is passed over and named without a token; with one the newest is taken."""
    model = fetcher(site).resolve("civitai:7")
    assert (model.reference, model.commit, model.revision) == ("civitai:7", "20", None)
    assert "early access until 2030-01-02" in model.notices[0]
    assert fetcher(site, token=site.token).resolve("civitai:7").commit == "30"


def test_versions_are_found_by_number_and_name(site: CivitaiSite) -> None:
    """`--revision` takes either; what is not there is answered with what is."""
    assert fetcher(site).resolve("civitai:7", revision="V20").commit == "20"
    assert fetcher(site).resolve("civitai:@20").reference == "civitai:7@20"
    error = failure(site, "civitai:7@99")
    assert error.code == Exit.NOT_FOUND
    with pytest.raises(UsageError):
        fetcher(site).resolve("civitai:7@20", revision="30")


def test_a_download_address_means_its_file(site: CivitaiSite) -> None:
    """A plain one the primary file, one with words the file that they describe."""
    plain = fetcher(site).resolve(f"{site.url}/api/download/models/20")
    assert [file.name for file in plain.files] == ["half.safetensors"]
    described = fetcher(site).resolve(f"{site.url}/api/download/models/20?type=Model&fp=fp32")
    assert [file.name for file in described.files] == ["whole.safetensors"]
    assert failure(site, f"{site.url}/api/download/models/20?fp=bf16").code == Exit.NOT_FOUND


@pytest.mark.parametrize(
    ("criteria", "expected"),
    [
        (FileCriteria(), "half.safetensors"),
        (FileCriteria(purpose=Purpose.TRAIN), "whole.safetensors"),
        (FileCriteria(precision=Precision.FP32), "whole.safetensors"),
    ],
)
def test_the_file_is_chosen_by_what_the_site_states(site: CivitaiSite, criteria: FileCriteria, expected: str) -> None:
    """Precision, size and format come from the site; the model is chosen, not training pictures or the VAE."""
    choice = choose(fetcher(site).resolve("civitai:7@20"), criteria)
    assert [file.name for file in choice.files] == [expected]
    assert "pictures.zip" not in {row.file.name for row in choice.candidates}


def test_each_refusal_has_its_own_error(site: CivitaiSite) -> None:
    """Not there, no files, login, early access, archived, too many requests, out of order: each its code and words."""
    assert (failure(site, "civitai:8").code, failure(site, "civitai:7@10").code) == (Exit.NOT_FOUND, Exit.NOT_FOUND)
    assert "has no file to download" in failure(site, "civitai:7@10").message
    assert failure(site, "civitai:7", token="wrong").code == Exit.ACCESS
    expected = {401: Exit.ACCESS, 403: Exit.ACCESS, 404: Exit.NOT_FOUND, 410: Exit.NOT_FOUND, 503: Exit.NETWORK}
    for status, code in {**expected, 429: Exit.NETWORK}.items():
        site.fail(status, times=4 if status in (429, 503) else 1)
        error = failure(site, "civitai:7")
        assert error.code == code and error.remedy.text


def test_a_busy_site_is_asked_again_after_the_time_it_names(site: CivitaiSite) -> None:
    """429 with `Retry-After` is waited out."""
    waits: list[float] = []
    site.fail(429, **{"Retry-After": "9"})
    assert Civitai(endpoint=site.url, sleep=waits.append).resolve("civitai:7").files
    assert waits == [9.0]


def test_what_does_not_answer_like_civitai_is_a_network_error(site: CivitaiSite) -> None:
    """Nobody there, a page, and offline: exit code 6."""
    with pytest.raises(NetworkError, match="cannot be reached"):
        Civitai(endpoint="http://127.0.0.1:9", sleep=lambda _: None).resolve("civitai:7")
    site.fail(200, times=2)
    for ask in (fetcher(site).by_hash, fetcher(site).resolve):
        with pytest.raises(NetworkError, match="is not Civitai's"):
            ask("civitai:7")
    with pytest.raises(NetworkError, match="Offline"):
        Civitai(endpoint=site.url, offline=True).resolve("civitai:7")


def test_hashes_lead_to_versions(site: CivitaiSite) -> None:
    """One hash of any kind, or many SHA-256 in batches; unknown ones are left out."""
    known = fetcher(site).resolve("civitai:7@20").files[0].sha256
    assert known is not None
    found = fetcher(site).by_hash(known[:10])
    assert found is not None and (found.reference, found.model_type) == ("civitai:7@20", "lora")
    assert fetcher(site).by_hash("f" * 64) is None
    digests = [f"{number:064x}" for number in range(150)] + [known.upper()]
    answers = fetcher(site).by_hashes(digests)
    assert list(answers) == [known] and answers[known].base_model == "SD 1.5"
    assert [len(question.body) for question in site.requests if question.body] == [100, 51]


def test_hashes_are_asked_about_one_by_one_where_there_are_no_batches() -> None:
    """A service that knows only the question for one hash is asked that."""
    with CivitaiSite([ITEM], refusals=Refusals(batches=False)) as site:
        fetch = fetcher(site)
        digests = [str(each["hashes"]["SHA256"]).lower() for each in ITEM["modelVersions"][1]["files"]]
        assert set(fetch.by_hashes([*digests, "f" * 64])) == set(digests)
        fetch.by_hashes(digests)
        assert len([question for question in site.requests if question.method == "POST"]) == 1


def test_answers_with_holes_are_understood() -> None:
    """Any field but the ids may be null or missing, as in the real service's older entries."""
    holes = {"id": 20, "name": None, "trainedWords": [None, "a"], "images": [{"url": None}], "baseModel": None}
    bare = {"name": "a.safetensors", "type": None, "sizeKB": None, "metadata": None, "hashes": None, "downloadUrl": ""}
    with CivitaiSite([]) as site:
        site.items = [{"id": 7, "name": None, "tags": None, "modelVersions": [{**holes, "files": [bare, {}]}]}]
        model = fetcher(site).resolve("civitai:7")
    (only,) = model.files
    assert (model.title, only.size, only.sha256, only.scan) == ("20", None, None, None)
    assert only.url == f"{site.url}/api/download/models/20"
    assert model.trigger_words == (TriggerWord("a", "civitai"),)


def test_what_is_for_use_on_the_site_only_is_not_offered() -> None:
    """A version that its creator does not let be downloaded is passed over, or said when it was named."""
    item = {**ITEM, "modelVersions": [{**ITEM["modelVersions"][1], "usageControl": "InternalGeneration"}]}
    with CivitaiSite([item]) as site:
        for source in ("civitai:7", "civitai:7@20"):
            error = failure(site, source)
            assert error.code == Exit.NOT_FOUND and "on the site only" in error.remedy.text


def test_real_answers_are_understood(shared: Path) -> None:
    """Every model of a real answer resolves, and a file is chosen for each of its versions."""
    items = json.loads((shared / "facts" / "civitai-models.json").read_text(encoding="utf-8"))["items"]
    with CivitaiSite(items) as site:
        fetch = fetcher(site)
        for item in items:
            model = fetch.resolve(f"civitai:{item['id']}")
            assert (model.title, model.model_type) == (item["name"], "base")
            assert all(file.sha256 and file.size for file in model.files)
        for item in items:
            for one in item["modelVersions"]:
                if all(file["name"].endswith(".zip") for file in one["files"]):
                    continue
                choice = choose(fetch.resolve(f"civitai:{item['id']}@{one['id']}"), FileCriteria(allow_pickle=True))
                assert len(choice.files) == 1 and choice.layout == "file"
