"""The networks inside a file, in the words of the published JSON: unet, vae, text_encoder …"""

from __future__ import annotations

from modelhub.detect.rules.header_index import HeaderIndex

# Any of these signs → the component's word.
COMPONENTS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("unet", ("net:unet", "net:transformer")),
    ("ema_unet", ("ema:net",)),
    ("vae", ("vae:ldm", "vae:diffusers", "vae:wan", "vae:ltx", "vae:dc", "vae:tiny", "vae:vq")),
    ("text_encoder", ("has:te",)),
    ("text_encoder_2", ("has:te2",)),
    ("text_encoder_3", ("has:te3",)),
    (
        "controlnet",
        ("control:ldm", "control:diffusers", "control:transformer", "control:lora", "control:lllite", "control:xs"),
    ),
    ("depth_model", ("has:depth",)),
    ("image_encoder", ("has:vision", "vision:clip", "vision:dino")),
    ("safety_checker", ("has:safety",)),
    ("motion_modules", ("motion:modules",)),
    ("lora", ("delta",)),
    ("embedding", ("bundled-embedding",)),
)
_BARE_TEXT = ("te:clip", "te:clip-old", "te:openclip", "te:t5", "te:llm")


def components_of(index: HeaderIndex) -> tuple[str, ...]:
    """Return the components in a fixed order."""
    found = [word for word, signs in COMPONENTS if index.any(*signs)]
    has_text = any(word.startswith("text_encoder") for word in found)
    if "text_encoder" not in found and (has_text or (index.any(*_BARE_TEXT) and "delta" not in index.signs)):
        found.append("text_encoder")
    if "controlnet" in found and "unet" in found and not index.has("ldm-prefix"):
        found.remove("unet")
    if "controlnet" in found and "lora" in found and not index.has("kohya"):
        found.remove("lora")  # a Control-LoRA's or LLLite's own matrices
    return tuple(found)
