"""Identification: what a file is, from its header alone."""

from __future__ import annotations

from modelhub.detect.detect import RULES_VERSION, detect
from modelhub.detect.known.files import KNOWN_FILES, KnownFile
from modelhub.detect.known.models import KNOWN_MODELS, KnownModel, find_known, known_file
from modelhub.detect.sidecars import SidecarFacts, parse_sidecar

__all__ = [
    "KNOWN_FILES",
    "KNOWN_MODELS",
    "RULES_VERSION",
    "KnownFile",
    "KnownModel",
    "SidecarFacts",
    "detect",
    "find_known",
    "known_file",
    "parse_sidecar",
]
