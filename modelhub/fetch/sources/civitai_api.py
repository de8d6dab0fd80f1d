"""Convert Civitai's JSON to modelhub's values. Only the fields that are used are read; all of them may be missing.

API: https://developer.civitai.com/docs/api/public-rest
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import SplitResult, urlencode, urlsplit

import msgspec

from modelhub.domain import ModelType, TriggerWord
from modelhub.fetch.fetcher import Credential, RemoteFile, RemoteModel
from modelhub.fetch.http import json_answers
from modelhub.fetch.sources import remote_names
from modelhub.fetch.sources.civitai_reference import HOSTS

TYPES: Mapping[str, ModelType] = {
    "checkpoint": ModelType.BASE,
    "textualinversion": ModelType.EMBEDDING,
    "hypernetwork": ModelType.HYPERNETWORK,
    "lora": ModelType.LORA,
    "locon": ModelType.LORA,
    "dora": ModelType.LORA,
    "vae": ModelType.VAE,
    "controlnet": ModelType.CONTROLNET,
    "upscaler": ModelType.UPSCALER,
    "motionmodule": ModelType.MOTION_MODULE,
    "clipvision": ModelType.CLIP_VISION,
    "textencoder": ModelType.TEXT_ENCODER,
    "ipadapter": ModelType.IP_ADAPTER,
    "unet": ModelType.UNET,
}
_SCANS = {"success": "safe", "danger": "unsafe", "pending": "queued", "error": "error"}
_MODES = {"Archived": "Civitai has archived this model.", "TakenDown": "Civitai has taken this model down."}
_SCAN_ORDER = ("unsafe", "error", "queued", "safe")


class File(msgspec.Struct, rename="camel"):
    """One file of a version."""

    name: str | None = None
    type: str | None = None
    size_kb: float | None = msgspec.field(default=None, name="sizeKB")
    pickle_scan_result: str | None = None
    virus_scan_result: str | None = None
    metadata: dict[str, Any] | None = None
    hashes: dict[str, Any] | None = None
    download_url: str | None = None
    primary: bool | None = None


class Image(msgspec.Struct, rename="camel"):
    """One preview."""

    url: str | None = None
    type: str | None = None


class ModelSummary(msgspec.Struct, rename="camel"):
    """The summary of a model in the JSON of its version."""

    name: str | None = None
    type: str | None = None
    nsfw: bool | None = None
    mode: str | None = None


class Version(msgspec.Struct, rename="camel", kw_only=True):
    """One version of a model."""

    id: int
    model_id: int | None = None
    name: str | None = None
    base_model: str | None = None
    base_model_type: str | None = None
    trained_words: list[str | None] | None = None
    availability: str | None = None
    early_access_ends_at: str | None = None
    early_access_deadline: str | None = None
    usage_control: str | None = None
    files: list[File] | None = None
    images: list[Image] | None = None
    model: ModelSummary | None = None

    @property
    def is_downloadable(self) -> bool:
        """Return whether its creator lets it be downloaded at all, not only be used on the site."""
        return self.usage_control in (None, "Download")

    @property
    def deadline(self) -> str | None:
        """Return when early access ends, as ISO 8601, None for a version that is for everybody."""
        stated = self.early_access_ends_at or self.early_access_deadline
        return stated or ("an unknown date" if self.availability == "EarlyAccess" else None)


class Model(ModelSummary, rename="camel", kw_only=True):
    """A model with its versions, newest first."""

    id: int
    tags: list[Any] | None = None
    model_versions: list[Version] | None = None
    allow_no_credit: bool | None = None
    allow_derivatives: bool | None = None
    allow_different_license: bool | None = None
    allow_commercial_use: Any = None


def to_remote_model(
    model: Model | None, version: Version, *, endpoint: str, credential: Credential | None, pinned: bool
) -> RemoteModel:
    """Convert one version to a remote model; `model` is None where only the version was requested."""
    about: ModelSummary = model or version.model or ModelSummary()
    number = model.id if model else version.model_id
    main = f"civitai:{number}" if number else "civitai:"
    reference = f"{main}@{version.id}" if pinned or not number else main
    listed = [file for file in version.files or () if file.name]
    files, refused = remote_names.accept_names(listed, lambda file: file.name, reference)
    tags = (
        tuple(str(tag["name"]) if isinstance(tag, dict) else str(tag) for tag in (model.tags or ()) if tag)
        if model
        else ()
    )
    return RemoteModel(
        kind="civitai",
        reference=reference,
        title=about.name or version.name or str(version.id),
        files=tuple(_file(file, version, endpoint, credential) for file in files),
        revision=str(version.id) if pinned else None,
        commit=str(version.id),
        page=f"{endpoint}/models/{number}?modelVersionId={version.id}",
        license=permissions(model) if model else None,
        tags=(*tags, *(("nsfw",) if about.nsfw and "nsfw" not in tags else ())),
        base_model=version.base_model,
        model_type=TYPES.get((about.type or "").lower().replace(" ", ""), ModelType.OTHER).value
        if about.type
        else None,
        trigger_words=read_trigger_words(version),
        notices=(*_notices(about, version), *refused),
        previews=tuple(image.url for image in version.images or () if image.url and image.type in (None, "image")),
        document=info_document(about, version, number),
    )


def info_document(about: ModelSummary, version: Version, number: int | None) -> str:
    """Return the text of a `.civitai.info`, in which Civitai Helper keeps a version beside a model."""
    known = msgspec.to_builtins(version)
    known |= {"modelId": number, "model": msgspec.to_builtins(about)}
    known["model"] = {name: known["model"].get(name) for name in ("name", "type", "nsfw")}
    return json.dumps(known, ensure_ascii=False, indent=2)


def read_trigger_words(version: Version) -> tuple[TriggerWord, ...]:
    """Return the trained words, each once; one field may hold several, separated by commas."""
    words = (word.strip() for field in version.trained_words or () for word in (field or "").split(","))
    return tuple(TriggerWord(word, "civitai") for word in dict.fromkeys(words) if word)


def permissions(model: Model) -> str | None:
    """Describe the model's permissions, None where the answer states none."""
    if model.allow_no_credit is None and model.allow_commercial_use is None:
        return None
    uses = model.allow_commercial_use
    named = [str(use) for use in uses] if isinstance(uses, list) else [str(uses)] if uses else []
    sold = ", ".join(use for use in named if use != "None")
    parts = (
        "no credit needed" if model.allow_no_credit else "credit needed",
        f"commercial use: {sold}" if sold else "no commercial use",
        "derivatives allowed" if model.allow_derivatives else "no derivatives",
        "" if model.allow_different_license else "same license",
    )
    words = "; ".join(part for part in parts if part)
    return f"Civitai: {words}"


