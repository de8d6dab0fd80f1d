"""Run the render test that belongs to a model's type."""

from __future__ import annotations

from collections.abc import Callable

from modelhub.render.messages import Job
from modelhub.render.model_tests.adapters import test_embedding, test_hypernetwork, test_lora
from modelhub.render.model_tests.base import test_base
from modelhub.render.model_tests.vae import test_vae
from modelhub.render.tester import Outcome, Tester

TESTS: dict[str, Callable[[Tester, Job], Outcome]] = {
    "base": test_base,
    "vae": test_vae,
    "lora": test_lora,
    "embedding": test_embedding,
    "hypernetwork": test_hypernetwork,
}


def run_test(tester: Tester, job: Job) -> Outcome:
    """Test the job's subject. Raise RenderProblem and ModelhubError."""
    return TESTS[job.subject.type](tester, job)
