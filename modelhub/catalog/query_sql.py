"""Translate a ModelQuery into SQL: one condition for each term, one order, one page. Reads nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from modelhub.catalog.encoding import MOST_ROWS, like_pattern, normalize_key, path_key
from modelhub.catalog.query_fields import NOT_TESTED, SORTS, UNKNOWN, WORKING_VERDICTS
from modelhub.catalog.rows import MODEL_ROW
from modelhub.catalog.values import ModelQuery, Root, Term
from modelhub.errors import UsageError

# Word to sort by → column; the id makes every order total.
_COLUMNS = {
    "name": "m.name_key",
    "type": "m.type",
    "architecture": "m.architecture",
    "size": "m.size",
    "added": "m.added_at",
}
_WORDS_IN_FTS = 3  # SQLite's trigram index holds nothing shorter
_DUPLICATE = (
    "m.id IN (SELECT mf.model_id FROM model_file mf JOIN location l ON l.file_id = mf.file_id"
    " WHERE mf.position = 0 AND l.state = 'present' GROUP BY mf.model_id HAVING count(*) > 1)"
)
_LATEST = "m.id IN (SELECT r.model_id FROM render_run r WHERE {condition} AND r.id IN ({latest}))"
_LATEST_IDS = "SELECT max(x.id) FROM render_run x GROUP BY x.model_id"
_IN_PLACE = (
    "m.id IN (SELECT mf.model_id FROM model_file mf JOIN location l ON l.file_id = mf.file_id WHERE {condition})"
)
_NOTHING = "1 = 0"


@dataclass(frozen=True, slots=True)
class _ComponentsText:
    """The SQL of the JSON list of components, as a text: of a model of several files, and of a file."""

    of_whole: str
    of_file: str


_COMPONENTS = {
    "sqlite": _ComponentsText(
        "json_extract(m.whole, '$.detection.components')", "json_extract(f.detection, '$.components')"
    ),
    "postgresql": _ComponentsText(
        "CAST(CAST(m.whole AS json) -> 'detection' -> 'components' AS text)",
        "CAST(CAST(f.detection AS json) -> 'components' AS text)",
    ),
}


@dataclass(slots=True)
class _Statement:
    """The parts of a statement while it is built. `sqlite`: words are looked up in its full-text index."""

    sqlite: bool
    roots: Sequence[Root] = ()
    parameters: dict[str, Any] = field(default_factory=dict)

    def bind(self, value: Any) -> str:
        """Return the name of a new parameter with this value."""
        name = f"p{len(self.parameters)}"
        self.parameters[name] = value
        return f":{name}"


def needs_roots(query: ModelQuery) -> bool:
    """Return whether the query's SQL depends on the folders that the catalog knows."""
    return any(term.field in ("path", "root") for term in query.terms)


def listing(
    query: ModelQuery, *, sqlite: bool, roots: Sequence[Root] = (), columns: str = MODEL_ROW.sql
) -> tuple[str, dict[str, Any]]:
    """Return the SQL of a listing and its parameters. Raise UsageError for an unknown word to sort by."""
    if query.sort not in SORTS:
        raise UsageError(f"Models cannot be sorted by `{query.sort}`.", f"Choose one of: {', '.join(SORTS)}.")
    statement = _Statement(sqlite, roots)
    where = [_condition(term, statement) for term in query.terms]
    if query.after is not None:
        where.append(_behind(query, statement))
    parts = [f"SELECT {columns} FROM model m"]
    if where:
        parts.append(f"WHERE {' AND '.join(where)}")
    parts.append(f"ORDER BY {_order(query, statement)}")
    if query.limit is not None:
        parts.append(f"LIMIT {statement.bind(min(query.limit, MOST_ROWS))}")
    return " ".join(parts), statement.parameters


