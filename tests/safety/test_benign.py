"""What people keep in their checkpoints raises no alarm: as a torch zip file, in the old format, as a plain pickle."""

from __future__ import annotations

import argparse
import collections
import datetime
import pathlib
import pickle
import sys
import types
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from modelhub.domain import Verdict
from modelhub.formats import read_header
from modelhub.safety import assess

torch = pytest.importorskip("torch", reason="torch writes the files of these tests")
numpy = pytest.importorskip("numpy", reason="numpy makes some of the values")

SAFE, LEGACY, SUSPICIOUS = Verdict.SAFE, Verdict.SAFE_LEGACY, Verdict.SUSPICIOUS


def stand_in(module: str, name: str, base: type = object) -> type:
    """Return a class of a library that need not be installed, importable under its name so that it can be pickled."""
    parts = module.split(".")
    for count in range(1, len(parts) + 1):
        sys.modules.setdefault(".".join(parts[:count]), types.ModuleType(".".join(parts[:count])))
    made = type(name, (base,), {"__module__": module})
    setattr(sys.modules[module], name, made)
    return made


@pytest.fixture(autouse=True)
def _modules_restored() -> Any:
    before = dict(sys.modules)
    yield
    for name in set(sys.modules) - set(before):
        if name.split(".")[0] in ("pytorch_lightning", "lightning", "omegaconf", "ultralytics", "transformers"):
            del sys.modules[name]


def with_attributes(made: Any, **attributes: Any) -> Any:
    made.__dict__.update(attributes)
    return made


def omegaconf() -> Any:
    """Return settings as Lightning checkpoints of 2022 hold them."""
    config, meta = stand_in("omegaconf.dictconfig", "DictConfig"), stand_in("omegaconf.base", "ContainerMetadata")
    node, plain = stand_in("omegaconf.nodes", "AnyNode"), stand_in("omegaconf.base", "Metadata")
    items = stand_in("omegaconf.listconfig", "ListConfig")
    about = with_attributes(
        meta(),
        ref_type=Any,
        object_type=dict,
        optional=True,
        key=None,
        element_type=Any,
        key_type=str,
        flags={},
        resolver_cache=collections.defaultdict(dict),
    )
    leaf = with_attributes(
        node(), _val=1e-4, _parent=None, _metadata=with_attributes(plain(), ref_type=float, key="lr")
    )
    inner = with_attributes(items(), _content=[leaf], _metadata=about, _parent=None)
    return with_attributes(config(), _content={"lr": leaf, "list": inner}, _metadata=about, _parent=None)


def optimizer_state() -> Any:
    parameter = torch.nn.Parameter(torch.ones(2))
    optimizer = torch.optim.AdamW([parameter])
    parameter.sum().backward()
    optimizer.step()
    return optimizer.state_dict()


def parameter_with_attributes() -> Any:
    parameter = torch.nn.Parameter(torch.ones(2))
    parameter.description = "an attribute"
    return parameter


def callback(name: str, module: str = "pytorch_lightning.callbacks") -> Any:
    return {stand_in(f"{module}.{name.lower()}", name): {"wait_count": 0, "best_model_path": ""}}


def attribute_dict() -> Any:
    return stand_in("pytorch_lightning.utilities.parsing", "AttributeDict", dict)({"lr": 1e-4})


def weights() -> Any:
    made = OrderedDict((f"model.diffusion_model.{index}.weight", torch.zeros(4, 4)) for index in range(3))
    made._metadata = OrderedDict({"": {"version": 1}})  # type: ignore[attr-defined]  # as torch's own state dicts have
    return made


