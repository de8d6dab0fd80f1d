"""InvokeAI's model installer: registers files where they are, through its HTTP interface.

Source: `POST /api/v2/models/install?source=<absolute path>&inplace=true` of InvokeAI 4 to 6; 409 says that it is there
already. Without `inplace=true` InvokeAI would move the file.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from modelhub.errors import NetworkError, UsageError

if TYPE_CHECKING:
    import requests

_SECONDS = 30.0


class InvokeAI:
    """A running InvokeAI at an address such as http://127.0.0.1:9090."""

    def __init__(self, address: str) -> None:
        if not address.startswith(("http://", "https://")):
            raise UsageError(
                f"InvokeAI is sorted into by its address, not `{address}`.", "Such as --into http://127.0.0.1:9090"
            )
        self.address = address.rstrip("/")

    def register(self, path: Path) -> bool:
        """Register a file or diffusers folder in place; False when InvokeAI has it already.

        Raises NetworkError when InvokeAI does not answer or refuses.
        """
        answer = self._post("/api/v2/models/install", {"source": str(path), "inplace": "true"})
        if answer.status_code == 409:
            return False
        if answer.status_code not in (200, 201):
            raise NetworkError(f"InvokeAI refused {path.name}: {answer.status_code} {_reason(answer)}")
        return True

    def _post(self, route: str, query: dict[str, str]) -> requests.Response:
        import requests

        try:
            return requests.post(self.address + route, params=query, json={}, timeout=_SECONDS, allow_redirects=False)
        except requests.RequestException as exc:
            raise NetworkError(
                f"InvokeAI does not answer at {self.address}.", "Start it, or name its address with --into."
            ) from exc


def _reason(answer: requests.Response) -> str:
    try:
        return str(answer.json().get("detail", ""))[:200]
    except (ValueError, AttributeError):
        return answer.text[:200]