def _order(query: ModelQuery, statement: _Statement) -> str:
    direction = "DESC" if query.reverse else "ASC"
    if query.sort != "relevance":
        return f"{_COLUMNS[query.sort]} {direction}, m.id {direction}"
    words = [str(term.value) for term in query.terms if not term.field and not term.negated]
    ranks = [_rank(word, statement) for word in words]
    return ", ".join([*([f"{' + '.join(ranks)} {direction}"] if ranks else []), f"m.name_key {direction}", "m.id"])


def _rank(word: str, statement: _Statement) -> str:
    """Return the SQL of how far a word is from the name: the whole name first, then its start, a part, other texts."""
    key = normalize_key(word)
    whole, anywhere = statement.bind(key), statement.bind(like_pattern(key))
    start = statement.bind(like_pattern(key)[1:])
    return (
        f"CASE WHEN m.name_key = {whole} THEN 0 WHEN m.name_key LIKE {start} ESCAPE '!' THEN 1"
        f" WHEN m.name_key LIKE {anywhere} ESCAPE '!' THEN 2"
        f" WHEN EXISTS (SELECT 1 FROM model_word w WHERE w.model_id = m.id AND w.word_key = {whole}) THEN 3"
        f" WHEN EXISTS (SELECT 1 FROM tag t WHERE t.model_id = m.id AND t.tag_key = {whole}) THEN 4 ELSE 5 END"
    )


def _behind(query: ModelQuery, statement: _Statement) -> str:
    last = query.after
    assert last is not None
    if query.sort == "relevance":
        raise UsageError("Pages of a listing cannot be sorted by `relevance`.", "Sort by name.")
    value = {
        "name": normalize_key(last.name),
        "type": last.type,
        "architecture": last.architecture or "",
        "size": last.size,
        "added": last.added_at,
    }[query.sort]
    sign = "<" if query.reverse else ">"
    column, identity = statement.bind(value), statement.bind(last.id)
    return f"({_COLUMNS[query.sort]}, m.id) {sign} ({column}, {identity})"


def _condition(term: Term, statement: _Statement) -> str:
    condition = _CONDITIONS.get(term.field, _equal)(term, statement)
    # A CASE, because NOT of an unknown (a NULL column) would leave models out of both halves.
    return f"CASE WHEN {condition} THEN 0 ELSE 1 END = 1" if term.negated else f"({condition})"


def _equal(term: Term, statement: _Statement) -> str:
    if term.value == UNKNOWN and term.field in ("variant", "precision"):
        return f"m.{term.field} IS NULL"
    return f"m.{term.field} = {statement.bind(term.value)}"


def _word(term: Term, statement: _Statement) -> str:
    key = normalize_key(str(term.value))
    if statement.sqlite and len(key) >= _WORDS_IN_FTS:
        phrase = '"' + key.replace('"', '""') + '"'
        return f"m.id IN (SELECT rowid FROM model_search WHERE model_search MATCH {statement.bind(phrase)})"
    return f"m.id IN (SELECT model_id FROM model_text WHERE text LIKE {statement.bind(like_pattern(key))} ESCAPE '!')"


def _name(term: Term, statement: _Statement) -> str:
    return f"m.name_key LIKE {statement.bind(like_pattern(normalize_key(str(term.value))))} ESCAPE '!'"


def _architecture(term: Term, statement: _Statement) -> str:
    """Return the condition; a model that fits several architectures belongs to each of them."""
    if term.value == UNKNOWN:
        return "m.architecture IS NULL AND m.candidates = '[]'"
    among = statement.bind(like_pattern(f'"{term.value}"'))
    same = statement.bind(term.value)
    return f"m.architecture = {same} OR (m.architecture IS NULL AND m.candidates LIKE {among} ESCAPE '!')"


def _trigger(term: Term, statement: _Statement) -> str:
    key = statement.bind(normalize_key(str(term.value).strip()))
    return f"m.id IN (SELECT w.model_id FROM model_word w WHERE w.word_key = {key})"


