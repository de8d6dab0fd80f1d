"""Rows that modelhub does not accept."""

from __future__ import annotations

from modelhub.config import Section, Settings
from modelhub.config_keys import Key
from modelhub.fetch.fetcher import Fetcher
from modelhub.fetch.sources.source import SourceRow
from modelhub.uis.ui import UI


def _fail(settings: Settings, section: Section) -> Fetcher:
    raise RuntimeError("out of order")


NO_FETCHER = SourceRow(kind="no-fetcher", name="No fetcher", make=_fail)
FOREIGN_SETTING = SourceRow(
    kind="foreign", name="Foreign", make=_fail, keys=(Key("civitai.token", "text", "", "A token of another source."),)
)
COMFYUI = UI(name="comfyui", title="Another ComfyUI")
NO_RULES = {"signs": ()}
