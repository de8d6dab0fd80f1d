"""Asking a hub what a repository holds."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest
from huggingface_hub import snapshot_download

from modelhub.domain import TriggerWord
from modelhub.errors import Exit, ModelhubError, NetworkError, NotFoundError, UsageError
from modelhub.fetch.sources.huggingface_fetcher import HuggingFace
from modelhub.testing.hubs.hub import Hub, Repository

WEIGHTS = b"weights" * 1000
SD15 = Repository(
    files={
        "README.md": "# v1-5\n",
        "v1-5-pruned-emaonly.safetensors": WEIGHTS,
        "v1-5-pruned.ckpt": WEIGHTS[1:],
        "model_index.json": '{"_class_name": "P", "unet": ["diffusers", "U"], "vae": [null, null], "x": true}',
        "unet/config.json": "{}",
        "unet/diffusion_pytorch_model.safetensors": WEIGHTS[2:],
    },
    card={"license": "creativeml-openrail-m", "base_model": ["a/b", "c/d"], "instance_prompt": "sks dog"},
    tags=("diffusers", "lora"),
    scans={"v1-5-pruned.ckpt": "unsafe"},
    revisions={"fp16": {"half.safetensors": b"h"}},
)
SUCCESSOR = "stable-diffusion-v1-5/stable-diffusion-v1-5"


def fetcher(hub: Hub, *more: str, token: str | None = None, cache: Path | None = None) -> HuggingFace:
    """Return a fetcher of this hub that never waits."""
    return HuggingFace(endpoints=(hub.url, *more), token=token, cache=cache, sleep=lambda _: None)


def failure(hub: Hub, source: str, *, token: str | None = None, revision: str | None = None) -> ModelhubError:
    """Return the error of resolving `source`."""
    with pytest.raises(ModelhubError) as caught:
        fetcher(hub, token=token).resolve(source, revision=revision)
    return caught.value


def test_resolve_tells_sizes_hashes_addresses_and_scan_verdicts() -> None:
    """Every file carries what is needed to fetch and check it, at a fixed commit."""
    with Hub({"org/name": SD15}, page_size=2) as hub:
        model = fetcher(hub).resolve("org/name")
    files = {file.name: file for file in model.files}
    assert set(files) == set(SD15.files)
    weights = files["v1-5-pruned-emaonly.safetensors"]
    assert (weights.size, weights.sha256) == (len(WEIGHTS), hashlib.sha256(WEIGHTS).hexdigest())
    assert weights.url == f"{hub.url}/org/name/resolve/{model.commit}/v1-5-pruned-emaonly.safetensors"
    assert (weights.scan, files["v1-5-pruned.ckpt"].scan) == ("safe", "unsafe")
    assert files["README.md"].git_sha1 == hashlib.sha1(b"blob 7\0# v1-5\n").hexdigest()
    assert weights.credential is None
    assert model.components == ("unet",)


def test_a_repository_of_thousands_of_files_is_listed_in_large_pages() -> None:
    """Scan verdicts are given up where they would take hundreds of questions; no file is left out."""
    files = {f"loras/{number:04}.safetensors": b"%d" % number for number in range(2500)}
    with Hub({"org/many": Repository(files=files)}) as hub:
        model = fetcher(hub).resolve("org/many")
        assert len([request for request in hub.requests if "/tree/" in request.path]) < 30
    assert len(model.files) == 2500


def test_resolve_reads_the_model_card() -> None:
    """License, base, trigger word and tags of the card are in the answer."""
    with Hub({"org/name": SD15}) as hub:
        model = fetcher(hub).resolve("org/name")
    assert (model.license, model.base_model, model.model_type) == ("creativeml-openrail-m", "a/b", "lora")
    assert model.trigger_words == (TriggerWord("sks dog", "model card"),)
    assert "diffusers" in model.tags
    assert model.page == f"{hub.url}/org/name"


@pytest.mark.parametrize(
    ("source", "revision", "wanted"),
    [
        ("org/name", None, None),
        ("org/name@main", "main", None),
        ("hf:org/name", None, None),
        ("hf://org/name@main/unet", "main", "unet"),
        ("hf://models/org/name", None, None),
        ("org/name/unet/config.json", None, "unet/config.json"),
        ("https://huggingface.co/org/name", None, None),
        ("https://hf.co/org/name/tree/main/unet", "main", "unet"),
        ("https://hf-mirror.com/org/name/blob/main/unet/config.json", "main", "unet/config.json"),
        ("https://huggingface.co/org/name/resolve/main/v1-5-pruned.ckpt?download=true", "main", "v1-5-pruned.ckpt"),
        ("{hub}/org/name/raw/main/README.md", "main", "README.md"),
        ("https://huggingface.co/org/name/discussions/3", None, None),
        ("huggingface.co/org/name/tree/main", "main", None),
        ("https://huggingface.co/org/name/tree/refs%2Fheads%2Fmain", "refs/heads/main", None),
    ],
)
def test_sources_name_repository_revision_and_file(source: str, revision: str | None, wanted: str | None) -> None:
    """All ways to write a source lead to the same repository."""
    with Hub({"org/name": SD15}) as hub:
        model = fetcher(hub).resolve(source.replace("{hub}", hub.url))
    assert (model.title, model.revision, model.wanted) == ("name", revision, wanted)
    assert model.reference.startswith("org/name")


def test_claims_needs_no_network_and_leaves_other_words_alone() -> None:
    """Only hub references are claimed; paths, other addresses and other schemes are not."""
    fetch = HuggingFace(endpoints=("http://127.0.0.1:9",))
    for source in ("org/name", "hf:org/name", "https://huggingface.co/datasets/a/b", "http://127.0.0.1:9/a/b"):
        assert fetch.claims(source), source
    for source in (
        "./a/b",
        "/a/b",
        "name",
        "civitai:123",
        "https://example.org/a/b",
        "C:\\a\\b",
        "urn:air:sd1:x",
        "civitai.com/models/1",
    ):
        assert not fetch.claims(source), source


def test_a_revision_is_followed_and_recorded() -> None:
    """`--revision` and `@revision` list the files of that branch."""
    with Hub({"org/name": SD15}) as hub:
        by_option = fetcher(hub).resolve("org/name", revision="fp16")
        by_name = fetcher(hub).resolve("org/name@fp16")
        assert failure(hub, "org/name@fp16", revision="main").code == Exit.USAGE
    assert by_option == by_name
    assert [file.name for file in by_name.files] == ["half.safetensors"]


def test_a_moved_repository_is_taken_from_its_successor() -> None:
    """Where the asked-for name is gone, the successor is used and both names are told."""
    with Hub({SUCCESSOR: SD15}) as hub:
        model = fetcher(hub).resolve("runwayml/stable-diffusion-v1-5/v1-5-pruned.ckpt")
        assert hub.requests[0].path == "/api/models/runwayml/stable-diffusion-v1-5"
    assert model.requested == "runwayml/stable-diffusion-v1-5/v1-5-pruned.ckpt"
    assert model.reference == f"{SUCCESSOR}/v1-5-pruned.ckpt"
    assert SUCCESSOR in model.notices[0]


def test_a_renamed_repository_goes_by_its_new_name() -> None:
    """Where the hub itself redirects to a new name, that is what is recorded, with the old one as asked for."""
    with Hub({"new-org/new-name": SD15}, renamed={"org/name": "new-org/new-name"}) as hub:
        model = fetcher(hub).resolve("org/name@main/unet")
    assert (model.reference, model.requested) == ("new-org/new-name@main/unet", "org/name@main/unet")
    assert (model.repository, model.title) == ("new-org/new-name", "new-name")
    assert "new-org/new-name" in model.notices[0] and "/new-org/new-name/resolve/" in model.files[0].url


def test_a_repository_that_is_still_there_is_not_replaced() -> None:
    """The asked-for name wins as long as the hub has it."""
    with Hub({SUCCESSOR: SD15, "runwayml/stable-diffusion-v1-5": SD15}) as hub:
        model = fetcher(hub).resolve("runwayml/stable-diffusion-v1-5")
    assert (model.reference, model.requested, model.notices) == ("runwayml/stable-diffusion-v1-5", None, ())


def test_a_failing_hub_is_no_reason_to_use_a_successor() -> None:
    """Only `not there` leads to the successor; a busy hub does not."""
    with Hub({SUCCESSOR: SD15}) as hub:
        hub.be_busy(50)
        assert failure(hub, "runwayml/stable-diffusion-v1-5").code == Exit.NETWORK
        assert not any("stable-diffusion-v1-5/stable" in request.path for request in hub.requests)


def test_each_refusal_has_its_own_error() -> None:
    """Not there, no such revision or file, gated, private, wrong token: each has its own code and words."""
    repositories = {
        "org/name": SD15,
        "org/gated": Repository(files={"a.safetensors": WEIGHTS}, gated=True),
        "org/private": Repository(files={"a.safetensors": WEIGHTS}, private=True),
    }
    with Hub(repositories, token="hf_right") as hub:
        expected = {
            ("org/nothing", None): (Exit.NOT_FOUND, "no public repository org/nothing"),
            ("org/nothing", "hf_right"): (Exit.NOT_FOUND, "no repository org/nothing"),
            ("org/private", None): (Exit.NOT_FOUND, "may be private"),
            ("org/name@nope", None): (Exit.NOT_FOUND, "no revision `nope`"),
            ("org/name/unet/confg.json", None): (Exit.NOT_FOUND, "has no file or folder `unet/confg.json`"),
            ("org/gated", None): (Exit.ACCESS, "org/gated is gated"),
            ("org/name", "hf_wrong"): (Exit.ACCESS, "does not accept the access token"),
        }
        for (source, token), (code, words) in expected.items():
            error = failure(hub, source, token=token)
            assert (error.code, words in error.message) == (code, True), error.message
            assert error.remedy.text and "hf_" not in error.message + error.remedy.text
        assert f"{hub.url}/org/gated" in failure(hub, "org/gated").remedy.text
        model = fetcher(hub, token="hf_right").resolve("org/gated")
        credential = model.files[0].credential
        assert credential is not None and (credential.origin, credential.value) == (hub.url, "Bearer hf_right")
        assert "hf_right" not in repr(model)


def test_a_busy_hub_is_queried_again_after_the_time_it_names() -> None:
    """429 answers are waited out as `Retry-After` or `ratelimit` says."""
    waits: list[float] = []
    with Hub({"org/name": SD15}) as hub:
        hub.be_busy(1, retry_after=7)
        hub.be_busy(1, reset=5)
        model = HuggingFace(endpoints=(hub.url,), sleep=waits.append).resolve("org/name")
    assert sorted(waits) == [5, 7]
    assert model.files


def test_endpoints_are_tried_in_order() -> None:
    """A hub that is down, or lacks the repository, is passed over and named."""
    with Hub({}) as mirror, Hub({"org/name": SD15}) as hub:
        fetch = HuggingFace(endpoints=("http://127.0.0.1:9", mirror.url, hub.url), sleep=lambda _: None)
        model = fetch.resolve("org/name")
    assert model.files[0].url.startswith(hub.url)
    assert len(model.notices) == 2 and "127.0.0.1:9" in model.notices[0]


def test_a_hub_that_is_down_is_a_network_error() -> None:
    """Nobody listening, or something else answering: exit code 6, with the address."""
    for endpoint in ("http://127.0.0.1:9", "http://no-such-host.invalid"):
        with pytest.raises(NetworkError, match=endpoint):
            HuggingFace(endpoints=(endpoint,), sleep=lambda _: None).resolve("org/name")


def test_addresses_that_name_no_model_are_usage_errors() -> None:
    """Data sets, spaces and paths with `..` are refused before any question."""
    fetch = HuggingFace(endpoints=("http://127.0.0.1:9",))
    for source in (
        "https://huggingface.co/datasets/a/b",
        "hf://spaces/a/b",
        "org/name/../../x",
        "hf:name",
        "https://hf.co/",
    ):
        with pytest.raises(UsageError):
            fetch.resolve(source)


def test_offline_answers_come_from_the_cache(tmp_path: Path) -> None:
    """Offline, what another program has downloaded is all there is, and the successor's cache counts too."""
    with Hub({SUCCESSOR: SD15}) as hub:
        snapshot_download(SUCCESSOR, endpoint=hub.url, cache_dir=tmp_path, token=False)
    offline = HuggingFace(endpoints=(hub.url,), offline=True, cache=tmp_path)
    model = offline.resolve("runwayml/stable-diffusion-v1-5")
    files = {file.name: file for file in model.files}
    assert files["v1-5-pruned-emaonly.safetensors"].sha256 == hashlib.sha256(WEIGHTS).hexdigest()
    assert (model.components, len(files)) == (("unet",), 6)
    with pytest.raises(NotFoundError, match="Offline: org/other"):
        offline.resolve("org/other")


