"""Tables of the functions and classes that a model file may name, used by `assess`.

Sources: torch's own weights-only allow-list for what state dicts need; the published SD checkpoints for the harmless
helpers; the public findings of pickle scanners for what runs code.
"""

from __future__ import annotations

_TORCH_STORAGES = (
    "DoubleStorage FloatStorage HalfStorage BFloat16Storage LongStorage IntStorage ShortStorage CharStorage ByteStorage"
    " BoolStorage ComplexFloatStorage ComplexDoubleStorage QInt8Storage QUInt8Storage QInt32Storage UntypedStorage"
)
_TORCH_DTYPES = (
    "float64 float32 float16 bfloat16 int64 int32 int16 int8 uint8 uint16 uint32 uint64 bool complex64 complex128"
    " float8_e4m3fn float8_e5m2 float8_e4m3fnuz float8_e5m2fnuz float8_e8m0fnu double float half"
)
_BUILTINS = "set frozenset dict list tuple int float bool str bytes bytearray complex slice range"


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _pairs(module: str, names: str) -> set[tuple[str, str]]:
    return {(module, name) for name in names.split()}


# What a state dict of tensors is made of.
ALLOWED: frozenset[tuple[str, str]] = frozenset(
    _pairs("collections", "OrderedDict defaultdict Counter")
    | _pairs("torch", f"{_TORCH_STORAGES} {_TORCH_DTYPES} Size Tensor device strided")
    | _pairs("torch.storage", "TypedStorage UntypedStorage")
    | _pairs(
        "torch._utils",
        "_rebuild_tensor _rebuild_tensor_v2 _rebuild_tensor_v3 _rebuild_parameter _rebuild_parameter_with_state"
        " _rebuild_qtensor _rebuild_sparse_tensor _rebuild_meta_tensor_no_storage",
    )
    | _pairs("torch._tensor", "_rebuild_from_type_v2 Tensor")
    | _pairs("torch.nn.parameter", "Parameter Buffer")
    | _pairs("torch.serialization", "_get_layout")
    | _pairs("builtins", _BUILTINS)
    | _pairs("__builtin__", _BUILTINS + " unicode long")
)

# Harmless helpers of old training tools that real SD files carry; shown, because no loader needs them.
LEGACY: frozenset[tuple[str, str]] = frozenset(
    _pairs("pytorch_lightning.callbacks.model_checkpoint", "ModelCheckpoint")
    | _pairs("pytorch_lightning.utilities.enums", "ModelSummaryMode _FaultTolerantMode")
    | _pairs("numpy.core.multiarray", "scalar _reconstruct")
    | _pairs("numpy._core.multiarray", "scalar _reconstruct")
    | _pairs("numpy", "dtype ndarray")
    | _pairs("_codecs", "encode")
    | _pairs("torch.nn.modules.container", "ParameterDict ParameterList")
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
    " locals vars breakpoint apply map filter reduce help memoryview super type object print dir"
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
