"""Rules that installed distributions bring."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelhub.detect import detect
from modelhub.detect.rules import registry
from modelhub.domain import ModelType
from tests.detect.layouts import SD1, header, kohya_lora

_RULES = """
from modelhub.detect import FamilyRow, Rules, Sign, TypeRow
from modelhub.domain import ModelType
RULES = Rules(
    signs=(Sign("sonic:blocks", ("^sonic_blocks_#_",), probes=(("hidden", "in"),)),),
    families=(FamilyRow(architecture="sonic", one_of=("sonic:blocks",), widths={"hidden": frozenset({WIDTH, 96})}),),
)
"""


def _signs(row: str) -> str:
    return f"from modelhub.detect import Rules, Sign\nRULES = Rules(signs=({row},))"


_NETWORK = {"sonic_blocks.0.mix.weight": (64, 64), "sonic_blocks.1.mix.weight": (64, 64)}


def install(folder: Path, source: str, name: str = "sonic_rules") -> None:
    """Write a distribution as an installer does: its module and its metadata."""
    metadata = folder / f"{name}-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n", encoding="utf-8")
    (metadata / "entry_points.txt").write_text(f"[modelhub.rules]\n{name} = {name}:RULES\n", encoding="utf-8")
    (folder / f"{name}.py").write_text(source, encoding="utf-8")


def _forget() -> None:
    for function in (registry.plugins, registry.rules, registry.rules_version):
        function.cache_clear()


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Yield a folder from which Python imports; what was loaded from it is forgotten afterwards."""
    monkeypatch.syspath_prepend(tmp_path)
    _forget()
    yield tmp_path
    _forget()
    for path in tmp_path.glob("*.py"):
        sys.modules.pop(path.stem, None)


def test_without_plugins_the_built_in_rules_are_in_use(site: Path) -> None:
    """Nothing is added, and the version is that of the built-in rules."""
    assert registry.rules() is registry.BUILT_IN
    assert registry.rules_version() == registry.RULES_VERSION


def test_a_plugin_makes_an_unknown_network_known(site: Path) -> None:
    """Its family counts as a whole network, and other answers stay."""
    assert detect(header(_NETWORK), rules=registry.BUILT_IN).type is ModelType.UNKNOWN
    install(site, _RULES.replace("WIDTH", "64"))
    found = detect(header(_NETWORK))
    assert (found.type, found.architecture, found.components) == (ModelType.UNET, "sonic", ("unet",))
    assert any("sonic_blocks" in evidence.because for evidence in found.evidence)
    lora = detect(header(kohya_lora(SD1)))
    assert (lora.type, lora.architecture) == (ModelType.LORA, "sd1")


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("RULES = {}", "is a dict, not a Rules"),
        ("import a_module_that_is_missing", "ModuleNotFoundError"),
        (_signs("Sign('x', ('a',))"), "`group:name`"),
        (_signs("Sign('x:y', ('^$',))"), "empty pattern"),
        (_signs("Sign('x:y', 7)"), "wrong types"),
        (_signs("'x:y'"), "wrong types"),
        (_signs("Sign('x:y', ('a',), ('no',))"), "`no`"),
        (
            _signs("Sign('x:y', ('a',), probes=(('{0}', 'in'),))"),
            "`{0}`",
        ),
        (
            _signs("Sign('x:y', ('a',), probes=(('w', 'up'),))"),
            "`up`",
        ),
        (
            "from modelhub.detect import FamilyRow, Rules\n"
            "RULES = Rules(families=(FamilyRow(architecture='x', one_of=('x:y',)),))",
            "`x:y`",
        ),
    ],
)
def test_a_broken_plugin_changes_no_answer_and_has_a_reason(site: Path, source: str, reason: str) -> None:
    """Its rows are left out, whatever is wrong with them."""
    install(site, source)
    assert registry.rules() is registry.BUILT_IN
    (problem,) = registry.plugins().problems
    assert reason in problem.reason
    assert detect(header(kohya_lora(SD1))).architecture == "sd1"


def _in_a_new_process(site: Path, *arguments: str) -> str:
    code = f"import sys; sys.path.insert(0, {str(site)!r}); sys.argv = {['modelhub', *arguments]!r}; "
    code += "from modelhub.__main__ import main; main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_version_depends_on_the_rows_alone(site: Path) -> None:
    """It is the same in every process, and another for other rows."""
    install(site, _RULES.replace("WIDTH", "64"))
    code = f"import sys; sys.path.insert(0, {str(site)!r}); from modelhub.detect import rules_version as v; print(v())"
    versions = {subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout for _ in range(3)}
    assert versions == {f"{registry.rules_version()}\n"}
    assert registry.RULES_VERSION < registry.rules_version() < 1 << 31
    before = registry.rules_version()
    _forget()
    sys.modules.pop("sonic_rules")
    (site / "sonic_rules.py").write_text(_RULES.replace("WIDTH", "640"), encoding="utf-8")
    assert registry.rules_version() != before


def test_scan_identifies_again_after_a_plugin_comes_or_goes(site: Path) -> None:
    """The catalog's answers follow the rules, though no file has changed."""
    from modelhub.testing.files import safetensors_file
    from modelhub.testing.files.tensors import Tensor

    models, library = site / "models", site / "library"
    tensors = {name: Tensor("F16", shape) for name, shape in _NETWORK.items()}
    safetensors_file.write(models / "sonic.safetensors", tensors)

    def architecture() -> str | None:
        _in_a_new_process(site, "--library", str(library), "scan")
        (found,) = json.loads(_in_a_new_process(site, "--library", str(library), "list", "--json"))
        return str(found["architecture"]) if found["architecture"] else None

    _in_a_new_process(site, "--library", str(library), "add", str(models))
    assert architecture() is None
    install(site, _RULES.replace("WIDTH", "64"))
    assert architecture() == "sonic"
    (site / "sonic_rules-1.0.dist-info" / "entry_points.txt").unlink()
    assert architecture() is None
