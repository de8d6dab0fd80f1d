"""Names of model files: which are taken for a model, which never are, and the name that a UI can load.

UIs load by suffix, and downloads lose theirs: a content address ends in `130072`, wget writes `x.safetensors.1`, a
browser `x.safetensors (1)`.
"""

from __future__ import annotations

import re

from modelhub.domain import Format, ModelType

MODEL_SUFFIXES = frozenset((".safetensors", ".sft", ".ckpt", ".pt", ".pth", ".bin", ".pkl", ".pickle", ".th", ".gguf"))
ARCHIVE_SUFFIXES = frozenset((".7z", ".rar", ".tar", ".tgz", ".tbz2", ".txz", ".gz", ".bz2", ".xz", ".zst"))
_UNFINISHED = (
    ".part", ".crdownload", ".tmp", ".aria2", ".incomplete", ".download", ".partial", ".opdownload", ".filepart",
    ".dtapart", ".!ut", ".!qb",
)  # fmt: skip
# What people append to a file so that nothing loads it.
_SET_ASIDE = frozenset((".bak", ".backup", ".old", ".orig", ".disabled", ".disable", ".off"))
# Suffixes of files that are not models whatever folder they are in: such files are not opened.
_PICTURES = "png jpg jpeg jpe webp gif avif bmp ico icns svg tif tiff heic psd xcf exr hdr jxl kra raw cr2 nef dng"
_RECORDINGS = "mp4 webm mkv mov avi m4v wmv flv mpg mpeg mp3 wav flac ogg opus m4a aac mid srt vtt"
_TEXTS = (
    "txt md rst log json jsonl json5 yaml yml toml ini cfg conf csv tsv xml html htm xhtml css scss pdf doc docx odt"
    " xls xlsx ods ppt pptx odp rtf tex epub mobi djvu info sha256 sha1 md5 sum asc sig pem url webloc lnk desktop"
    " torrent lock properties plist nfo ipynb bib po mo license"
)
_PROGRAMS = (
    "py pyc pyo pyi pyd js mjs ts tsx jsx vue java class jar c h cc cpp hpp cu cuh rs go rb pl php lua swift"
    " kt cs fs sh bash zsh fish bat cmd ps1 psm1 exe msi dll so dylib o a lib obj exp pdb sys drv com scr apk ipa dmg"
    " deb rpm whl egg vsix crx xpi node wasm map ttf otf woff woff2"
)
_DATABASES = "sqlite sqlite3 sqlite-wal sqlite-shm sqlite3-wal sqlite3-shm db db-wal db-shm db-journal mdb parquet"
_MACHINES = "iso img vhd vhdx vmdk vdi qcow2 wim cab"
OTHER_SUFFIXES = frozenset(
    f".{word}" for words in (_PICTURES, _RECORDINGS, _TEXTS, _PROGRAMS, _DATABASES, _MACHINES) for word in words.split()
)
_PROGRAM_SUFFIXES = frozenset(f".{word}" for word in _PROGRAMS.split())
# Weights for other frameworks, vocabularies and arrays: what repositories hold beside the models that UIs load.
FOREIGN_SUFFIXES = frozenset(
    (
        ".onnx", ".onnx_data", ".h5", ".keras", ".hdf5", ".msgpack", ".pb", ".tflite", ".ot", ".npz", ".npy", ".engine",
        ".trt", ".mlmodel", ".spm", ".vocab", ".model", ".index", ".weights", ".pt2", ".zip",
    )
)  # fmt: skip
# Suffixes that say nothing, and misspelled ones: replaced by the right one rather than kept in front of it.
_MEANINGLESS = frozenset(
    (".dat", ".data", ".file", ".model", ".safetensor", ".safetensors_", ".unknown", ".octet-stream")
)
_INNER = re.compile(
    r"(?P<stem>.+)\.(?P<suffix>safetensors?|sft|ckpt|pth?|bin|pkl|pickle|th|gguf)(?P<rest>(?:[ .?_(-].*)?)",
    re.IGNORECASE | re.DOTALL,
)
_COUNTED = re.compile(r"\.(?P<wget>\d{1,3})|\s*(?P<copy>\(\d{1,3}\))")
_OF_FORMAT = {Format.SAFETENSORS: (".safetensors", ".sft"), Format.GGUF: (".gguf",)}
_PICKLES = (".ckpt", ".pt", ".pth", ".bin", ".pkl", ".pickle", ".th")
_PICKLE_OF_TYPE = {ModelType.BASE: ".ckpt", ModelType.UPSCALER: ".pth"}


def suffix_of(name: str) -> str:
    """Return the last suffix of a name in lower case, with its dot; "" for a name without one."""
    dot = name.rfind(".")
    return name[dot:].lower() if dot > 0 else ""


def is_model_name(name: str) -> bool:
    """Return whether a file of this name is taken for a model: by its last suffix, in any case, if not hidden."""
    return not name.startswith(".") and suffix_of(name) in MODEL_SUFFIXES


def is_unfinished_name(name: str) -> bool:
    """Return whether a name is that of a download in progress."""
    return name.lower().endswith(_UNFINISHED)


def is_set_aside_name(name: str) -> bool:
    """Return whether a model was given a further suffix so that no program loads it, as in `m.safetensors.disabled`."""
    return suffix_of(name) in _SET_ASIDE


def is_program_name(name: str) -> bool:
    """Return whether a file of this name is a program, as text or as machine code."""
    return suffix_of(name) in _PROGRAM_SUFFIXES


def states_another_kind(name: str) -> bool:
    """Return whether a name says that the file is not a model that UIs load: a picture, an archive, other weights …."""
    known = OTHER_SUFFIXES | ARCHIVE_SUFFIXES | FOREIGN_SUFFIXES
    return suffix_of(name) in known and not has_inner_model_suffix(name)


def has_inner_model_suffix(name: str) -> bool:
    """Return whether a name has a model's suffix before its end, as `x.safetensors.1` and `m.ckpt.txt` have."""
    return _INNER.fullmatch(name) is not None


def model_stem(name: str) -> str:
    """Return the name of a model file without its suffix, and without what a download put behind the suffix.

    Only the suffix of a model is one: `style_v1.5` is a stem as it is.
    """
    if is_model_name(name):
        return name[: name.rfind(".")]
    if (inner := _INNER.fullmatch(name)) is not None:
        return inner["stem"]
    return name[: name.rfind(".")] if suffix_of(name) in _MEANINGLESS | OTHER_SUFFIXES else name


def loadable_name(name: str, format_: Format, type_: ModelType = ModelType.UNKNOWN) -> str:
    """Return a name under which UIs load a file of this format; `name` itself where it has a model's suffix.

    `130072` becomes `130072.safetensors`, `y.safetensors (1)` becomes `y (1).safetensors`.
    """
    if is_model_name(name) or format_ in (Format.UNKNOWN, Format.DIFFUSERS):
        return name
    inner = _INNER.fullmatch(name)
    fitting = _OF_FORMAT.get(format_, _PICKLES)
    if inner is None:
        suffix = fitting[0] if fitting is not _PICKLES else _PICKLE_OF_TYPE.get(type_, ".pt")
        return f"{model_stem(name)}{suffix}"
    stated = f".{inner['suffix']}"
    suffix = stated if stated.lower() in fitting else fitting[0]
    counted = _COUNTED.fullmatch(inner["rest"])
    number = f" {counted['copy'] or '({})'.format(counted['wget'])}" if counted else ""
    return f"{inner['stem']}{number}{suffix}"