def _notices(about: ModelSummary, version: Version) -> tuple[str, ...]:
    lines = []
    if version.deadline:
        lines.append(f"Version {version.name or version.id} is in early access until {version.deadline}.")
    if about.mode in _MODES:
        lines.append(_MODES[about.mode])
    return tuple(lines)


def _file(file: File, version: Version, endpoint: str, credential: Credential | None) -> RemoteFile:
    stated = {
        key: str(value) for key, value in (file.metadata or {}).items() if key in ("fp", "size", "format") and value
    }
    if file.primary:
        stated["primary"] = "true"
    hashes = {key.lower(): str(value).lower() for key, value in (file.hashes or {}).items() if value}
    if hashes.get("autov2"):
        stated["autov2"] = hashes["autov2"]
    address, is_own = _address(file, version, endpoint)
    sha256 = hashes.get("sha256", "")
    return RemoteFile(
        name=file.name or "",
        url=address,
        # The API divides by 1024 and keeps twelve or more digits, so the product is exact after rounding.
        size=json_answers.size_of(file.size_kb * 1024) if file.size_kb else None,
        sha256=sha256 if len(sha256) == 64 else None,
        credential=credential if is_own else None,
        listed_by=None if is_own else endpoint,
        # Without it a refused download is answered with a login page instead of an error.
        headers={"Content-Type": "application/json"} if is_own else {},
        kind=file.type or "Model",
        facts=stated,
        scan=_scan(file),
    )


def _address(file: File, version: Version, endpoint: str) -> tuple[str, bool]:
    """Return the address of the file, through the configured endpoint, and whether it is Civitai's own."""
    parts = _split(file.download_url or "")
    if file.download_url and parts is not None:
        if parts.netloc.lower() not in HOSTS | {urlsplit(endpoint).netloc.lower()}:
            return file.download_url, False
        return f"{endpoint}{parts.path}{f'?{parts.query}' if parts.query else ''}", True
    wanted = {"type": file.type, **{key: (file.metadata or {}).get(key) for key in ("format", "size", "fp")}}
    query = urlencode({key: value for key, value in wanted.items() if value})
    return f"{endpoint}/api/download/models/{version.id}{f'?{query}' if query and not file.primary else ''}", True


def _split(url: str) -> SplitResult | None:
    """Return the parts of an address, None for one that is not valid."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return parts


def _scan(file: File) -> str | None:
    verdicts = {_SCANS.get((result or "").lower()) for result in (file.pickle_scan_result, file.virus_scan_result)}
    return next((verdict for verdict in _SCAN_ORDER if verdict in verdicts), None)
