"""The words of made pickles: names of the two lists, storage types, attributes and encodings."""

from __future__ import annotations

from modelhub.formats.pickles.arguments import words
from tests.safety.law.names import Name, allowed_names

_NAMES = allowed_names()
CALLED: tuple[Name, ...] = tuple(sorted(_NAMES.called))
NAMED: tuple[Name, ...] = tuple(sorted(_NAMES.named))
STORAGES = ("FloatStorage", "HalfStorage", "LongStorage", "ByteStorage", "BFloat16Storage", "UntypedStorage")
WIDTHS = {"FloatStorage": 4, "HalfStorage": 2, "LongStorage": 8, "ByteStorage": 1, "BFloat16Storage": 2}
ATTRIBUTES = sorted(
    words(
        "extend append add keys items __setstate__ __reduce__ __class__ __dict__ __call__ detach to as_subclass dtype"
        " device shape _untyped_storage _typed_storage _backward_hooks data requires_grad update __missing__"
        " default_factory _metadata __getattr__ __iter__ __len__ __hash__ __eq__ __name__ dump_patches"
    )
)
FILLED = words("OrderedDict Counter Namespace ParameterDict Parameter")  # classes whose objects get attributes
CODECS = ("latin1", "utf-8", "utf8", "ascii", "utf-16", "idna", "punycode", "rot13", "zip", "hex", "mbcs", "no_such")
