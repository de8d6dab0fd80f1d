"""Run render jobs in this process, for tests and benchmarks."""

from __future__ import annotations

from pathlib import Path

from modelhub.render.messages import Job, Part, Result
from modelhub.render.recipes import Recipe
from tests.render.broken_copies import BASE, FAMILY, BrokenCopy, write

PROMPT = "a red circle on the left, white background"
WORDS = {"lora": ("framestyle",)}
HEALTHY: tuple[tuple[str, str], ...] = (
    (BASE, "base"),
    ("miniature-vivid.vae.ckpt", "vae"),
    ("miniature-frame-kohya.safetensors", "lora"),
    ("miniature-frame-diffusers.safetensors", "lora"),
    ("miniature-frame-peft/adapter_model.safetensors", "lora"),
    ("miniature-frame-loha.safetensors", "lora"),
    ("miniature-frame-lokr.safetensors", "lora"),
    ("miniature-frame-dora.safetensors", "lora"),
    ("nightgem.pt", "embedding"),
    ("nightgem.safetensors", "embedding"),
    ("learned_embeds.safetensors", "embedding"),
    ("miniature-sepia.pt", "hypernetwork"),
)


def part(path: Path, type_: str) -> Part:
    """Return a file as a part of a test."""
    return Part(path=str(path), name=path.stem, type=type_, native_size=128, trigger_words=WORDS.get(type_, ()))


class JobRunner:
    """A tester for many jobs; pictures go to `folder`."""

    def __init__(self, folder: Path, device: str = "cpu") -> None:
        from modelhub.render.tester import Tester

        self.folder = folder
        self.tester = Tester(device, lambda text, about_base: None)
        self.count = 0

    def run(self, path: Path, type_: str, recipe: Recipe | None = None, *, base: Path = FAMILY / BASE) -> Result:
        """Test a file on a base, or a base on itself, and return the result."""
        from modelhub.render.worker import run_job

        self.count += 1
        subject = part(path, type_)
        own = subject if type_ == "base" else part(base, "base")
        job = Job(
            id=self.count,
            subject=subject,
            base=own,
            recipe=recipe or Recipe(prompt=PROMPT),
            pictures=str(self.folder / str(self.count)),
            exact=True,
        )
        return run_job(self.tester, job)

    def run_copy(self, copy: BrokenCopy, recipe: Recipe | None = None) -> Result:
        """Write a broken copy, test it, and return the result."""
        return self.run(write(copy, self.folder), copy.type, recipe)
