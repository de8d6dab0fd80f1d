"""Find the known models that a name may stand for: names that several models share, and names that are nearly known."""

from __future__ import annotations

import difflib

from modelhub.base_models import is_same_family, named_architecture, without_architecture
from modelhub.detect.known.known_model import KnownModel
from modelhub.detect.known.models import KNOWN_MODELS, MODELS_BY_NAME, find_known_model
from modelhub.detect.known.spelling import join_name, normalize_name

# What several models are called alike, and these models, the likeliest first.
_SHARED = (
    (
        ("sd", "stable diffusion"),
        ("Stable Diffusion 1.5", "Stable Diffusion 2.1", "SDXL 1.0 Base", "Stable Diffusion 3.5 Medium"),
    ),
    (
        ("sd1", "sd v1", "sd 1.x", "v1", "stable diffusion 1", "stable diffusion v1", "compvis"),
        (
            "Stable Diffusion 1.5",
            "Stable Diffusion 1.4",
            "Stable Diffusion 1.3",
            "Stable Diffusion 1.2",
            "Stable Diffusion 1.1",
        ),
    ),
    (
        ("sd2", "sd v2", "sd 2.x", "v2", "stable diffusion 2", "stable diffusion v2"),
        ("Stable Diffusion 2.1", "Stable Diffusion 2.1 Base", "Stable Diffusion 2.0", "Stable Diffusion 2.0 Base"),
    ),
    (
        ("sd3", "sd v3", "stable diffusion 3"),
        ("Stable Diffusion 3.5 Medium", "Stable Diffusion 3.5 Large", "Stable Diffusion 3 Medium"),
    ),
    (("sd 3.5", "stable diffusion 3.5", "3.5"), ("Stable Diffusion 3.5 Medium", "Stable Diffusion 3.5 Large")),
    (("flux", "flux.1", "flux1"), ("FLUX.1 schnell", "FLUX.1 dev")),
    (
        ("anything", "万象熔炉", "万象熔炉 anything", "anything 万象熔炉"),
        ("Anything V5", "Anything V3", "Anything Ink", "Anything XL"),
    ),
    (("runwayml",), ("Stable Diffusion 1.5", "Stable Diffusion 1.5 Inpainting")),
    (("stabilityai",), ("SDXL 1.0 Base", "Stable Diffusion 2.1", "Stable Diffusion 3.5 Medium")),
    (("guofeng", "国风", "gf"), ("GuoFeng3.4", "GuoFeng3.3", "GuoFeng3.2")),
)
_BY_SHARED = {
    join_name(word): tuple(MODELS_BY_NAME[name] for name in names) for words, names in _SHARED for word in words
}
_NAMES = {join_name(word): m for m in KNOWN_MODELS for word in (m.name, *m.aliases, *m.words)}
_CUTOFF = 0.75
_MOST = 6
_SHORTEST = 3  # letters of a name; shorter ones are in too many names


def find_named_models(name: str) -> tuple[KnownModel, ...]:
    """Return the known model called `name`, or all those that share this name; () for an unknown name."""
    shared = _BY_SHARED.get(join_name(name))
    if shared:
        return shared
    known = find_known_model(name)
    return (known,) if known else ()


def find_near_models(name: str) -> tuple[KnownModel, ...]:
    """Return the known models that an unknown `name` may mean, the most similar first; () where none is similar.

    A model of another architecture than the name states is not meant.
    """
    stated = named_architecture(name)
    if stated is None:
        return _near(name)
    plain = without_architecture(name)
    near = find_named_models(plain) or _near(plain)
    return tuple(model for model in near if is_same_family(model.architecture, stated))


def _near(name: str) -> tuple[KnownModel, ...]:
    key = join_name(name)
    if len(key) < _SHORTEST:
        return ()
    holding = _holding(name)
    if holding:
        return holding[:_MOST]
    near = difflib.get_close_matches(key, _NAMES, n=_MOST, cutoff=_CUTOFF)
    shared = [
        model for word in difflib.get_close_matches(key, _BY_SHARED, n=1, cutoff=_CUTOFF) for model in _BY_SHARED[word]
    ]
    best = near and difflib.SequenceMatcher(None, key, near[0]).ratio()
    found = [_NAMES[word] for word in near if difflib.SequenceMatcher(None, key, word).ratio() == best]
    return tuple(dict.fromkeys(found or shared))[:_MOST]


def _holding(name: str) -> tuple[KnownModel, ...]:
    """Return the models with the words of `name` in one of their names, those that can be pulled first."""
    words = f"-{normalize_name(name)}-"
    found = [
        model
        for model in KNOWN_MODELS
        if any(words in f"-{normalize_name(alias)}-" for alias in (model.name, *model.aliases, *model.words))
    ]
    return tuple(sorted(found, key=lambda model: model.source is None))