def _tag(term: Term, statement: _Statement) -> str:
    key = statement.bind(normalize_key(str(term.value).strip()))
    return f"m.id IN (SELECT t.model_id FROM tag t WHERE t.tag_key = {key})"


def _broken(term: Term, statement: _Statement) -> str:
    return f"m.broken = {statement.bind(term.value == 'yes')}"


def _duplicate(term: Term, statement: _Statement) -> str:
    return _DUPLICATE if term.value == "yes" else _DUPLICATE.replace("m.id IN", "m.id NOT IN", 1)


def _size(term: Term, statement: _Statement) -> str:
    return f"m.size {term.comparison} {statement.bind(term.value)}"


def _added(term: Term, statement: _Statement) -> str:
    if term.comparison != "=":
        return f"m.added_at {term.comparison} {statement.bind(term.value)}"
    begin, _, end = str(term.value).partition("/")
    return f"m.added_at >= {statement.bind(begin)} AND m.added_at < {statement.bind(end)}"


def _source(term: Term, statement: _Statement) -> str:
    return f"m.id IN (SELECT s.model_id FROM source s WHERE s.kind = {statement.bind(term.value)})"


def _has(term: Term, statement: _Statement) -> str:
    """Return the condition for a component: that of the whole for a model of several files, else of its file."""
    among = statement.bind(like_pattern(f'"{term.value}"'))
    row = _COMPONENTS["sqlite" if statement.sqlite else "postgresql"]
    files = "SELECT mf.model_id FROM model_file mf JOIN file f ON f.id = mf.file_id WHERE mf.position = 0"
    return (
        f"CASE WHEN m.whole IS NULL THEN m.id IN ({files} AND {row.of_file} LIKE {among} ESCAPE '!')"
        f" ELSE {row.of_whole} LIKE {among} ESCAPE '!' END"
    )


def _rendered(term: Term, statement: _Statement) -> str:
    if term.value == "never":
        return "m.id NOT IN (SELECT r.model_id FROM render_run r)"
    working = ", ".join(statement.bind(word) for word in WORKING_VERDICTS)
    untested = statement.bind(NOT_TESTED)
    condition = {
        "ok": f"r.verdict IN ({working})",
        "bad": f"r.verdict NOT IN ({working}, {untested})",
        NOT_TESTED: f"r.verdict = {untested}",
    }[str(term.value)]
    return _LATEST.format(condition=condition, latest=_LATEST_IDS)


def _root(term: Term, statement: _Statement) -> str:
    wanted = normalize_key(str(term.value))
    ids = [statement.bind(root.id) for root in statement.roots if normalize_key(root.name) == wanted]
    return _IN_PLACE.format(condition=f"l.root_id IN ({', '.join(ids)})") if ids else _NOTHING


def _path(term: Term, statement: _Statement) -> str:
    """Return the condition for a file, or a folder with everything in it."""
    path = Path(str(term.value))
    conditions = []
    for root in statement.roots:
        if root.path == path or path in root.path.parents:
            conditions.append(f"l.root_id = {statement.bind(root.id)}")
        elif root.path in path.parents:
            key = path_key(path.relative_to(root.path).as_posix())
            same, low, high = statement.bind(key), statement.bind(f"{key}/"), statement.bind(f"{key}0")
            within = f"l.relative_key = {same} OR (l.relative_key >= {low} AND l.relative_key < {high})"
            conditions.append(f"l.root_id = {statement.bind(root.id)} AND ({within})")
    return _IN_PLACE.format(condition=" OR ".join(conditions)) if conditions else _NOTHING


_CONDITIONS: dict[str, Callable[[Term, _Statement], str]] = {
    "": _word,
    "added": _added,
    "arch": _architecture,
    "broken": _broken,
    "duplicate": _duplicate,
    "has": _has,
    "name": _name,
    "path": _path,
    "rendered": _rendered,
    "root": _root,
    "size": _size,
    "source": _source,
    "tag": _tag,
    "trigger": _trigger,
}
