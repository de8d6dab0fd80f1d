"""InvokeAI, which registers models where they are, through its HTTP API.

Source: `POST /api/v2/models/install?source=<absolute path>&inplace=true` of InvokeAI 4 to 6; status 409 means that the
model is installed already. Without `inplace=true` InvokeAI would move the file.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from modelhub.domain import ModelType
from modelhub.errors import NetworkError, Remedy, UsageError
from modelhub.uis.ui import UI, NotLinkable, Registration, ServerUnreachableError

if TYPE_CHECKING:
    import requests

EXAMPLE = "http://127.0.0.1:9090"
_TIMEOUT = 30.0  # seconds


class InvokeAI:
    """A running InvokeAI. Implements `ModelServer`."""

    def __init__(self, address: str) -> None:
        if not address.startswith(("http://", "https://")):
            raise UsageError(
                f"`{address}` is not an address; InvokeAI is reached by its address, such as {EXAMPLE}.",
                Remedy("Name the address of InvokeAI.", "into-address", {"example": EXAMPLE}),
            )
        self.address = address.rstrip("/")

    def register(self, path: Path) -> bool:
        """Register a file or diffusers folder in place; return False when InvokeAI has it already.

        Raise ServerUnreachableError when InvokeAI does not answer, NetworkError when it refuses the model.
        """
        # Bytes keep a name that is not UTF-8; `requests` cannot encode its text.
        source = str(path).encode("utf-8", "surrogateescape")
        response = self._post("/api/v2/models/install", {"source": source, "inplace": b"true"})
        if response.status_code == 409:
            return False
        if response.status_code not in (200, 201):
            raise NetworkError(
                f"InvokeAI refused {path.name} with status {response.status_code}: {_reason(response)}.",
                "The reason is InvokeAI's own; its log may hold more.",
            )
        return True

    def _post(self, route: str, query: dict[str, bytes]) -> requests.Response:
        import requests

        try:
            return requests.post(self.address + route, params=query, json={}, timeout=_TIMEOUT, allow_redirects=False)
        except requests.RequestException as exc:
            raise ServerUnreachableError(
                f"InvokeAI does not answer at {self.address}.",
                Remedy("Start InvokeAI, or name its address.", "start-or-address", {"example": EXAMPLE}),
            ) from exc


def _reason(response: requests.Response) -> str:
    try:
        return str(response.json().get("detail", ""))[:200]
    except (ValueError, AttributeError):
        return response.text[:200]


INVOKEAI = UI(
    name="invokeai",
    title="InvokeAI",
    marks=("invokeai.yaml",),
    registration=Registration(
        types=frozenset(
            (
                ModelType.BASE,
                ModelType.VAE,
                ModelType.LORA,
                ModelType.EMBEDDING,
                ModelType.CONTROLNET,
                ModelType.T2I_ADAPTER,
                ModelType.IP_ADAPTER,
                ModelType.CLIP_VISION,
                ModelType.UPSCALER,
                ModelType.UNET,
                ModelType.TEXT_ENCODER,
            )
        ),
        connect=InvokeAI,
        example=EXAMPLE,
    ),
    link=NotLinkable(
        reason="InvokeAI has no setting for model folders; it registers each model where it is.",
        remedy=Remedy("Register the models while InvokeAI runs.", "register-models", {"ui": "invokeai"}),
    ),
)
