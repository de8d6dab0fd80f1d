"""A pull request checks itself, whichever front end makes it, and several run without stopping one another."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from modelhub import config
from modelhub.catalog import Catalog
from modelhub.cli.remedies import sentence
from modelhub.errors import Exit, NotFoundError, UsageError
from modelhub.fetch.choice.criteria import FileCriteria, Precision, Purpose
from modelhub.fetch.fetcher import Fetcher, RemoteFile, RemoteModel
from modelhub.operations.remote.documents import plan_document, pull_failure_document
from modelhub.operations.remote.pull import PullPlan, PullRequest, plan_pull
from modelhub.operations.remote.pull_many import PullFailure, plan_pulls, pull_many

SHA256 = "0123456789abcdef" * 4
FILES = {"org/one": ("model.safetensors",), "org/two": ("first.safetensors", "second.safetensors")}


class Shelf:
    """A fetcher that knows the repositories of `FILES`."""

    kind = "huggingface"

    def claims(self, source: str) -> bool:
        """Return true for every source."""
        return True

    def resolve(self, source: str, *, revision: str | None = None) -> RemoteModel:
        """Return the files of a repository. Raise NotFoundError for an unknown one."""
        if source not in FILES:
            raise NotFoundError(f"{source} does not exist.", "Check the spelling.")
        files = tuple(RemoteFile(name=name, url=f"http://127.0.0.1:9/{name}", sha256=SHA256) for name in FILES[source])
        return RemoteModel(kind="huggingface", reference=source, title=source, files=files)


FETCHERS: Sequence[Fetcher] = (Shelf(),)


def _refuse_to_open() -> Catalog:
    raise AssertionError("the catalog is not needed")


@pytest.mark.parametrize("text", ["", "xyz", "0" * 63, "0" * 65, "g" * 64])
def test_a_sha256_has_64_hexadecimal_digits(text: str) -> None:
    """Anything else is refused before the source is queried."""
    with pytest.raises(UsageError, match="is not a SHA-256"):
        PullRequest(source="org/one", sha256=text)


def test_a_sha256_in_capitals_is_accepted() -> None:
    """It is compared in lower case."""
    assert PullRequest(source="org/one", sha256=SHA256.upper()).sha256 == SHA256


def test_an_empty_source_is_refused() -> None:
    """A blank text is empty, too."""
    with pytest.raises(UsageError, match="empty"):
        PullRequest(source=" ")


def test_a_pickle_is_only_kept_beside_its_conversion() -> None:
    """The remedy names the options."""
    with pytest.raises(UsageError) as caught:
        PullRequest(source="org/one", keep_pickle=True)
    assert "--convert --keep-pickle" in sentence(caught.value.remedy)
    assert PullRequest(source="org/one", keep_pickle=True, criteria=FileCriteria(convert=True)).keep_pickle


def test_criteria_take_the_names_of_purpose_and_precision() -> None:
    """Text becomes a member of the enum; a wrong name is refused with the valid ones."""
    criteria = FileCriteria(purpose="train", precision="bf16")  # type: ignore[arg-type]
    assert (criteria.purpose, criteria.precision) == (Purpose.TRAIN, Precision.BF16)
    assert FileCriteria(purpose="出图", precision="half").precision is Precision.FP16  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="`sell` is not a valid purpose") as caught:
        FileCriteria(purpose="sell")  # type: ignore[arg-type]
    assert str(caught.value.remedy.text) == "Choose `render` or `train`."
    with pytest.raises(UsageError, match="`fp7` is not a valid precision"):
        FileCriteria(precision="fp7")  # type: ignore[arg-type]


@pytest.mark.parametrize("options", [{"name": "mine"}, {"sha256": SHA256}])
def test_a_name_or_a_hash_needs_a_choice_of_one_file(options: dict[str, str]) -> None:
    """Two files cannot have one name or one content."""
    request = PullRequest(source="org/two", criteria=FileCriteria(all=True), **options)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="2 files were chosen") as caught:
        plan_pull(request, fetchers=FETCHERS)
    assert "--file" in sentence(caught.value.remedy)


@pytest.mark.parametrize("options", [{"name": "mine"}, {"sha256": SHA256}])
def test_a_name_or_a_hash_needs_a_single_source(options: dict[str, str], tmp_path: Path) -> None:
    """The requests are refused at once, not when the first result is taken."""
    requests = [PullRequest(source=source, **options) for source in FILES]  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="one model"):
        plan_pulls(requests, fetchers=FETCHERS)
    settings = config.load(library=tmp_path, environ={"MODELHUB_CONFIG": str(tmp_path / "none")})
    with pytest.raises(UsageError, match="one model"):
        pull_many(requests, fetchers=FETCHERS, open_catalog=_refuse_to_open, settings=settings)
    with pytest.raises(UsageError, match="no source"):
        plan_pulls([], fetchers=FETCHERS)


def test_no_library_is_created_for_a_source_that_cannot_be_pulled(tmp_path: Path) -> None:
    """The catalog is opened only for a plan that is carried out."""
    settings = config.load(library=tmp_path / "library", environ={"MODELHUB_CONFIG": str(tmp_path / "none")})
    requests = [PullRequest(source="org/none")]
    (step,) = pull_many(requests, fetchers=FETCHERS, open_catalog=_refuse_to_open, settings=settings)
    assert isinstance(step, PullFailure)
    assert not (tmp_path / "library").exists()


def test_a_failing_source_does_not_stop_the_others() -> None:
    """Each source has a plan or a failure in its place, and the documents of both have the same keys."""
    requests = [PullRequest(source=source) for source in ("org/none", "org/two", "org/one")]
    none, two, one = plan_pulls(requests, fetchers=FETCHERS)
    assert isinstance(none, PullFailure) and none.error.code is Exit.NOT_FOUND
    assert isinstance(two, PullFailure) and two.error.code is Exit.USAGE
    assert isinstance(one, PullPlan) and [file.name for file in one.choice.files] == ["model.safetensors"]
    failed = pull_failure_document(none, hint="Check the spelling.")
    assert (failed.source, failed.error, failed.exit_code) == ("org/none", "org/none does not exist.", 3)
    planned = plan_document(one)
    assert (planned.error, planned.exit_code, planned.layout) == (None, 0, "file")
    assert [candidate.chosen for candidate in planned.candidates] == [True]
