"""Identification: what a file is, from its header alone."""

from __future__ import annotations

from modelhub.detect.detect import RULES_VERSION, detect
from modelhub.detect.known.files import KNOWN_FILES, KnownFile
from modelhub.detect.known.models import KNOWN_MODELS, KnownModel, find_known_file, find_known_model
from modelhub.detect.sidecars import SidecarInfo, parse_sidecar

__all__ = [
    "KNOWN_FILES",
    "KNOWN_MODELS",
    "RULES_VERSION",
    "KnownFile",
    "KnownModel",
    "SidecarInfo",
    "detect",
    "find_known_file",
    "find_known_model",
    "parse_sidecar",
]
