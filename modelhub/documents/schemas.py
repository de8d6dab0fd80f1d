"""The published documents, and their JSON Schemas (draft 2020-12)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import msgspec

from modelhub.documents.inspection import InspectionDocument
from modelhub.documents.library import (
    ComponentDigestDocument,
    ConfigFileDocument,
    FindingDocument,
    KnownModelDocument,
    PathResultDocument,
    RemovedDocument,
    SettingDocument,
    StartDocument,
    TagsDocument,
    TopicDocument,
    VerifiedDocument,
)
from modelhub.documents.link import LinkDocument
from modelhub.documents.manifest import ExportDocument
from modelhub.documents.model import DuplicateModelDocument, ModelDocument, ShownModelDocument
from modelhub.documents.pull import PullDocument, UpdateDocument, UpdateStatusDocument
from modelhub.documents.remote import EnrichDocument, ImportDocument
from modelhub.documents.render import RenderTestDocument
from modelhub.documents.shortcut import InstalledShortcutDocument, RemovedShortcutDocument, ShortcutDocument
from modelhub.documents.sort import RegistrationDocument, RunDocument, SortDocument, UndoDocument

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A document that commands print. `name` is the schema's file name, `form` the type of the whole document."""

    name: str
    commands: tuple[str, ...]
    form: Any


# In alphabetical order of the names.
PUBLISHED: tuple[Published, ...] = (
    Published(name="config-file", commands=("config path", "config init"), form=ConfigFileDocument),
    Published(name="doctor", commands=("doctor",), form=list[FindingDocument]),
    Published(name="duplicates", commands=("list --duplicates",), form=list[DuplicateModelDocument]),
    Published(name="enrich", commands=("enrich",), form=list[EnrichDocument]),
    Published(name="export", commands=("export FILE",), form=ExportDocument),
    Published(name="fingerprint", commands=("fingerprint",), form=list[ComponentDigestDocument]),
    Published(name="history", commands=("history",), form=list[RunDocument]),
    Published(name="import", commands=("import",), form=list[ImportDocument]),
    Published(name="inspections", commands=("inspect",), form=list[InspectionDocument]),
    Published(name="known", commands=("known",), form=list[KnownModelDocument]),
    Published(name="link", commands=("link",), form=LinkDocument),
    Published(name="models", commands=("list", "search", "set", "convert"), form=list[ModelDocument]),
    Published(name="outdated", commands=("outdated",), form=list[UpdateStatusDocument]),
    Published(name="path-results", commands=("add", "scan"), form=list[PathResultDocument]),
    Published(name="pull", commands=("pull", "pull --dry-run"), form=list[PullDocument]),
    Published(name="registration", commands=("sort",), form=RegistrationDocument),
    Published(name="removed", commands=("rm",), form=list[RemovedDocument]),
    Published(name="render-test", commands=("render-test",), form=list[RenderTestDocument]),
    Published(name="settings", commands=("config show",), form=list[SettingDocument]),
    Published(name="shortcut-install", commands=("shortcut install",), form=InstalledShortcutDocument),
    Published(name="shortcut-remove", commands=("shortcut remove",), form=RemovedShortcutDocument),
    Published(name="shortcuts", commands=("shortcut list",), form=list[ShortcutDocument]),
    Published(name="show", commands=("show",), form=list[ShownModelDocument]),
    Published(name="sort", commands=("sort",), form=SortDocument),
    Published(name="start", commands=("",), form=StartDocument),
    Published(name="tags", commands=("tag",), form=list[TagsDocument]),
    Published(name="topics", commands=("explain",), form=list[TopicDocument]),
    Published(name="undo", commands=("undo",), form=UndoDocument),
    Published(name="updates", commands=("pull --update", "pull --update --dry-run"), form=list[UpdateDocument]),
    Published(name="verify", commands=("verify",), form=list[VerifiedDocument]),
)


def schema_of(row: Published) -> dict[str, Any]:
    """Return the JSON Schema of a published document. All keys of its objects are required: none is ever left out."""
    schema = msgspec.json.schema(row.form)
    _require_all_keys(schema)
    commands = ", ".join(f"`{' '.join(f'modelhub {command} --json'.split())}`" for command in row.commands)
    return {"$schema": _DIALECT, "title": row.name, "description": f"Printed by {commands}.", **schema}


def schema_text(row: Published) -> str:
    """Return the content of the schema's file."""
    return json.dumps(schema_of(row), indent=2, ensure_ascii=True) + "\n"


def _require_all_keys(schema: Any) -> None:
    """Mark every property as required, whether the class has a default for it or not, and drop the defaults."""
    if isinstance(schema, list):
        for item in schema:
            _require_all_keys(item)
    elif isinstance(schema, dict):
        properties = schema.get("properties")
        if schema.get("type") == "object" and isinstance(properties, dict):
            schema["required"] = list(properties)
            for item in properties.values():
                item.pop("default", None)
        for item in schema.values():
            _require_all_keys(item)
