"""Make the JSON documents of pull, outdated, import and enrich from their results, for every front end.

`hint` is the remedy of an error in the words of the front end.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from modelhub.documents.model import model_document
from modelhub.documents.pull import (
    CandidateDocument,
    ObtainedDocument,
    PullDocument,
    RemoteFileDocument,
    UpdateDocument,
    UpdateStatusDocument,
)
from modelhub.documents.remote import EnrichDocument, ImportDocument
from modelhub.fetch.fetcher import RemoteFile
from modelhub.operations.remote.enrich import EnrichResult
from modelhub.operations.remote.import_manifest import ImportResult
from modelhub.operations.remote.outdated import UpdateStatus
from modelhub.operations.remote.pull import PullPlan, PullResult
from modelhub.operations.remote.pull_many import PullFailure
from modelhub.operations.remote.update import UpdatePlan, UpdateResult
from modelhub.operations.remote.update_many import UpdateFailure
from modelhub.redaction import redact_text


def plan_document(plan: PullPlan) -> PullDocument:
    """Return the document of a pull that was only planned."""
    return PullDocument(**_plan_fields(plan))


def pull_document(result: PullResult) -> PullDocument:
    """Return the document of a finished pull."""
    return PullDocument(**_result_fields(result))


def pull_failure_document(failure: PullFailure, *, hint: str) -> PullDocument:
    """Return the document of a source that could not be pulled."""
    error = failure.error
    return PullDocument(
        source=redact_text(failure.request.source),
        error=redact_text(error.message),
        hint=hint,
        exit_code=int(error.code),
    )


def status_document(status: UpdateStatus) -> UpdateStatusDocument:
    """Return the document of a model that was compared with its source."""
    return UpdateStatusDocument(
        **_status_fields(status), source=status.source.reference, files=_file_documents(status.files)
    )


def update_plan_document(plan: UpdatePlan) -> UpdateDocument:
    """Return the document of an update that was only planned."""
    return UpdateDocument(
        **_status_fields(plan.status),
        source=plan.status.source.reference,
        files=_file_documents(plan.status.files),
        plan=plan_document(plan.pull),
    )


def update_document(result: UpdateResult) -> UpdateDocument:
    """Return the document of a finished update."""
    return UpdateDocument(**_status_fields(result.status), **_result_fields(result.pulled), trashed=result.trashed)


def update_failure_document(failure: UpdateFailure, *, hint: str) -> UpdateDocument:
    """Return the document of a model that could not be compared or updated."""
    return UpdateDocument(
        **_status_fields(failure.status),
        source=failure.status.source.reference,
        files=_file_documents(failure.status.files),
        error=redact_text(failure.error.message),
        hint=hint,
        exit_code=int(failure.error.code),
    )


def import_document(result: ImportResult, *, message: str) -> ImportDocument:
    """Return the document of a model of a manifest. `message` has the errors and remedies, or the result's note."""
    record = result.record
    return ImportDocument(
        name=result.wanted.name,
        fate=result.status,
        sha256=result.wanted.hashes[0],
        id=record.id if record else None,
        path=str(record.path) if record and record.path else None,
        message=message,
        exit_code=int(result.code),
    )


def enrich_document(result: EnrichResult) -> EnrichDocument:
    """Return the document of a model that was looked up."""
    remote = result.remote
    return EnrichDocument(
        id=result.record.id,
        model=result.record.name,
        sha256=result.record.main.sha256,
        kind=result.kind,
        answer=result.answer,
        title=remote.title if remote else None,
        reference=remote.reference if remote else None,
        page=remote.page if remote else None,
        base_model=remote.base_model if remote else None,
        license=remote.license if remote else None,
        trigger_words=tuple(word.word for word in remote.trigger_words) if remote else (),
        tags=remote.tags if remote else (),
        preview=str(result.preview) if result.preview else None,
        message=result.message,
    )


def _plan_fields(plan: PullPlan) -> dict[str, Any]:
    remote, choice = plan.remote, plan.choice
    return {
        "source": redact_text(plan.request.source),
        "reference": remote.reference,
        "requested": remote.requested,
        "commit": remote.commit,
        "license": remote.license,
        "notices": remote.notices,
        "version": remote.version.name if remote.version else None,
        "version_reason": remote.version_reason,
        "versions": len(remote.versions),
        "base_model": remote.base_model,
        "layout": choice.layout,
        "reason": choice.reason,
        "size": choice.size,
        "files": _file_documents(choice.files),
        "candidates": tuple(
            CandidateDocument(
                name=candidate.file.name,
                size=candidate.file.size,
                what=candidate.role,
                chosen=candidate.chosen,
                why=candidate.reason,
            )
            for candidate in choice.candidates
        ),
    }


def _result_fields(result: PullResult) -> dict[str, Any]:
    return {
        **_plan_fields(result.plan),
        "obtained": tuple(
            ObtainedDocument(
                name=file.remote.name,
                how=file.origin,
                size=file.size,
                resumed=file.resumed,
                sha256=file.hashes.sha256,
            )
            for file in result.obtained
        ),
        "models": tuple(model_document(model) for model in result.models),
        "notes": result.notes,
        "refused": tuple(error.message for error in result.refused),
        "exit_code": int(result.code),
    }


def _status_fields(status: UpdateStatus) -> dict[str, Any]:
    return {
        "id": status.model.id,
        "model": status.model.name,
        "path": str(status.model.path) if status.model.path else None,
        "kind": status.source.kind,
        "revision": status.source.revision,
        "state": status.state,
        "have": status.have,
        "newest": status.newest,
        "name": status.name,
        "message": status.message,
    }


def _file_documents(files: Iterable[RemoteFile]) -> tuple[RemoteFileDocument, ...]:
    return tuple(
        RemoteFileDocument(name=file.name, size=file.size, sha256=file.sha256, scan=file.scan) for file in files
    )
