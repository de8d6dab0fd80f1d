"""The UIs that `sort`, `link` and `show` know: one row each, from the file of that UI or from a plug-in."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from modelhub.choices import find_choice, nearest
from modelhub.errors import UsageError
from modelhub.plugins import Plugins, load_plugins
from modelhub.uis.a1111 import A1111
from modelhub.uis.check import problem_of
from modelhub.uis.comfyui import COMFYUI
from modelhub.uis.fooocus import FOOOCUS
from modelhub.uis.forge import FORGE
from modelhub.uis.forge_neo import FORGE_NEO
from modelhub.uis.invokeai import INVOKEAI
from modelhub.uis.library import LIBRARY
from modelhub.uis.sdnext import SDNEXT
from modelhub.uis.stability_matrix import STABILITY_MATRIX
from modelhub.uis.swarmui import SWARMUI
from modelhub.uis.ui import UI, Flags, SettingsFile
from modelhub.words import WordKind

BUILT_IN: tuple[UI, ...] = (
    A1111,
    FORGE,
    FORGE_NEO,
    COMFYUI,
    SDNEXT,
    FOOOCUS,
    SWARMUI,
    STABILITY_MATRIX,
    INVOKEAI,
)


GROUP = "modelhub.uis"


@cache
def plugins() -> Plugins[UI]:
    """Return the UIs that plug-ins bring, and the plug-ins that cannot be used."""
    taken = [ui.name for ui in (*BUILT_IN, LIBRARY)]
    return load_plugins(GROUP, UI, taken=taken, name_of=lambda ui: ui.name, check=problem_of)


def all_uis() -> tuple[UI, ...]:
    """Return every UI, in the order in which lists name them."""
    return (*BUILT_IN, *plugins().rows)


def ui_named(name: str, own: Iterable[UI] = ()) -> UI:
    """Return the UI that a name means, however it is spelled, the user's own layouts first.

    Raise UsageError, with the nearest name or all of them, when there is none.
    """
    offered = (*own, *all_uis())
    named = {ui.name: ui for ui in reversed((*offered, LIBRARY))}  # the first one of a name counts
    found = find_choice(name, [ui.name for ui in (*offered, LIBRARY)], WordKind.UI)
    if found is not None:
        return named[found]
    names = dict.fromkeys(ui.name for ui in offered)
    raise UsageError(f"There is no layout called `{name}`.", nearest(name, names, words=WordKind.UI))


def linkable() -> tuple[UI, ...]:
    """Return the UIs that can be pointed at folders of the library."""
    return tuple(ui for ui in all_uis() if isinstance(ui.link, SettingsFile | Flags))
