"""The rules in use: the built-in tables, and the rows that plug-ins bring."""

from __future__ import annotations

from functools import cache
from zlib import crc32

import msgspec

from modelhub.detect.rules.architectures import FAMILIES
from modelhub.detect.rules.rows import CTRL, NET, TEXT, VAE, Sign
from modelhub.detect.rules.ruleset import Rules
from modelhub.detect.rules.shapes import SIDES
from modelhub.detect.rules.signs import SIGNS
from modelhub.detect.rules.types import TYPES
from modelhub.plugins import Plugins, load_plugins

GROUP = "modelhub.rules"
# Raised whenever an answer of the built-in rules may differ: catalogs then read headers again.
RULES_VERSION = 4
BUILT_IN = Rules(signs=SIGNS, types=TYPES, families=FAMILIES)
_COMPONENTS = frozenset((*NET, *CTRL, *TEXT, *VAE, "vision", "depth", "ema"))
_STEP = 1000  # versions of the built-in rules, between those of two sets of plug-ins
_SETS = 2_000_000  # so that every version fits into 32 bits


@cache
def plugins() -> Plugins[Rules]:
    """Return the rules that plug-ins bring."""
    return load_plugins(GROUP, Rules, check=_check)


@cache
def rules() -> Rules:
    """Return the rules in use; plug-ins are loaded at the first call."""
    found = BUILT_IN
    for added in plugins().rows:
        found += added
    return found


@cache
def rules_version() -> int:
    """Return a number that differs whenever an answer may: after an update, and with other rows of plug-ins."""
    added = plugins().rows
    if not added:
        return RULES_VERSION
    return RULES_VERSION + _STEP * (1 + crc32(msgspec.json.encode(added, order="deterministic")) % _SETS)


def _check(added: Rules) -> str:
    """Return what is wrong with the rows of a plug-in, which identification then never meets; "" for nothing."""
    try:
        msgspec.convert(msgspec.to_builtins(added), Rules)
    except (msgspec.ValidationError, TypeError) as exc:
        return f"Its rows have wrong types: {exc}."
    for sign in added.signs:
        if wrong := _wrong_sign(sign):
            return f"Its sign `{sign.name}` {wrong}."
    known = {sign.name for sign in (*SIGNS, *added.signs)}
    missing = next((name for row in added.families for name in row.one_of if name not in known), None)
    if missing is not None:
        return f"Its family needs the sign `{missing}`, which does not exist."
    return ""


def _wrong_sign(sign: Sign) -> str:
    group, colon, name = sign.name.partition(":")
    if not (group and colon and name):
        return "has no name of the form `group:name`"
    if not sign.patterns or not all(pattern.strip("^$") for pattern in sign.patterns):
        return "has an empty pattern"
    if outside := set(sign.components) - _COMPONENTS:
        return f"names an unknown component `{min(outside)}`"
    for subject, side in sign.probes:
        if side not in SIDES:
            return f"reads an unknown side `{side}` of a shape"
        if "{" in subject.replace("{component}", ""):
            return f"has a wrong subject `{subject}`"
    return ""
