"""Parse the text of a query into a ModelQuery: words, `field:value` terms, `-negation`, "quotes" and `sort:size-`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache

from modelhub.catalog.encoding import absolute_path
from modelhub.catalog.query_fields import FIELDS, SORT, SORTS, Field, Kind, field_name
from modelhub.catalog.values import ModelQuery, Term
from modelhub.choices import find_choice, nearest
from modelhub.errors import UsageError
from modelhub.words import WordKind, canonical, rows_of

# Terms that a query may have; databases limit the depth of an expression (SQLite: 1000).
MOST_TERMS = 200
_WIDE = str.maketrans("＜＞＝", "<>=")
_SIZE = r"(?i)(\d{1,15}(?:\.\d{1,9})?)\s*([kmgt]?)(i?)b?"
_AGE = r"(?i)(\d{1,6})\s*([hdwmy])"
_HOURS = {"h": 1, "d": 24, "w": 7 * 24, "m": 30 * 24, "y": 365 * 24}
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}
_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}


@dataclass(frozen=True, slots=True)
class _Piece:
    """One piece of a query as it was written."""

    text: str
    value: str
    field: str = ""
    comparison: str = ""
    negated: bool = False


@cache
def _piece_pattern() -> re.Pattern[str]:
    """Return the pattern of a piece: an optional sign, field and comparison, and a value that may be quoted.

    It takes a while to compile, and so does that of a term: a command without a query needs neither.
    """
    return re.compile(
        rf"\s*(?P<sign>[-!])?(?:(?P<field>{_field_pattern()})[:：](?P<comparison>[<>＜＞][=＝]?|[=＝])?)?"
        r"(?:\"(?P<quoted>[^\"]*)(?P<closed>\"?)|(?P<bare>\S+))?"
    )


@cache
def _term_pattern() -> re.Pattern[str]:
    """Return the pattern of a `field:value` term in any text."""
    return re.compile(rf"(?:^|(?<=\s))[-!]?({_field_pattern()})[:：](?!//)\S")


def _field_pattern() -> str:
    """Return the pattern of a field's name.

    A field in English may be mistyped, one in another script is a known one: else it is a word that holds a colon. The
    colon and the comparisons of a Chinese keyboard count as well.
    """
    chinese = (word for row in rows_of(WordKind.FIELD) for word in row.chinese if not word.isascii())
    others = "|".join(sorted(chinese, key=len, reverse=True))
    return rf"(?:[A-Za-z][A-Za-z_-]+(?=:)|(?i:{'|'.join((*FIELDS, SORT))})(?=：)|{others})"


def parse_query(text: str, *, now: datetime | None = None) -> ModelQuery:
    """Return the query that `text` describes. Ages such as `added:<30d` count from `now`.

    Raise UsageError for an unknown field, a value that the field does not take, or a quote that is not closed.
    """
    return _query(_pieces(text), now)


def parse_arguments(arguments: Iterable[str], *, now: datetime | None = None) -> ModelQuery:
    """Return the query that the arguments of a command line describe.

    The shell has removed the quotes around an argument: one with spaces and without terms is kept together, as is the
    value after a field that takes any text. Raise UsageError as `parse_query` does.
    """
    return _query((piece for argument in arguments for piece in _argument_pieces(argument)), now)


def has_terms(arguments: Iterable[str]) -> bool:
    """Return whether one of the arguments is a `field:value` term or negated, and so no reference to one model."""
    return any(argument.startswith(("-", "!")) or _names_a_field(argument) for argument in arguments)


def _names_a_field(text: str) -> bool:
    return any(field_name(found[1]) in (*FIELDS, SORT) for found in _term_pattern().finditer(text))


def make_term(field: str, value: str, *, negated: bool = False) -> Term:
    """Return the term `field:value`. Raise UsageError for a value that the field does not take."""
    return _term(_Piece(f"{field}:{value}", value, field, negated=negated), datetime.now(UTC))


def sort_order(text: str) -> tuple[str, bool]:
    """Return the word to sort by and whether the order is reversed: "size-" is largest first."""
    word = text.strip("+-").lower()
    order = find_choice(word, SORTS, WordKind.SORT)
    if order is None:
        raise UsageError(f"Models cannot be sorted by `{word}`.", nearest(word, SORTS, words=WordKind.SORT))
    return order, "-" in (text[:1], text[-1:])


def _query(pieces: Iterable[_Piece], now: datetime | None) -> ModelQuery:
    now = now or datetime.now(UTC)
    terms: list[Term] = []
    sort, reverse = "name", False
    for piece in pieces:
        if field_name(piece.field) != SORT:
            terms.append(_term(piece, now))
        elif piece.negated or piece.comparison:
            raise UsageError(f"`{piece.text}` is not a sort order.", "Use `sort:size` or `sort:size-`.")
        else:
            sort, reverse = sort_order(piece.value)
    terms = list(dict.fromkeys(terms))
    if len(terms) > MOST_TERMS:
        raise UsageError(
            f"The query has {len(terms)} words and terms; at most {MOST_TERMS} are possible.",
            "Use fewer, and quote words that belong together.",
        )
    return ModelQuery(terms=tuple(terms), sort=sort, reverse=reverse)


def _pieces(text: str) -> Iterator[_Piece]:
    place, piece = 0, _piece_pattern()
    while place < len(text):
        found = piece.match(text, place)
        if found is None or found.end() == place:  # never the second: every character that is not a space matches
            return
        place = found.end()
        written = found[0].strip()
        if found["quoted"] is not None and not found["closed"]:
            raise UsageError(f"The quote in `{written}` is not closed.", 'Quote as in `trigger:"red dress"`.')
        yield from _piece(written, found)


def _piece(written: str, found: re.Match[str]) -> Iterator[_Piece]:
    """Yield the piece of one match; none for empty quotes."""
    field, comparison, sign = found["field"] or "", (found["comparison"] or "").translate(_WIDE), found["sign"] or ""
    value = found["quoted"] if found["quoted"] is not None else found["bare"] or ""
    if field and not value and found["quoted"] is None and field_name(field) not in (*FIELDS, SORT):
        field, comparison, value = "", "", written.removeprefix(sign)  # `note:` is a word that ends in a colon
    elif field and not comparison and value.startswith("//"):
        field, value = "", written.removeprefix(sign)  # an address is a word
    if not field and not value:
        if sign and found["quoted"] is None:
            yield _Piece(written, sign)  # a sign alone is a word
        return
    yield _Piece(written, value, field, comparison, bool(sign))


def _argument_pieces(argument: str) -> Iterator[_Piece]:
    text = argument.strip()
    found = _piece_pattern().match(text)
    known = FIELDS.get(field_name(found["field"] or "")) if found else None
    sign, rest = (text[:1], text[1:]) if text.startswith(("-", "!")) else ("", text)
    if '"' in text or not re.search(r"\s", text):
        yield from _pieces(text)
    elif found and known is not None and _is_one_value(known, value := text[found.end("field") + 1 :]):
        yield _Piece(text, value, known.name, negated=bool(sign))
    elif not _names_a_field(rest):
        yield _Piece(text, rest, negated=bool(sign))
    else:
        yield from _pieces(text)


def _is_one_value(field: Field, text: str) -> bool:
    """Return whether a text with spaces is one value: any text, or a word of several parts such as "sd 1.5"."""
    if field.kind is Kind.TEXT:
        return not _names_a_field(text)
    return field.words is not None and canonical(field.words, text) is not None


def _term(piece: _Piece, now: datetime) -> Term:
    if not piece.field:
        return Term("", piece.value, negated=piece.negated)
    name = field_name(piece.field)
    field = FIELDS.get(name)
    if field is None:
        raise UsageError(
            f"There is no field `{piece.field}`.", nearest(piece.field, (*FIELDS, SORT), words=WordKind.FIELD)
        )
    if field.kind is Kind.UNRECORDED:
        raise UsageError(f"`{piece.text}` cannot be answered: the catalog does not record when models are used.")
    if not piece.value.strip():
        raise UsageError(f"The field `{name}` has no value in `{piece.text}`.", _values_of(field))
    if field.kind is Kind.SIZE:
        return _size_term(piece)
    if field.kind is Kind.DATE:
        return _date_term(piece, now)
    if piece.comparison not in ("", "="):
        raise UsageError(f"The field `{name}` cannot be compared with `{piece.comparison}`.", _values_of(field))
    return Term(name, _value(field, piece), negated=piece.negated)


def _value(field: Field, piece: _Piece) -> str:
    if field.name == "path":
        if "\0" in piece.value:
            raise UsageError(f"`{piece.text}` is not a path: it has a NUL character.")
        return absolute_path(piece.value)
    if field.kind is Kind.TEXT:
        return piece.value
    if not field.values:
        return (canonical(field.words, piece.value) if field.words else None) or piece.value.lower()
    value = find_choice(piece.value, field.values, field.words)
    if value is None:
        raise UsageError(
            f"`{piece.value}` is not a value of the field `{field.name}`.",
            nearest(piece.value, field.values, words=field.words),
        )
    return value


def _size_term(piece: _Piece) -> Term:
    found = re.fullmatch(_SIZE, piece.value.strip())
    if found is None or not piece.comparison:
        raise UsageError(f"`{piece.text}` is not a comparison of sizes.", "Use `size:>2G`, `size:<=500M` or the like.")
    base = 1024 if found[3] else 1000
    count = round(float(found[1]) * base ** _POWERS[found[2].lower()])
    return Term("size", min(count, (1 << 63) - 1), piece.comparison, piece.negated)


def _date_term(piece: _Piece, now: datetime) -> Term:
    """Return the term for an age ("less than 30 days ago") or for a day in local time."""
    value = piece.value.strip()
    age = re.fullmatch(_AGE, value)
    if age is not None and piece.comparison in _MIRRORED:
        hours = min(int(age[1]) * _HOURS[age[2].lower()], 24 * 365 * 1000)
        return Term("added", _instant(now - timedelta(hours=hours)), _MIRRORED[piece.comparison], piece.negated)
    try:
        day = date.fromisoformat(value)
        begin, end = (_instant(datetime(d.year, d.month, d.day)) for d in (day, day + timedelta(days=1)))
    except (ValueError, OverflowError, OSError) as exc:
        raise UsageError(
            f"`{piece.text}` is not a comparison of dates.",
            "Use a day as in `added:>2026-11-01`, or an age as in `added:<30d` (h, d, w, m or y).",
        ) from exc
    if piece.comparison in ("", "="):
        return Term("added", f"{begin}/{end}", "=", piece.negated)
    instant, comparison = {">": (end, ">="), ">=": (begin, ">="), "<": (begin, "<"), "<=": (end, "<")}[piece.comparison]
    return Term("added", instant, comparison, piece.negated)


def _instant(moment: datetime) -> str:
    """Return a moment as the catalog stores it; one without a time zone is in local time."""
    return moment.astimezone(UTC).isoformat(timespec="seconds")


def _values_of(field: Field) -> str:
    return f"Choose one of: {', '.join(field.values)}." if field.values else f"It is {field.about}."