# name → (what it makes, verdict as torch zip file and in the old format)
SHAPES: dict[str, tuple[Callable[[], Any], Verdict]] = {
    "state dict": (weights, SAFE),
    "parameter": (lambda: torch.nn.Parameter(torch.ones(3)), SAFE),
    "parameter with attributes": (parameter_with_attributes, SAFE),
    "half": (lambda: torch.ones(3).half(), SAFE),
    "bfloat16": (lambda: torch.ones(3).bfloat16(), SAFE),
    "float8": (lambda: torch.ones(4).to(torch.float8_e4m3fn), SAFE),
    "float8 e5m2": (lambda: torch.ones(4).to(torch.float8_e5m2), SAFE),
    "uint16": (lambda: torch.ones(3).to(torch.uint16), SAFE),
    "bool": (lambda: torch.ones(3).bool(), SAFE),
    "complex": (lambda: torch.ones(3, dtype=torch.complex64), SAFE),
    "conjugate": (lambda: torch.ones(3, dtype=torch.complex64).conj(), SAFE),
    "complex128": (lambda: torch.ones(3, dtype=torch.complex128), SAFE),
    "meta": (lambda: torch.ones(3, device="meta"), SAFE),
    "sparse": (lambda: torch.ones(3, 3).to_sparse(), SAFE),
    "sparse csr": (lambda: torch.ones(3, 3).to_sparse_csr(), SAFE),
    "quantized": (lambda: torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.qint8), SAFE),
    "quantized by channel": (
        lambda: torch.quantize_per_channel(
            torch.ones(2, 3), torch.tensor([0.1, 0.2]), torch.tensor([0, 0]), 0, torch.quint8
        ),
        SAFE,
    ),
    "nested": (lambda: torch.nested.nested_tensor([torch.ones(2), torch.ones(3)]), SAFE),
    "jagged": (lambda: torch.nested.nested_tensor([torch.ones(2), torch.ones(3)], layout=torch.jagged), LEGACY),
    "views of one storage": (lambda: dict(zip("ab", torch.arange(12.0).reshape(3, 4).T.split(2), strict=True)), SAFE),
    "expanded": (lambda: torch.ones(1, 3).expand(5, 3), SAFE),
    "empty": (lambda: {"a": torch.zeros(0), "b": torch.zeros(0, 4), "c": torch.tensor(1.0)}, SAFE),
    "torch's random state": (torch.get_rng_state, SAFE),
    "optimizer": (optimizer_state, SAFE),
    "dtype and device": (lambda: {"a": torch.float16, "b": torch.device("cuda:1"), "c": torch.device("cpu")}, SAFE),
    "layout, size and scheme": (
        lambda: {"a": torch.strided, "b": torch.Size([1, 2]), "c": torch.per_tensor_affine},
        SAFE,
    ),
    "defaultdict": (lambda: collections.defaultdict(list, {"a": [1]}), SAFE),
    "defaultdict of dicts": (lambda: collections.defaultdict(dict), SAFE),
    "Counter": (lambda: collections.Counter("abca"), SAFE),
    "plain values": (
        lambda: {"i": -5, "f": 0.5, "t": (1, "x"), "l": [1, [2]], "n": None, "b": True, "large": 1 << 100, "ü": "日本"},
        SAFE,
    ),
    "sets and slices": (lambda: {"s": {1, 2}, "f": frozenset("ab"), "c": slice(1, None, 2), "z": 1 + 2j}, SAFE),
    "bytes": (lambda: {"a": b"", "b": b"\x00\xff", "c": bytearray(b"xyz")}, LEGACY),
    "numpy scalar": (lambda: {"best": numpy.float64(0.25), "n": numpy.int64(3), "b": numpy.bool_(True)}, LEGACY),
    "numpy arrays": (
        lambda: {"a": numpy.arange(5), "t": numpy.array(["x", "yy"]), "e": numpy.zeros(2, ">f4"), "z": numpy.zeros(0)},
        LEGACY,
    ),
    "numpy structured": (lambda: numpy.zeros(2, dtype=[("a", "f4"), ("b", "i8", (2,))]), LEGACY),
    "numpy dates": (lambda: {"a": numpy.datetime64("2022-08-22"), "b": numpy.dtype("f2")}, LEGACY),
    "numpy random state": (lambda: numpy.random.RandomState(1), LEGACY),
    "numpy random state as tuple": (lambda: numpy.random.RandomState(1).get_state(), LEGACY),
    "numpy generator": (lambda: numpy.random.default_rng(1), LEGACY),
    "numpy generator of another kind": (lambda: numpy.random.Generator(numpy.random.Philox(3)), LEGACY),
    "torch's version": (lambda: torch.__version__, LEGACY),
    "ParameterDict": (lambda: torch.nn.ParameterDict({"*": torch.ones(2, 3)}), LEGACY),
    "ParameterList": (lambda: torch.nn.ParameterList([torch.ones(2)]), LEGACY),
    "argparse": (lambda: argparse.Namespace(lr=1e-4, name="x", sizes=[1, 2], inner=argparse.Namespace(a=1)), LEGACY),
    "SimpleNamespace": (lambda: types.SimpleNamespace(a=1, dtype=torch.float16), LEGACY),
    "omegaconf": (omegaconf, LEGACY),
    "Lightning's ModelCheckpoint as key": (lambda: callback("ModelCheckpoint"), LEGACY),
    "Lightning's EarlyStopping as key": (lambda: callback("EarlyStopping"), LEGACY),
    "the new Lightning's callback as key": (
        lambda: callback("LearningRateMonitor", "lightning.pytorch.callbacks"),
        LEGACY,
    ),
    "Lightning's settings": (attribute_dict, LEGACY),
    "a path": (lambda: pathlib.PurePosixPath("a/b"), SUSPICIOUS),
    "a date": (lambda: datetime.datetime(2022, 8, 22), SUSPICIOUS),
    "a trainer's arguments": (
        lambda: with_attributes(stand_in("transformers.training_args", "TrainingArguments")(), lr=1e-4),
        SUSPICIOUS,
    ),
    "a whole network of another library": (
        lambda: with_attributes(stand_in("ultralytics.nn.tasks", "DetectionModel")(), _modules={}),
        SUSPICIOUS,
    ),
    "a whole network of torch": (lambda: torch.nn.Sequential(torch.nn.Linear(2, 3)), SUSPICIOUS),
}


