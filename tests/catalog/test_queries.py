"""The query language: what parses, what is refused, and that SQL finds what the words mean on every database."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from modelhub.catalog import Catalog, ModelQuery, RenderRun, Term
from modelhub.catalog.encoding import normalize_key
from modelhub.catalog.query_fields import FIELDS, NOT_TESTED, WORKING_VERDICTS, Kind
from modelhub.catalog.query_parser import MOST_TERMS, has_terms, parse_arguments, parse_query
from modelhub.detect.rules.components import COMPONENTS
from modelhub.domain import LocationState, ModelRecord, ModelType, Source, Style, StyleAnswer, Variant
from modelhub.errors import UsageError
from modelhub.render.verdicts import RenderVerdict, is_good
from tests.catalog.entries import entry, word

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
HALF = Term("precision", "fp16")


@given(st.text())
@example('-"')
@example('type:"')
@example("added:9999-12-31")
@example("added:>0001-01-01")
@example("size:>999999999999999T")
@example("added:<999999y")
@example("path:~\0")
@example("sort:-")
def test_parsing_raises_nothing_but_usage_errors(text: str) -> None:
    """Any text is a query or a usage error with a remedy."""
    for parse in (parse_query, lambda argument: parse_arguments([argument])):
        try:
            query = parse(text)
        except UsageError as exc:
            assert str(exc)
        else:
            assert isinstance(query, ModelQuery)
    has_terms([text])


FIELD_TEXT = st.sampled_from(sorted(FIELDS))
COMPARISONS = st.sampled_from(["", "<", ">", "<=", ">=", "="])


@given(
    FIELD_TEXT, st.text(max_size=12), st.sampled_from(["", "<", ">", "<=", ">=", "="]), st.sampled_from(["", "-", "!"])
)
def test_any_value_of_a_field_parses_or_is_refused(field: str, value: str, comparison: str, sign: str) -> None:
    """Fields take their values or refuse them with a usage error."""
    try:
        query = parse_query(f"{sign}{field}:{comparison}{value}", now=NOW)
    except UsageError:
        return
    if query.terms:
        assert query.terms[0].negated is bool(sign)


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("red dress", (Term("", "red"), Term("", "dress"))),
        ('"red dress"', (Term("", "red dress"),)),
        ('trigger:"red dress" -tag:draft', (Term("trigger", "red dress"), Term("tag", "draft", negated=True))),
        ("TYPE:LoRA architecture:SDXL", (Term("type", "lora"), Term("arch", "sdxl"))),
        ("-dress !tag:x", (Term("", "dress", negated=True), Term("tag", "x", negated=True))),
        ("size:>2G size:<=1.5MiB", (Term("size", 2_000_000_000, ">"), Term("size", 1_572_864, "<="))),
        ("added:<30d", (Term("added", "2026-10-21T12:00:00+00:00", ">"),)),
        ("verdict:unrecognized", (Term("verdict", "unrecognised"),)),
        ("type:底模 style:二次元", (Term("type", "base"), Term("style", "anime"))),
        ("arch:sd1.5 variant:emaonly precision:half", (Term("arch", "sd1"), Term("variant", "pruned-emaonly"), HALF)),
        ("类型:lora -标签:draft", (Term("type", "lora"), Term("tag", "draft", negated=True))),
        ("类型：大模型 Style：2.5D", (Term("type", "base"), Term("style", "2.5d"))),
        ("大小：＞2G", (Term("size", 2_000_000_000, ">"),)),
        ('架构:"SD 1.5" 触发词:"red dress"', (Term("arch", "sd1"), Term("trigger", "red dress"))),
        ("来源:C站 损坏:是 状态:缺失", (Term("source", "civitai"), Term("broken", "yes"), Term("state", "missing"))),
        ("模型:x note：x", (Term("", "模型:x"), Term("", "note：x"))),
        ("tag:收藏 模型", (Term("tag", "收藏"), Term("", "模型"))),
        ("https://civitai.com/models/1", (Term("", "https://civitai.com/models/1"),)),
        ("note: C:\\models", (Term("", "note:"), Term("", "C:\\models"))),
        ('"re:zero" ""', (Term("", "re:zero"),)),
    ],
)
def test_a_query_is_words_and_terms(text: str, terms: tuple[Term, ...]) -> None:
    """Each piece becomes one term, in order."""
    assert parse_query(text, now=NOW).terms == terms


@pytest.mark.parametrize(
    ("arguments", "terms"),
    [
        (["red dress"], (Term("", "red dress"),)),
        (["red", "dress"], (Term("", "red"), Term("", "dress"))),
        (["trigger:red dress"], (Term("trigger", "red dress"),)),
        (["type:lora red"], (Term("type", "lora"), Term("", "red"))),
        (["tag:fav type:lora"], (Term("tag", "fav"), Term("type", "lora"))),
        (["arch:sd 1.5"], (Term("arch", "sd1"),)),
        (["类型:textual inversion"], (Term("type", "embedding"),)),
        (["-tag:two words"], (Term("tag", "two words", negated=True),)),
    ],
)
def test_the_quotes_that_a_shell_removes_still_keep_words_together(
    arguments: list[str], terms: tuple[Term, ...]
) -> None:
    """An argument with spaces is one phrase, unless it holds more terms."""
    assert parse_arguments(arguments).terms == terms


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("tpye:lora", "`type`"),
        ("type:lroa", "`lora`"),
        ("style:animee", "`anime`"),
        ("style:国风", "`2.5d`"),
        ("类型:大模形", "`base`"),
        ("arrchitecture:sd1", "`arch`"),
        ("排序:尺寸", "name, type"),
        ("sort:sizes", "`size`"),
        ("rendered:xyz", "ok, bad, never"),
        ("size:2G", "size:>2G"),
        ("added:yesterday", "2026-11-01"),
        ("type:>lora", "Choose one of"),
        ('tag:"x', "Quote"),
        ("-sort:name", "sort:size"),
        ("tag:", "tag"),
    ],
)
def test_what_is_not_valid_is_refused_with_the_nearest_that_is(text: str, remedy: str) -> None:
    """Unknown fields and values name the nearest valid one, or all of them."""
    with pytest.raises(UsageError) as caught:
        parse_query(text)
    assert remedy in caught.value.remedy.text


def test_every_component_can_be_searched_for() -> None:
    """`has:` knows the components that the detection rules can find, and no others."""
    assert set(FIELDS["has"].values) == {component for component, _ in COMPONENTS}


def test_the_components_of_a_folder_are_those_of_the_whole(catalog: Catalog, tmp_path: Path) -> None:
    """A diffusers folder is searched as one model, whatever its index file holds."""
    new = entry(tmp_path / "folder", 1, name="model_index")
    whole = replace(new.files[0].inspection, detection=replace(new.files[0].inspection.detection, components=("vae",)))
    record = catalog.record(replace(new, name="whole", inspection=whole))
    plain = catalog.record(entry(tmp_path / "folder", 2, name="plain"))
    assert catalog.ids(parse_query("has:vae")) == [record.id]
    assert catalog.ids(parse_query("-has:vae")) == [plain.id]


def test_a_query_longer_than_a_database_takes_is_refused(catalog: Catalog) -> None:
    """As many terms as are allowed can be run on every database; one that is repeated counts once."""
    most = " ".join(f"name:{number}" for number in range(MOST_TERMS))
    assert catalog.list(replace(parse_query(f"{most} name:1"), sort="relevance")) == []
    with pytest.raises(UsageError, match="at most"):
        parse_query(f"{most} more")


def test_a_field_that_nothing_records_is_refused() -> None:
    """`used:` is honest: the catalog does not record when models are used."""
    with pytest.raises(UsageError, match="does not record when models are used"):
        parse_query("used:<30d")


def test_the_verdicts_that_mean_it_works_are_those_of_render_tests() -> None:
    """`rendered:ok` means what the verdicts say."""
    assert {verdict.value for verdict in RenderVerdict if is_good(verdict)} == set(WORKING_VERDICTS)
    assert NOT_TESTED == RenderVerdict.NOT_TESTED


@dataclass(frozen=True)
class Library:
    """A catalog with models of many kinds, and what is known about them without SQL."""

    catalog: Catalog
    folder: Path
    records: dict[int, ModelRecord]
    runs: dict[int, str]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def library(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    """A small catalog in which every field of the language has several values."""
    folder = tmp_path_factory.mktemp("models")
    location = str(folder / "catalog.sqlite3")
    if request.param == "postgresql":
        location = request.getfixturevalue("postgresql").new_database()
    anime = StyleAnswer(Style.ANIME, 0.9)
    with Catalog.open(location) as catalog:
        catalog.ensure_root(folder, "Models")
        catalog.ensure_root(folder.parent / "other", "other")
        entries = [
            entry(folder, 1, name="Red Dress v1", trigger_words=(word("red dress"), word("Straße"))),
            entry(folder / "sub", 2, name="red_dress%", architecture="sdxl", style=anime),
            entry(
                folder / "sub",
                3,
                name="模型 写实",
                type=ModelType.BASE,
                variant=Variant.PRUNED,
                precision=None,
                components=("unet", "text_encoder_2"),
                trigger_words=(word("vae"),),
            ),
            entry(
                folder / "sub!",
                4,
                type=ModelType.VAE,
                components=("vae",),
                architecture=None,
                architecture_candidates=("sd1", "sdxl"),
            ),
            entry(folder.parent / "other", 5, name="ГОРОД", architecture=None, precision="bf16"),
            entry(folder.parent / "other", 6, name="ＦＵＬＬ width", style=anime),
        ]
        entries[1] = replace(entries[1], sources=(Source(kind="civitai", reference="1@2"),), tags=("Fav", "草稿"))
        entries[2] = replace(entries[2], notes="a note\nwith two lines", tags=("fav",))
        models = [catalog.record(new) for new in entries]
        catalog.record(entry(folder, 7, content=1))
        catalog.mark([p.id for p in catalog.known_locations(catalog.roots()[0]).values()][:1], LocationState.MISSING)
        verdicts = [(models[0].id, "noise"), (models[0].id, "ok"), (models[1].id, "crash"), (models[2].id, NOT_TESTED)]
        for model_id, verdict in verdicts:
            catalog.add_render_run(RenderRun(model_id=model_id, verdict=verdict, words=""))
        records = {record.id: record for record in catalog.records(ModelQuery())}
        yield Library(catalog, folder, records, dict(verdicts))


def means(term: Term, record: ModelRecord, known: Library) -> bool:
    """Return whether a term holds for a model, in plain Python."""
    return _holds(term, record, known) is not term.negated


def _holds(term: Term, record: ModelRecord, known: Library) -> bool:
    detection, value = record.detection, term.value
    places = [place for file in record.files for place in file.locations]
    key = normalize_key(str(value))
    words = [normalize_key(found.word) for found in detection.trigger_words]
    tags = [normalize_key(tag) for tag in record.tags]
    verdict = known.runs.get(record.id)
    match term.field:
        case "":
            return any(key in text for text in (normalize_key(record.name), normalize_key(record.notes), *words, *tags))
        case "name":
            return key in normalize_key(record.name)
        case "tag":
            return normalize_key(str(value).strip()) in tags
        case "trigger":
            return normalize_key(str(value).strip()) in words
        case "arch":
            if value == "unknown":
                return detection.architecture is None and not detection.architecture_candidates
            return value == detection.architecture or (
                detection.architecture is None and value in detection.architecture_candidates
            )
        case "broken":
            return record.main.broken is (value == "yes")
        case "duplicate":
            present = [place for place in record.main.locations if place.state is LocationState.PRESENT]
            return (len(present) > 1) is (value == "yes")
        case "path":
            return any(str(place.path) == value or Path(str(value)) in place.path.parents for place in places)
        case "root":
            return any(normalize_key(place.root) == key for place in places)
        case "source":
            return any(source.kind == value for source in record.sources)
        case "rendered":
            if value == "never":
                return verdict is None
            if value == NOT_TESTED or verdict in (None, NOT_TESTED):
                return verdict == value
            return (verdict in WORKING_VERDICTS) is (value == "ok")
        case "has":
            return value in detection.components
        case "size":
            return _compared(record.size, term)
        case "added":
            return _compared(record.added_at, term)
    actual = {
        "type": detection.type,
        "style": detection.style.value,
        "variant": detection.variant or "unknown",
        "precision": detection.precision or "unknown",
        "format": record.format,
        "state": record.state,
        "verdict": record.safety.verdict,
    }
    return actual[term.field] == value


def _compared(actual: int | str, term: Term) -> bool:
    if term.comparison == "=":
        begin, end = str(term.value).split("/")
        return begin <= str(actual) < end
    low, high = (actual, term.value) if isinstance(actual, int) else (str(actual), str(term.value))
    return {"<": low < high, "<=": low <= high, ">": low > high, ">=": low >= high}[term.comparison]  # type: ignore[operator]


def _term_texts() -> st.SearchStrategy[str]:
    """Return texts of terms: every value of every field, and words that are in the library or nearly."""
    words = st.sampled_from(
        [
            "red",
            "dress",
            "red dress",
            "re",
            "d",
            "%",
            "_",
            "!",
            "写实",
            "写",
            "город",
            "full",
            "strasse",
            "note",
            "two lines",
        ]
    ) | st.text(min_size=1, max_size=4).map(lambda text: text.replace('"', "")).filter(str.strip)
    choices = [
        f"{field.name}:{value}" for field in FIELDS.values() if field.kind is Kind.CHOICE for value in field.values
    ]
    choices += ["arch:sd1", "arch:sdxl", "arch:flux", "arch:unknown", "precision:fp16", "precision:unknown"]
    choices += ["source:civitai", "source:local", "root:models", "root:OTHER", "root:none", "tag:fav", "tag:草稿"]
    choices += [f"size:{sign}{size}" for sign in ("<", "<=", ">", ">=") for size in (1002, 1003, "1k")]
    choices += ["added:<1d", "added:>1d", "added:>=2020-01-01", "added:<=2020-01-01", "added:2020-01-01"]
    choices += [
        "path:{folder}",
        "path:{folder}/sub",
        "path:{folder}/sub/red_dress%.safetensors",
        "path:/",
        "path:/none",
    ]
    text = words.map(lambda found: f'"{found}"') | st.sampled_from(choices)
    text |= st.tuples(st.sampled_from(["name", "tag", "trigger"]), words).map(lambda pair: f'{pair[0]}:"{pair[1]}"')
    return st.tuples(st.sampled_from(["", "-"]), text).map("".join)


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(_term_texts(), min_size=1, max_size=3))
def test_sql_finds_what_the_terms_mean(library: Library, texts: list[str]) -> None:
    """On both databases a query finds exactly the models for which each term holds in plain Python."""
    query = parse_query(" ".join(texts).replace("{folder}", str(library.folder)))
    expected = {key for key, record in library.records.items() if all(means(t, record, library) for t in query.terms)}
    assert set(library.catalog.ids(query)) == expected


@settings(deadline=None, max_examples=80)
@given(_term_texts())
def test_negation_is_the_complement(library: Library, text: str) -> None:
    """A term and its negation share no model, and together they find all."""
    (term,) = parse_query(text.replace("{folder}", str(library.folder))).terms
    one = library.catalog.ids(ModelQuery(terms=(term,)))
    other = library.catalog.ids(ModelQuery(terms=(replace(term, negated=not term.negated),)))
    assert sorted([*one, *other]) == sorted(library.records)


@pytest.mark.parametrize("sort", ["name", "type", "architecture", "size", "added"])
def test_orders_are_the_same_on_every_database(library: Library, sort: str) -> None:
    """Sorting is by code points, whatever the language of the server, and `-` reverses it."""
    ids = library.catalog.ids(parse_query(f"sort:{sort} arch:sd1"))
    assert ids == list(reversed(library.catalog.ids(parse_query(f"sort:{sort}- arch:sd1"))))
    if sort == "name":
        names = [normalize_key(row.name) for row in library.catalog.list(parse_query("sort:name"))]
        assert names == sorted(names)


def test_relevance_puts_names_first(catalog: Catalog, tmp_path: Path) -> None:
    """The whole name comes first, then its start, a part of it, a trigger word, a tag and a note."""
    folder = tmp_path / "models"
    names = ["z red", "a trigger", "redder", "b tag", "c note", "red"]
    for number, name in enumerate(names):
        new = entry(folder, number, name=name, trigger_words=(word("red"),) if "trigger" in name else ())
        new = replace(new, notes="it is red" if "note" in name else "", tags=("red",) if "tag" in name else ())
        catalog.record(new)
    found = [row.name for row in catalog.list(parse_query("red sort:relevance"))]
    assert found == ["red", "redder", "z red", "a trigger", "b tag", "c note"]


def test_duplicates_honour_the_query(catalog: Catalog, tmp_path: Path) -> None:
    """Only groups with a model of the query are returned, in its order, and at most its limit."""
    folder = tmp_path / "models"
    for number in (1, 2, 3):
        kind = ModelType.VAE if number == 2 else ModelType.LORA
        catalog.record(entry(folder, number, type=kind))
        catalog.record(entry(folder, number + 10, content=number, type=kind))
    assert len(catalog.duplicates("file", ModelQuery())) == 3
    assert len(catalog.duplicates("file", parse_query("type:lora"))) == 2
    assert catalog.duplicates("file", parse_query("tag:none")) == []
    by_name = catalog.duplicates("file", replace(parse_query("sort:name-"), limit=2))
    assert [catalog.get(group.model_ids[0]).name for group in by_name] == ["model-3", "model-2"]


def test_a_mistyped_name_finds_the_nearest(catalog: Catalog, tmp_path: Path) -> None:
    """The database finds candidates by their trigrams; letters decide."""
    for name in ("dreamshaper_8", "deliberate_v2", "梦想模型"):
        catalog.record(replace(entry(tmp_path / "models", len(name), name=name)))
    assert catalog.nearest_names("dreamshapper 8") == ["dreamshaper_8"]
    assert catalog.nearest_names("梦想模形") == ["梦想模型"]
    assert catalog.nearest_names("") == []


def test_days_are_in_local_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A day begins at midnight of the user's time zone."""
    if not hasattr(__import__("time"), "tzset"):
        pytest.skip("the time zone of the process can be set only on Unix")
    import time

    before = os.environ.get("TZ")
    monkeypatch.setenv("TZ", "Asia/Shanghai")
    time.tzset()
    try:
        (term,) = parse_query("added:2026-11-01").terms
    finally:
        monkeypatch.setenv("TZ", before) if before is not None else monkeypatch.delenv("TZ")
        time.tzset()
    assert term.value == "2026-10-31T16:00:00+00:00/2026-11-01T16:00:00+00:00"
    assert timedelta(days=1) == datetime.fromisoformat(str(term.value).split("/")[1]) - datetime.fromisoformat(
        str(term.value).split("/")[0]
    )
