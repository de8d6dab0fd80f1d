"""Identification of files from their headers alone."""

from __future__ import annotations

from modelhub.detect.detect import detect
from modelhub.detect.known.files import KNOWN_FILES, KnownFile
from modelhub.detect.known.models import KNOWN_MODELS, KnownModel, find_known_file, find_known_model
from modelhub.detect.rules.registry import BUILT_IN, rules_version
from modelhub.detect.rules.rows import FamilyRow, Sign, TypeRow
from modelhub.detect.rules.ruleset import Rules
from modelhub.detect.sidecar_contents import SidecarInfo, parse_sidecar

__all__ = [
    "BUILT_IN",
    "KNOWN_FILES",
    "KNOWN_MODELS",
    "FamilyRow",
    "KnownFile",
    "KnownModel",
    "Rules",
    "SidecarInfo",
    "Sign",
    "TypeRow",
    "detect",
    "find_known_file",
    "find_known_model",
    "parse_sidecar",
    "rules_version",
]
