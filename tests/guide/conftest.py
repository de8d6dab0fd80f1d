"""Fixtures of the guide's tests: the Chinese catalog as it is in the source."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from hatch_build import LOCALE, catalogs, compile_catalog
from modelhub.language import catalog, translation


@pytest.fixture(scope="session", autouse=True)
def compiled_catalogs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The catalogs of this source, whether or not they have been compiled for the installation."""
    folder = tmp_path_factory.mktemp("locale")
    for path in catalogs(LOCALE):
        copy = folder / path.relative_to(LOCALE)
        copy.parent.mkdir(parents=True)
        shutil.copy(path, copy)
        compile_catalog(copy)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(catalog, "locale_folder", lambda: folder)
        for cached in (translation._catalog, translation._recognizer):
            cached.cache_clear()
        yield
    for cached in (translation._catalog, translation._recognizer):
        cached.cache_clear()
