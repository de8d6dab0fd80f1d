"""The documents of `pull` and `outdated`: what was chosen, downloaded and added, and what is newer at its source."""

from __future__ import annotations

from modelhub.documents.document import Document
from modelhub.documents.model import ModelDocument


class RemoteFileDocument(Document, frozen=True, kw_only=True):
    """A file at a source. `scan` is the verdict of the source's own malware scan; None for what it does not state."""

    name: str
    size: int | None
    sha256: str | None
    scan: str | None


class CandidateDocument(Document, frozen=True, kw_only=True):
    """A model file that was considered: `what` it is by its name, and `why` it was chosen or not."""

    name: str
    size: int | None
    what: str
    chosen: bool
    why: str


class ObtainedDocument(Document, frozen=True, kw_only=True):
    """A file that was obtained. `how` is "downloaded", "held" or "cached"; `resumed` bytes were there from before."""

    name: str
    how: str
    size: int
    resumed: int
    sha256: str


class PullDocument(Document, frozen=True, kw_only=True):
    """One source of a pull: its plan, with `--dry-run` nothing else, then what was obtained and added.

    `error`, `hint` and `exit_code` are those of a failure; the rest is then empty as far as it was not reached.
    `refused` says why models of an archive were not added, though others were; `exit_code` is then not 0. A downloaded
    archive is deleted once it is unpacked. `layout` is "file" or "diffusers". `version` is the name of the version
    that was resolved, `versions` how many the model has, `version_reason` why it is this one and `base_model` what the
    source calls its base. `notes` say where the name, the source's words and the content do not agree.
    """

    source: str
    reference: str | None = None
    requested: str | None = None
    commit: str | None = None
    license: str | None = None
    notices: tuple[str, ...] = ()
    version: str | None = None
    version_reason: str = ""
    versions: int = 0
    base_model: str | None = None
    layout: str | None = None
    reason: str = ""
    size: int | None = None
    files: tuple[RemoteFileDocument, ...] = ()
    candidates: tuple[CandidateDocument, ...] = ()
    obtained: tuple[ObtainedDocument, ...] = ()
    models: tuple[ModelDocument, ...] = ()
    notes: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    error: str | None = None
    hint: str = ""
    exit_code: int = 0


class UpdateStatusDocument(Document, frozen=True, kw_only=True):
    """A model compared with one of its sources. `have` and `newest` are commits or versions, `name` is the newest's.

    `state` is "current", "outdated", "held", "pinned", "gone" or "failed"; `files` are those that have changed.
    """

    id: int
    model: str
    path: str | None
    kind: str
    source: str
    revision: str | None
    state: str
    have: str | None
    newest: str | None
    name: str | None
    files: tuple[RemoteFileDocument, ...]
    message: str


class UpdateDocument(PullDocument, frozen=True, kw_only=True):
    """An outdated model and the pull that updates it; a model whose source failed has the state "failed".

    With `--dry-run`, `plan` is the pull that would be made. `files` are those of the pull once it is done, else those
    that have changed. `trashed`: the old model was moved to the trash.
    """

    id: int
    model: str
    path: str | None
    kind: str
    revision: str | None
    state: str
    have: str | None
    newest: str | None
    name: str | None
    message: str
    plan: PullDocument | None = None
    trashed: bool = False
