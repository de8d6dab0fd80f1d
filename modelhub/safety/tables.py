"""Tables of the functions and classes that a model file may name or call, used by `assess`.

Naming is not calling: a class that only stands as a key or value does nothing but import its module, while a called one
runs. There are therefore two lists. `formats.pickles.known_calls` lists the arguments with which a name of
the first list may be called.

Sources: torch's own weights-only allow-list (2.13) for what state dicts need; the published SD checkpoints and what
torch, numpy, omegaconf and Lightning write for the harmless helpers; the public findings of pickle scanners for what
runs code.
"""

from __future__ import annotations

import re

from modelhub.domain import Verdict

_TORCH_STORAGES = (
    "DoubleStorage FloatStorage HalfStorage BFloat16Storage LongStorage IntStorage ShortStorage CharStorage ByteStorage"
    " BoolStorage ComplexFloatStorage ComplexDoubleStorage QInt8Storage QUInt8Storage QInt32Storage QUInt4x2Storage"
    " QUInt2x4Storage UntypedStorage TypedStorage"
)
_TORCH_CONSTANTS = (
    "float64 float32 float16 bfloat16 int64 int32 int16 int8 uint8 uint16 uint32 uint64 bool complex32 complex64"
    " complex128 float8_e4m3fn float8_e5m2 float8_e4m3fnuz float8_e5m2fnuz float8_e8m0fnu float4_e2m1fn_x2 double float"
    " half long int short qint8 quint8 qint32 quint4x2 quint2x4 bits8 bits16"
    " uint1 uint2 uint3 uint4 uint5 uint6 uint7 int1 int2 int3 int4 int5 int6 int7"
    " strided sparse_coo per_tensor_affine per_tensor_symmetric per_channel_affine per_channel_symmetric"
    " per_channel_affine_float_qparams"
)
_BUILTINS = "set frozenset dict list tuple int float bool str bytes bytearray complex slice"


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _pairs(module: str, names: str) -> set[tuple[str, str]]:
    return {(module, name) for name in names.split()}


# What a state dict of tensors is made of.
_MADE_OF = (
    _pairs("collections", "OrderedDict defaultdict Counter")
    | _pairs("torch", "Size device")
    | _pairs(
        "torch._utils",
        "_rebuild_tensor _rebuild_tensor_v2 _rebuild_tensor_v3 _rebuild_parameter _rebuild_parameter_with_state"
        " _rebuild_qtensor _rebuild_sparse_tensor _rebuild_sparse_csr_tensor _rebuild_meta_tensor_no_storage"
        " _rebuild_nested_tensor _rebuild_device_tensor_from_cpu_tensor _rebuild_device_tensor_from_numpy",
    )
    | _pairs("torch._tensor", "_rebuild_from_type_v2")
    | _pairs("torch.nn.parameter", "Parameter Buffer")
    | _pairs("torch.serialization", "_get_layout")
    | _pairs("builtins", _BUILTINS)
    | _pairs("__builtin__", _BUILTINS + " unicode long")
)
# Harmless helpers of old training tools that real SD files call; shown, because no loader needs them.
_HELPERS = (
    _pairs("numpy.core.multiarray", "scalar _reconstruct")
    | _pairs("numpy._core.multiarray", "scalar _reconstruct")
    | _pairs("numpy.core.numeric", "_frombuffer")
    | _pairs("numpy._core.numeric", "_frombuffer")
    | _pairs("numpy", "dtype")
    | _pairs("numpy.random._pickle", "__bit_generator_ctor __generator_ctor __randomstate_ctor")
    | _pairs("numpy.random.bit_generator", "__pyx_unpickle_SeedSequence")
    | _pairs("_codecs", "encode")
    | _pairs("torch.torch_version", "TorchVersion")
    | _pairs("torch.nn.modules.container", "ParameterDict ParameterList")
    | _pairs("torch.nested._internal.nested_tensor", "_rebuild_njt")
    | _pairs("torch._dynamo.decorators", "_DimRange")
    | _pairs("argparse", "Namespace")
    | _pairs("types", "SimpleNamespace")
    | _pairs("omegaconf.dictconfig", "DictConfig")
    | _pairs("omegaconf.listconfig", "ListConfig")
    | _pairs("omegaconf.base", "ContainerMetadata Metadata")
    | _pairs("omegaconf.nodes", "AnyNode StringNode IntegerNode FloatNode BooleanNode BytesNode PathNode")
    | _pairs("pytorch_lightning.utilities.parsing", "AttributeDict")
    | _pairs("lightning.pytorch.utilities.parsing", "AttributeDict")
    | _pairs("lightning_fabric.utilities.data", "AttributeDict")
    | _pairs("lightning.fabric.utilities.data", "AttributeDict")
    | _pairs("pytorch_lightning.utilities.enums", "ModelSummaryMode _FaultTolerantMode")
)
# May be called, with the verdict of a file that does.
CALLED: dict[tuple[str, str], Verdict] = dict.fromkeys(_MADE_OF, Verdict.SAFE) | dict.fromkeys(
    _HELPERS, Verdict.SAFE_LEGACY
)
# May only be named: constants, and classes that stand as arguments or keys.
NAMED: dict[tuple[str, str], Verdict] = dict.fromkeys(
    _pairs("torch", f"{_TORCH_STORAGES} {_TORCH_CONSTANTS} Tensor")
    | _pairs("torch.storage", "TypedStorage UntypedStorage")
    | _pairs("torch._tensor", "Tensor"),
    Verdict.SAFE,
) | dict.fromkeys(
    _pairs("numpy", "ndarray")
    | _pairs("numpy.random._mt19937", "MT19937")
    | _pairs("numpy.random._pcg64", "PCG64 PCG64DXSM")
    | _pairs("numpy.random._philox", "Philox")
    | _pairs("numpy.random._sfc64", "SFC64")
    | _pairs("numpy.random.bit_generator", "SeedSequence")
    | _pairs("torch.nested._internal.nested_tensor", "NestedTensor")
    | _pairs("typing", "Any"),
    Verdict.SAFE_LEGACY,
)
# Lightning's callbacks and enumerations stand as keys in its checkpoints: any class of these packages may be named.
_NAMED_PACKAGES = re.compile(
    r"(pytorch_lightning|lightning\.pytorch)\.(callbacks|utilities\.enums|trainer\.states)(\.\w+)*"
)
_CLASS = re.compile(r"_?[A-Z][A-Za-z0-9_]*")


