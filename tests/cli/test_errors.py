"""Errors become a message, a remedy and an exit code."""

from __future__ import annotations

import errno

import pytest

from modelhub.cli.errors import run_guarded
from modelhub.errors import GO_ONLINE, Exit, NetworkError


def _raise(error: BaseException) -> int:
    raise error


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (
            KeyboardInterrupt(),
            Exit.INTERRUPTED,
            "modelhub: Stopped.\n",
        ),
        (
            NetworkError("The source is down.", GO_ONLINE),
            Exit.NETWORK,
            "modelhub: The source is down.\n  → Run again without `--offline`.\n",
        ),
        (
            OSError(errno.EACCES, "Permission denied", "/models/a.safetensors"),
            Exit.FAILED,
            "modelhub: /models/a.safetensors: Permission denied.\n"
            "  → Check that the path exists and that you may read and write there.\n",
        ),
        (
            RuntimeError("Broken."),
            Exit.FAILED,
            "modelhub: An unexpected RuntimeError occurred: Broken.\n"
            "  → Run again with MODELHUB_DEBUG=1 and report it as a bug.\n",
        ),
    ],
)
def test_an_error_is_printed_without_a_traceback(
    error: BaseException, code: Exit, text: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The remedy is in the words of the command line."""
    monkeypatch.delenv("MODELHUB_DEBUG", raising=False)
    assert run_guarded(lambda: _raise(error)) == code
    assert capsys.readouterr().err == text


def test_the_traceback_of_an_unexpected_error_is_shown_on_request(monkeypatch: pytest.MonkeyPatch) -> None:
    """MODELHUB_DEBUG=1 is for bug reports."""
    monkeypatch.setenv("MODELHUB_DEBUG", "1")
    with pytest.raises(RuntimeError, match="Broken"):
        run_guarded(lambda: _raise(RuntimeError("Broken.")))
