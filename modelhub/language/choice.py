"""Choose the language of a run: the languages there are, and the one that the environment names."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

# Tag → its own name. English is the language of the source; each other one has a catalog in `modelhub/locale/`.
LANGUAGES: Mapping[str, str] = {"en": "English", "zh_Hans": "简体中文"}
ENGLISH = "en"
# The variables that gettext reads, in its order; MODELHUB_LANGUAGE comes from the settings.
_VARIABLES = ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")
# Readers of traditional characters, which have no catalog yet, read the simplified ones more easily than English.
_CHINESE = ("zh", "chinese", "中文", "简体", "汉语")


def matching_language(tag: str) -> str | None:
    """Return the language for a locale or language tag, such as "zh_CN.UTF-8", "zh-Hans" or "en"; None for others."""
    plain = tag.strip().casefold().partition(".")[0].partition("@")[0].replace("-", "_")
    if plain in ("c", "posix") or plain == ENGLISH or plain.startswith(("en_", "english")):
        return ENGLISH
    if plain.startswith(_CHINESE):
        return "zh_Hans"
    return None


def chosen_language(requested: str = "", environment: Mapping[str, str] | None = None) -> str:
    """Return the language of a run: the requested one, else that of the environment, else English.

    As in gettext, LANGUAGE counts only where the locale is not C, and may list several.
    """
    if requested:
        return matching_language(requested) or ENGLISH
    variables = os.environ if environment is None else environment
    locale = next((value for name in _VARIABLES[1:] if (value := variables.get(name))), "")
    if not locale:
        locale = "" if environment is not None else _platform_locale()
    if locale.partition(".")[0] in ("C", "POSIX"):
        return ENGLISH
    wanted = [*variables.get(_VARIABLES[0], "").split(":"), locale]
    return next((found for tag in wanted if tag and (found := matching_language(tag))), ENGLISH)


def _platform_locale() -> str:
    """Return the user's language where the environment does not state it, as on Windows; "" when it is not known."""
    if sys.platform == "win32":
        import ctypes
        import locale

        return locale.windows_locale.get(ctypes.windll.kernel32.GetUserDefaultUILanguage(), "")
    return ""