def named_class(module: str, name: str, called: bool) -> Verdict | None:
    """Return the verdict on a class that a trainer's checkpoint only names, None for any other name or use."""
    if not called and _NAMED_PACKAGES.fullmatch(module) and _CLASS.fullmatch(name):
        return Verdict.SAFE_LEGACY
    return None


def is_dangerous(module: str, name: str) -> bool:
    """Return whether a name gives access to the system, the interpreter or the network."""
    if (module, name) in DANGEROUS:
        return True
    parts = module.split(".")
    inside = any(".".join(parts[:count]) in DANGEROUS_MODULES for count in range(1, len(parts) + 1))
    return inside and (module, name) not in _HARMLESS


# Names within dangerous modules that do nothing of the kind; TorchScript files name the first.
_HARMLESS = (
    _pairs("torch.jit._pickle", "build_intlist build_tensorlist build_doublelist build_boollist build_tensor_from_id")
    | _pairs("torch.jit._pickle", "restore_type_tag")
    | _pairs("types", "SimpleNamespace")
    | _pairs("torch._dynamo.decorators", "_DimRange")
    | _pairs("uuid", "UUID")
    | _pairs("uuid", "SafeUUID")
)
# A module (with everything below it) that gives access to the system, the interpreter or the network.
DANGEROUS_MODULES: frozenset[str] = _words(
    "os posix nt sys subprocess pty socket _socket ssl shutil ctypes _ctypes cffi importlib _frozen_importlib"
    " _frozen_importlib_external imp runpy code codeop commands popen2 platform signal threading _thread"
    " multiprocessing asyncio concurrent http urllib urllib2 urllib3 requests httplib httplib2 aiohttp httpx"
    " ftplib smtplib poplib imaplib telnetlib xmlrpc webbrowser pickle _pickle cPickle cloudpickle dill joblib"
    " marshal shelve types functools operator _operator inspect gc pdb bdb cProfile profile"
    " pstats timeit trace doctest unittest test tempfile glob fileinput io _io _pyio codecs linecache"
    " pydoc pkgutil zipimport zipfile tarfile pip setuptools distutils ensurepip venv site sysconfig idlelib"
    " lib2to3 tkinter turtle antigravity logging atexit builtin torch.hub torch.load"
    " torch.utils.bundled_inputs torch.utils.collect_env torch.utils._config_module torch.utils.bottleneck"
    " torch._inductor torch._dynamo torch.jit torch.fx torch.distributed torch.testing torch.package"
    " torch.utils.cpp_extension torch.utils.data torch.multiprocessing numpy.testing numpy.f2py"
    " numpy.distutils numpy.ctypeslib pandas sqlite3 bpython IPython jupyter notebook jinja2 yaml fabric"
    " paramiko invoke sh plumbum _aix_support _osx_support _pyrepl uuid ast dis symtable tokenize readline"
    " rlcompleter nturl2path ntpath posixpath getpass mailcap netrc nntplib cgi cgitb wsgiref socketserver"
    " email.utils zipapp"
)

_BUILTINS_THAT_REACH_OUT = (
    "eval exec execfile compile open file input raw_input getattr setattr delattr hasattr __import__ globals"
    " locals vars breakpoint apply map filter reduce help memoryview super type print dir"
    " __build_class__ exit quit"
)

# Single functions that run code or touch files in modules that are otherwise harmless.
DANGEROUS: frozenset[tuple[str, str]] = frozenset(
    _pairs("builtins", _BUILTINS_THAT_REACH_OUT)
    | _pairs("__builtin__", _BUILTINS_THAT_REACH_OUT)
    | _pairs("torch", "load hub compile jit classes ops")
    | _pairs("torch.serialization", "load _load _legacy_load")
    | _pairs("torch.storage", "_load_from_bytes")
    | _pairs("numpy", "load fromfile save savez memmap genfromtxt loadtxt")
    | _pairs("collections", "namedtuple")
)
