"""Print the judge's confusion table: healthy models and copies broken on purpose, of the miniature family.

    python benchmarks/render_calibration.py [--device cpu] [--prompts 4]

Prints the table of docs/render-test.md, and how far the nearest healthy and broken models are from each threshold.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from modelhub.render.messages import Result
from modelhub.render.recipes import Recipe
from modelhub.render.thresholds import LIMITS
from tests.render.broken_copies import BASE, BROKEN_COPIES, FAMILY, HALF_LORA
from tests.render.job_runner import HEALTHY, PROMPT, JobRunner

PROMPTS = (
    PROMPT,
    "a blue star on the right, black background",
    "a green square, grey background",
    "a yellow triangle on the top",
    "words that it never saw",
)
RECIPES: tuple[dict[str, float | int | str], ...] = (
    {"seed": 2},
    {"seed": 3, "steps": 5},
    {"steps": 2},
    {"size": 64},
    {"size": 256},
    {"sampler": "euler"},
    {"sampler": "euler-a"},
    {"sampler": "dpm++-2m"},
    {"guidance": 7.0},
)


def healthy(job_runner: JobRunner, prompts: int) -> Iterator[tuple[str, Result]]:
    """Yield results of the unchanged family, and of its base under other recipes."""
    for file, type_ in HEALTHY:
        yield type_, job_runner.run(FAMILY / file, type_)
    yield HALF_LORA.type, job_runner.run_copy(HALF_LORA)
    for prompt in PROMPTS[:prompts]:
        for fields in RECIPES:
            yield "base", job_runner.run(FAMILY / BASE, "base", Recipe(prompt=prompt, **fields))  # type: ignore[arg-type]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--prompts", type=int, default=len(PROMPTS))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="calibration-") as name:
        job_runner = JobRunner(Path(name), options.device)
        sound = list(healthy(job_runner, options.prompts))
        broken = [(copy, job_runner.run_copy(copy)) for copy in BROKEN_COPIES]
    types = ("base", "vae", "lora", "embedding")
    print("| what | " + " | ".join(VERDICTS_SHOWN) + " |\n" + "|---" * (1 + len(VERDICTS_SHOWN)) + "|")
    for type_ in (*types, "hypernetwork"):
        row(f"healthy {type_}", [found.verdict for kind, found in sound if kind == type_])
    for type_ in types:
        row(f"broken {type_}", [found.verdict for copy, found in broken if copy.type == type_])
    wrong = [f"{type_}: {found.verdict} ({found.words})" for type_, found in sound if found.verdict != "ok"]
    wrong += [f"{copy.name}: {found.verdict}" for copy, found in broken if found.verdict not in copy.verdicts]
    print("\n| number | threshold | worst healthy | best broken by it |\n|---|---|---|---|")
    for number, limit, verdict in (
        ("finds_noise", LIMITS.finds_noise, "noise"),
        ("redraws", LIMITS.redraws, "damaged"),
    ):
        good = min(found.metrics[number] for _, found in sound if number in found.metrics)
        bad = [found.metrics[number] for _, found in broken if found.verdict == verdict and number in found.metrics]
        bad = [value for value in bad if value < limit]
        print(f"| {number} | {limit} | {good:.2f} | {max(bad):.2f} |")
    print(f"\n{len(sound)} healthy and {len(broken)} broken tests, {len(wrong)} judged wrongly.", *wrong, sep="\n")
    return 1 if wrong else 0


VERDICTS_SHOWN = (
    "ok",
    "negligible",
    "no-effect",
    "noise",
    "uniform",
    "clipped",
    "nan-unet",
    "nan-vae",
    "damaged",
    "incomplete",
    "incompatible",
)


def row(title: str, verdicts: list[str]) -> None:
    """Print one line of the table; every verdict must have a column."""
    counts = Counter(verdicts)
    assert set(counts) <= set(VERDICTS_SHOWN), counts
    print(f"| {title} | " + " | ".join(str(counts[word]) if counts[word] else "" for word in VERDICTS_SHOWN) + " |")


if __name__ == "__main__":
    raise SystemExit(main())
