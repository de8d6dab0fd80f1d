"""The keys of a LoRA file: the module that a tensor belongs to, and its part in the module's change.

Spellings from kohya-ss/sd-scripts, LyCORIS, diffusers (attention processors, lora_linear_layer) and peft.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

# A1111 packs textual inversions into LoRA files under this prefix; they are not modules.
_NOT_MODULES = ("bundle_emb.",)

# What follows the module's name, and the part's one name here. The first pattern that fits is taken.
_PARTS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(rf"^(?P<stem>.+?){pattern}$"), part)
    for pattern, part in (
        (r"(?:\.lora|_lora|\.lora_linear_layer|\.lora_conv2d_layer)\.down\.weight", "down"),
        (r"(?:\.lora|_lora|\.lora_linear_layer|\.lora_conv2d_layer)\.up\.weight", "up"),
        (r"(?:\.lora|_lora|\.lora_linear_layer)\.alpha", "alpha"),
        (r"\.lora_down\.weight", "down"),
        (r"\.lora_up\.weight", "up"),
        (r"\.lora_mid\.weight", "mid"),
        (r"\.lora_A(?:\.[^.]+)?(?:\.weight)?", "down"),
        (r"\.lora_B(?:\.[^.]+)?\.bias", "up_bias"),
        (r"\.lora_up\.bias", "up_bias"),
        (r"\.lora_B(?:\.[^.]+)?(?:\.weight)?", "up"),
        (r"\.lora_magnitude_vector(?:\.[^.]+)?(?:\.weight)?", "magnitude"),
        (r"\.oft_R(?:\.[^.]+)?\.weight", "oft_r"),
        (r"\.ia3_l(?:\.[^.]+)?", "ia3_l"),
        *(
            (rf"\.{name}(?:\.default)?", name)
            for name in (
                *("alpha", "dora_scale", "diff", "diff_b", "w_norm", "b_norm", "on_input", "oft_blocks", "rescale"),
                *("hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b", "hada_t1", "hada_t2"),
                *("lokr_w1", "lokr_w1_a", "lokr_w1_b", "lokr_w2", "lokr_w2_a", "lokr_w2_b", "lokr_t2"),
            )
        ),
        *((rf"\.{name}\.weight", name) for name in ("a1", "a2", "b1", "b2", "bm")),
        (r"\.weight", "weight"),
    )
)
# A plain weight is a part of a module only beside others.
_KNOWN = {part for _, part in _PARTS} - {"weight"}


def split_key(key: str) -> tuple[str, str] | None:
    """Return the module's stem as the file spells it, and the part's name; an unknown part keeps its own spelling.

    None for a key that does not belong to a module of a LoRA.
    """
    if key.startswith(_NOT_MODULES):
        return None
    for pattern, part in _PARTS:
        if match := pattern.match(key):
            return match["stem"], part
    stem, _, rest = key.rpartition(".")
    return (stem, rest) if stem else (key, "")


def group_by_stem(keys: Iterable[str]) -> dict[str, dict[str, str]]:
    """Return the parts of every module of the file, each with its key, in the file's order."""
    found: dict[str, dict[str, str]] = {}
    for key in keys:
        if named := split_key(key):
            found.setdefault(named[0], {})[named[1]] = key
    for stem in [stem for stem, parts in found.items() if not parts.keys() & _KNOWN]:
        owner = stem.rpartition(".")[0]
        if owner in found:  # `module.new_thing.weight`: a part of the module with an unknown name
            found[owner].update({key.removeprefix(f"{owner}."): key for key in found.pop(stem).values()})
    return found
