"""The words for architectures. The values are those of the detection rules."""

from __future__ import annotations

from modelhub.words.row import Row, Rows


def _named(*versions: str) -> tuple[str, ...]:
    """Return how people write versions of Stable Diffusion: "SD v1.5", "stable diffusion 1.5"."""
    return tuple(
        f"{start}{version}" for version in versions for start in ("sd v", "stable diffusion ", "stable diffusion v")
    )


def _numbered(*versions: str) -> tuple[str, ...]:
    """Return how people write versions that need no name: "sd 1.5", "v1-5", "1.5", and what `_named` returns."""
    return _named(*versions) + tuple(f"{start}{version}" for version in versions for start in ("sd ", "v", ""))


ARCHITECTURES: Rows = (
    Row(
        "sd1",
        (*_numbered("1.1", "1.2", "1.3", "1.4", "1.5", "1.x"), *_named("1")),
        (),
        ("sd", "stable diffusion"),
    ),
    Row("sd2", (*_numbered("2.0", "2.1", "2.x"), *_named("2"))),
    # Pony, Illustrious and NoobAI have SDXL's architecture, but a filter for SDXL finds more than they are.
    Row(
        "sdxl",
        ("xl", "sdxl 1.0", "sdxl base", "stable diffusion xl"),
        (),
        ("pony", "illustrious", "noobai", "光辉", "小马"),
    ),
    Row("sdxl-refiner", ("refiner", "xl refiner", "sdxl 1.0 refiner")),
    Row("sd3", (*_named("3", "3.0", "3.5"), "sd 3.0", "sd 3.5", "sd 3 medium", "sd 3.5 large", "sd 3.5 medium")),
    Row("svd", ("stable video diffusion",)),
    Row("stable-cascade", ("cascade",)),
    Row("flux", ("flux.1", "flux.1 dev", "flux.1 schnell", "flux.1 d", "flux.1 s", "flux dev", "flux schnell")),
    Row("flux2", ("flux.2 dev", "flux.2 klein")),
    Row("chroma", ("chroma 1",)),
    Row("auraflow", ("aura",)),
    Row("qwen-image", ("qwen",), ("千问", "通义千问")),
    Row("z-image", ("z image turbo",), ("造相",)),
    Row("lumina2", ("lumina", "lumina image 2", "lumina image 2.0")),
    Row("wan", ("wan 2.1", "wan 2.2", "wan video"), ("万相", "通义万相")),
    Row("ltx-video", ("ltx", "ltxv")),
    Row("hunyuan-video", (), ("混元视频",)),
    Row("hunyuan-dit", (), ("混元DiT",), ("hunyuan", "混元")),
    Row("kolors", (), ("可图",)),
    Row("pixart", ("pixart alpha", "pixart sigma")),
    Row("sana"),
    Row("cogvideox", ("cogvideo",)),
    Row("hidream", ("hidream i1",)),
    Row("mochi", ("mochi 1",)),
    Row("anima"),
    Row("cosmos-predict2", ("cosmos", "cosmos predict")),
    Row("krea2", ("krea",)),
    Row("unknown", (), ("未知", "不明")),
)
