"""`render-test` refuses invalid options and prints results; the tests of the operation cover the rest."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from modelhub.cli.quoting import quote_argument
from modelhub.cli.views.render_test import sum_text
from modelhub.testing.files import adapters, safetensors_file
from tests.cli.test_app import modelhub
from tests.render.broken_copies import FAMILY

SUM = "18 work, 2 do not, 5 not tested."
pytest.importorskip("torch", reason="needs the extra [render]")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A library with an embedding."""
    assert modelhub("add", str(FAMILY / "nightgem.safetensors"), home=tmp_path).returncode == 0
    return tmp_path


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("--device", "gpu0"), 2, "`gpu0` is not a valid device"),
        (("--sampler", "magic"), 2, "`magic` is not a valid sampler"),
        (("--base", "nightgem"), 2, "nightgem is not a base"),
        (("--base", "nobody"), 3, "`nobody`"),
        (("--sheet", "x.bmp"), 2, "cannot be written as 'x.bmp'"),
        (("--steps", "0"), 2, "--steps"),
        (("--all", "--failed"), 2, "cannot be combined"),
        (("nightgem", "--all"), 2, "cannot be combined with named models"),
        (("--type", "upscaler"), 2, "`upscaler` is not a valid type to render-test"),
        (("nobody",), 3, "`nobody`"),
    ],
)
def test_invalid_options_are_refused(home: Path, words: tuple[str, ...], code: int, message: str) -> None:
    """An invalid option ends with its exit code before any render process starts."""
    done = modelhub("render-test", *words, home=home)
    assert done.returncode == code, done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_an_adapter_without_a_base_is_a_result(home: Path) -> None:
    """An adapter without a base is a result with a reason, not an error."""
    done = modelhub("render-test", "nightgem", home=home)
    assert done.returncode == 0, done.stderr
    assert "not-tested" in done.stdout
    assert "Not tested: the library has no matching base." in done.stdout
    assert "1 not tested." in done.stderr
    assert "An adapter needs a base of its own architecture; `modelhub known` lists some" in done.stderr


def test_an_adapter_of_a_common_architecture_names_the_base_to_download(home: Path) -> None:
    """The whole command can be copied."""
    safetensors_file.write(home / "dress.safetensors", adapters.lora_sd1(4), seed=1)
    modelhub("add", str(home / "dress.safetensors"), home=home)
    done = modelhub("render-test", "dress", home=home)
    assert f"`modelhub pull {quote_argument('Stable Diffusion 1.5')}` downloads a base for sd1." in done.stderr


def test_an_adapter_that_was_not_tested_has_not_failed(home: Path) -> None:
    """Good news is reported as good news."""
    modelhub("render-test", home=home)
    done = modelhub("render-test", "--failed", home=home)
    assert done.returncode == 0
    assert done.stderr == "No model has failed its last test.\n"


def test_a_library_without_a_base_says_how_to_get_one(home: Path) -> None:
    """The command that follows is named."""
    done = modelhub("render-test", "--type", "base", home=home)
    assert "the library has no base. `modelhub known` lists some to download." in done.stderr


def test_an_empty_library_says_how_to_get_models(home: Path) -> None:
    """So does one that is not there yet."""
    modelhub("rm", "state:present", "--yes", "--keep-files", home=home)
    done = modelhub("render-test", home=home)
    assert done.returncode == 0
    assert "No models yet. Add some with `modelhub add FOLDER` or `modelhub pull SOURCE`." in done.stderr
    none = modelhub("render-test", home=home, MODELHUB_LIBRARY=str(home / "nowhere"))
    assert none.returncode == 3
    assert "`modelhub add FOLDER` adds models to a new library." in none.stderr


@pytest.mark.skipif(__import__("torch").cuda.is_available(), reason="there is a CUDA device")
def test_a_missing_device_is_an_error(home: Path) -> None:
    """The error names the remedy."""
    assert modelhub("add", str(FAMILY / "miniature.safetensors"), home=home).returncode == 0
    done = modelhub("render-test", "miniature", "--device", "cuda", home=home)
    assert done.returncode == 1
    assert "torch finds no CUDA device" in done.stderr
    assert "--device auto" in done.stderr


def test_a_type_that_the_library_lacks_is_named(home: Path) -> None:
    """A library without VAEs has nothing to test of that type."""
    done = modelhub("render-test", "--type", "vae", home=home)
    assert done.returncode == 0, done.stderr
    assert "Nothing to test: the library has no models of type vae." in done.stderr


def test_the_document_has_the_published_keys(home: Path) -> None:
    """Each result of `render-test --json` is an object with the same keys."""
    (document,) = json.loads(modelhub("render-test", "nightgem", "--json", home=home).stdout)
    assert list(document) == [
        *("id", "name", "path", "type", "verdict", "good", "words", "warnings", "remedy", "base", "recipe"),
        *("metrics", "pictures", "seconds", "started_at"),
    ]
    assert (document["verdict"], document["good"], document["base"]) == ("not-tested", False, None)


@pytest.mark.parametrize(
    ("verdicts", "words"),
    [
        (["ok"] * 18 + ["noise", "uniform"] + ["not-tested", "crash", "timeout", "load-error", "out-of-memory"], SUM),
        (["ok", "damaged", "not-tested"], "1 works, 1 does not, 1 not tested."),
        (["needs-fp32-vae", "ok"], "2 work."),
        (["noise"], "1 does not work."),
        (["noise", "clipped"], "2 do not work."),
        (["not-tested"], "1 not tested."),
        (["noise", "crash"], "1 does not work, 1 not tested."),
    ],
)
def test_the_sum_counts_what_works_what_does_not_and_what_was_not_tested(verdicts: list[str], words: str) -> None:
    """A model of which nothing is proven counts as not tested."""
    assert sum_text(verdicts) == words
