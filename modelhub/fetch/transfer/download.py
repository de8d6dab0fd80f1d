"""Downloads into staging folders: resumed, verified and hashed. Nothing else in modelhub downloads model files.

Each remote file has a folder of its own below the staging folder, named after its hash or URL. A complete file is
there under its final name; the caller moves it to where it belongs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import TYPE_CHECKING, overload

from modelhub.fetch.fetcher import RemoteFile
from modelhub.fetch.http.retry import RetryableError, backoff
from modelhub.fetch.http.session import new_session
from modelhub.fetch.transfer.content_disposition import choose_file_name
from modelhub.fetch.transfer.limits import TransferLimits, TransferSettings
from modelhub.fetch.transfer.range_client import RangeClient
from modelhub.fetch.transfer.staging import DownloadedFile, ProbeResult, StagedFile
from modelhub.fetch.transfer.staging_cleanup import clean_staging
from modelhub.progress import SILENT, Progress
from modelhub.redaction import redact_url

if TYPE_CHECKING:
    from modelhub.fetch.http.bounded_session import BoundedSession

__all__ = ["DownloadedFile", "ProbeResult", "TransferSettings", "download", "download_many", "probe"]


def download(
    remote: RemoteFile,
    staging: Path,
    *,
    settings: TransferSettings | None = None,
    progress: Progress = SILENT,
    session: BoundedSession | None = None,
) -> DownloadedFile:
    """Download `remote` into its folder below `staging`, resuming what an earlier run left there.

    Size, SHA-256 and git hash are enforced where `remote` states them; a file that does not match is removed. Raise
    AccessError, NotFoundError, NetworkError, UsageError, DiskFullError or another ModelhubError, and keeps the
    received bytes for the next run. KeyboardInterrupt is raised once the connections are closed.
    """
    done = _run([remote], staging, settings=settings, progress=progress, session=session, still_needed=None)[0]
    assert done is not None
    return done


@overload
def download_many(
    files: Sequence[RemoteFile],
    staging: Path,
    *,
    settings: TransferSettings | None = None,
    progress: Progress = SILENT,
    session: BoundedSession | None = None,
) -> tuple[DownloadedFile, ...]: ...


@overload
def download_many(
    files: Sequence[RemoteFile],
    staging: Path,
    *,
    settings: TransferSettings | None = None,
    progress: Progress = SILENT,
    session: BoundedSession | None = None,
    still_needed: Callable[[RemoteFile], bool],
) -> tuple[DownloadedFile | None, ...]: ...


def download_many(
    files: Sequence[RemoteFile],
    staging: Path,
    *,
    settings: TransferSettings | None = None,
    progress: Progress = SILENT,
    session: BoundedSession | None = None,
    still_needed: Callable[[RemoteFile], bool] | None = None,
) -> tuple[DownloadedFile | None, ...]:
    """Download several files at once, as `download` does, and return the results in the order of `files`.

    All share one limit of connections. The first error ends the other downloads, which can be resumed. `still_needed`
    is called, from several threads, for a file that another process was downloading, once that process is done; where
    it returns False, the result is None.
    """
    return _run(files, staging, settings=settings, progress=progress, session=session, still_needed=still_needed)


def _run(
    files: Sequence[RemoteFile],
    staging: Path,
    *,
    settings: TransferSettings | None,
    progress: Progress,
    session: BoundedSession | None,
    still_needed: Callable[[RemoteFile], bool] | None,
) -> tuple[DownloadedFile | None, ...]:
    settings = settings or TransferSettings()
    limits = TransferLimits(settings)
    session = session or new_session(settings.connections)
    clean_staging(staging)
    jobs = [
        StagedFile(file, staging, limits=limits, session=session, progress=progress, still_needed=still_needed)
        for file in files
    ]
    pool = ThreadPoolExecutor(max(1, min(settings.files_at_once, len(jobs))), thread_name_prefix="file")
    try:
        running = [pool.submit(job.run) for job in jobs]
        _raise_first_error(running)
        return tuple(future.result() for future in running)
    finally:
        limits.cancelled.set()
        pool.shutdown(wait=True, cancel_futures=True)


def _raise_first_error(running: Sequence[Future[DownloadedFile | None]]) -> None:
    left = set(running)
    while left:
        done, left = wait(left, timeout=0.2, return_when=FIRST_EXCEPTION)
        for future in done:
            error = future.exception()
            if error is not None:
                raise error


def probe(
    remote: RemoteFile,
    *,
    settings: TransferSettings | None = None,
    session: BoundedSession | None = None,
) -> ProbeResult:
    """Return what the server states of `remote`, from a GET of its first byte: too many servers answer HEAD wrongly.

    Raise AccessError, NotFoundError, NetworkError or UsageError.
    """
    settings = settings or TransferSettings()
    limits = TransferLimits(settings)
    client = RangeClient(session or new_session(1), remote, settings)
    failures = 0
    while True:
        try:
            response = client.open(0, 1, None)
        except RetryableError as exc:
            failures += 1
            pause = max(exc.wait or 0.0, backoff(failures, settings.backoff_seconds))
            client.raise_if_exhausted(exc, failures, pause)
            limits.sleep(pause)
            continue
        response.close()
        facts = response.facts
        return ProbeResult(
            size=facts.size,
            etag=facts.etag,
            accepts_ranges=response.is_partial,
            name=choose_file_name(disposition=facts.disposition, url=remote.url),
            content_type=facts.content_type,
            final_url=redact_url(client.address),
        )