def test_the_environments_offline_switch_is_said() -> None:
    """HF_HUB_OFFLINE forbids questions; the error names the variable."""
    code = (
        "from modelhub.fetch.sources.huggingface_fetcher import HuggingFace\n"
        "from modelhub.errors import NetworkError\n"
        "try: HuggingFace(endpoints=('http://127.0.0.1:9',)).resolve('a/b')\n"
        "except NetworkError as e: print(e.message, e.remedy.text)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env={"HF_HUB_OFFLINE": "1", "PATH": ""}, capture_output=True, text=True
    )
    assert "HF_HUB_OFFLINE" in done.stdout and done.stderr == ""


def test_the_saved_token_is_used(tmp_path: Path) -> None:
    """The token that `hf auth login` has written below HF_HOME opens a private repository."""
    (tmp_path / "token").write_text("hf_right")
    with Hub({"org/private": Repository(files={"a.bin": b"a"}, private=True)}, token="hf_right") as hub:
        code = (
            "from modelhub.fetch.sources.huggingface_fetcher import HuggingFace\n"
            f"print(HuggingFace(endpoints=('{hub.url}',)).resolve('org/private').files[0].credential.value)"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], env={"HF_HOME": str(tmp_path), "PATH": ""}, capture_output=True, text=True
        )
    assert (done.stdout, done.stderr) == ("Bearer hf_right\n", "")
