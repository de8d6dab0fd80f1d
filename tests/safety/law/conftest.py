"""The process that loads, one for all tests of a worker."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.safety.law.harness import LoadingProcess


@pytest.fixture(scope="session")
def process() -> Iterator[LoadingProcess]:
    """Provide the process that loads candidates."""
    with LoadingProcess() as running:
        yield running
