"""Identification of files from their headers alone."""

from __future__ import annotations

from modelhub.detect.detect import detect
from modelhub.detect.known.addresses import find_page
from modelhub.detect.known.files import KNOWN_FILES
from modelhub.detect.known.known_model import KnownFile, KnownModel
from modelhub.detect.known.models import KNOWN_MODELS, find_known_file, find_known_model, find_model_at
from modelhub.detect.known.names import find_named_models, find_near_models
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
    "find_model_at",
    "find_named_models",
    "find_near_models",
    "find_page",
    "parse_sidecar",
    "rules_version",
]