@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "old"])
@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.filterwarnings("ignore")
def test_what_people_keep_has_the_fair_verdict(tmp_path: Path, name: str, legacy: bool) -> None:
    """Beside the weights, in both of torch's formats; unknown code is suspicious, and nothing here is dangerous."""
    make, expected = SHAPES[name]
    path = tmp_path / "model.ckpt"
    torch.save({"state_dict": weights(), "more": make()}, path, _use_new_zipfile_serialization=not legacy)
    header = read_header(path)
    report = assess(header)
    assert report.verdict is expected, report.findings
    assert not header.broken
    assert len(header.tensors) == 3


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize(
    "name", ["plain values", "sets and slices", "defaultdict", "Counter", "numpy arrays", "argparse"]
)
def test_plain_pickles_of_every_protocol_are_read(tmp_path: Path, name: str, protocol: int) -> None:
    """Protocols 0 and 1 rebuild objects through `copyreg`, which is code of another library to a reader."""
    make, _ = SHAPES[name]
    path = tmp_path / "values.pkl"
    path.write_bytes(pickle.dumps(make(), protocol))
    rebuilt = protocol < 2 and name == "argparse"
    accepted = (SUSPICIOUS,) if rebuilt else (SAFE, LEGACY)
    report = assess(read_header(path))
    assert report.verdict in accepted, report.findings


def test_a_torchscript_file_is_called_a_program(tmp_path: Path) -> None:
    """Not weights, and not dangerous either: its code runs in torch's own interpreter."""
    path = tmp_path / "scripted.pt"
    torch.jit.trace(torch.nn.Linear(2, 3), torch.ones(1, 2)).save(str(path))
    report = assess(read_header(path))
    assert report.verdict is SUSPICIOUS
    assert any("a program for torch's own interpreter" in finding for finding in report.findings)


def test_long_bytes_in_a_torch_file_raise_no_alarm(tmp_path: Path) -> None:
    """Bytes and arrays too long for the walk to keep are still part of the checksum."""
    path = tmp_path / "model.pt"
    torch.save({"a": torch.zeros(2), "text": "x" * 100_000, "array": numpy.ones(30_000), "bytes": b"x" * 200_000}, path)
    assert assess(read_header(path)).verdict is LEGACY
