"""Find the sentences of the source that people read: what `tools/translations.py` puts into the catalogs.

Front ends mark theirs with `_` and `plural`. Elsewhere a literal or an f-string that reads as language is one, because
it reaches a person as a message, a finding or a reason; an f-string becomes a template, with a name for each value. The
few places where text is written for machines (patterns, SQL, logs) are listed below.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "modelhub"
# Text of these is for machines, or for those who write tests.
_LEFT_OUT = (
    "testing/",
    "words/",
    "detect/known/",
    "catalog/derived.py",
    "catalog/places.py",
    "catalog/tables.py",
    "config_example.py",
    "documents/",
    "safety/tables.py",
    "open_library.py",
    "library.py",
)
# Of these, which are full of SQL or of the descriptions of keys, only whole sentences and clauses are for people.
_STRICT = (
    "catalog/postgresql.py",
    "catalog/query_sql.py",
    "catalog/schema.py",
    "catalog/sqlite.py",
    "documents/manifest.py",
)
_CLAUSE = re.compile(r"[A-Z{].*\.|[a-z]+(?: [A-Za-z]+){3,}", re.DOTALL)
# Calls whose text no user sees; a method is named by its last part.
_MACHINE_CALLS = frozenset(
    (
        *("debug", "info", "warning", "error", "exception", "critical", "log", "getLogger"),
        *("compile", "sub", "match", "fullmatch", "search"),
        *("execute", "text", "DDL", "Index", "CheckConstraint", "ForeignKey", "encode_text", "TypeVar", "NewType"),
        *("ValueError", "TypeError", "KeyError", "RuntimeError", "AssertionError", "NotImplementedError"),
        *("startswith", "endswith", "removeprefix", "removesuffix", "partition", "rpartition", "split"),
        "from_os_error",
    )
)
# Calls of which single words are text for people, too: name → places of the arguments, keywords.
_LABELS: dict[str, tuple[tuple[int, ...], tuple[str, ...]]] = {
    "_": ((0,), ()),
    "Column": ((0,), ()),
    "field": ((0,), ()),
    "_fields": ((0,), ()),
    "View": ((1,), ()),
    "task": ((0,), ()),
    "describe": ((0,), ()),
    "translate": ((0,), ()),
    "word_option": ((), ("name",)),
    "chosen": ((), ("name",)),
    "member": ((), ("name",)),
    "Topic": ((), ("summary", "more")),
    "TopicGroup": ((0,), ()),
}
_WORD = re.compile(r"[A-Za-z][a-z]+(?:'[a-z]+)?")
_MACHINE_TEXT = re.compile(
    r"^(?:SELECT|INSERT|UPDATE|DELETE|CREATE|DROP|PRAGMA|BEGIN|WITH|ALTER|WHERE|ANALYZE|VACUUM)\b"
    r"|\b(?:IN|FROM) \(?[a-z{(]|\bIS NULL\b|[=<>] :\w|\b[a-z]\.[a-z_{}]+ (?:=|<|>|IN\b|LIKE\b)"  # SQL
    r"|\n.*\$|^(?:modelhub|pip|python|pipx) [a-z-]+"  # scripts and commands
    r"|^\s*[<\[#@.][a-z!/?-]|^[\w. -]+( [\w.-]+){12,}(?<![.])$"  # markup, and lists of names
    r"|^\s*\[(?:Desktop|Nemo|X)[ -]|^\$\w|^/\w|^default-src |^on run |^[\w ]+\.(?:ttf|ttc)$"  # for desktops and pages
)
# Words that stand alone beside the values of a template which no person reads.
_MACHINE_WORDS = frozenset(
    (
        *("Basic", "Bearer", "Exec", "app", "begin", "end", "excluded", "export", "install", "limit", "lnk"),
        *("modelhub", "pip"),
    )
)
_ONE_WORD = re.compile(r"[A-Z][a-z]{3,}\.")
_LEAST_WORD = 2  # letters
_NAME = re.compile(r"[a-z_][a-z_0-9]*")


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence and its place. `many`: the plural of `text`, "" for a sentence without one."""

    text: str
    path: Path
    line: int
    many: str = ""


def all_sentences() -> Iterator[Sentence]:
    """Yield every sentence of the package, those of its page templates included."""
    for path in sorted(PACKAGE.rglob("*.py")):
        place = path.relative_to(PACKAGE).as_posix()
        if place in _STRICT:
            yield from (sentence for sentence in sentences_of(path) if _CLAUSE.fullmatch(sentence.text))
        elif not place.startswith(_LEFT_OUT):
            yield from sentences_of(path)
    for path in sorted(PACKAGE.rglob("*.html*")):
        yield from sentences_of_template(path)


def sentences_of_template(path: Path) -> Iterator[Sentence]:
    """Yield what a Jinja template passes to `_` and `plural`."""
    from jinja2.ext import babel_extract

    with path.open("rb") as stream:
        for line, function, found, _ in babel_extract(stream, ["_", "plural"], [], {}):
            texts = [text for text in (found if isinstance(found, tuple) else (found,)) if isinstance(text, str)]
            yield Sentence(texts[0], path, line, texts[1] if function == "plural" else "")


def sentences_of(path: Path) -> Iterator[Sentence]:
    """Yield the sentences of a module in the order of the source."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    yield from sorted(_Finder(path).found(tree), key=lambda sentence: sentence.line)


class _Finder:
    def __init__(self, path: Path) -> None:
        self._path = path

    def found(self, node: ast.AST, *, label: bool = False) -> Iterator[Sentence]:
        """Yield the sentences below a node. `label`: single words count, too."""
        match node:
            case ast.Constant(value=str() as text):
                if label or reads_as_language(text):
                    yield from self._paragraphs(text, node)
            case ast.JoinedStr():
                template = template_of(node)
                if reads_as_language(template) or (label and _WORD.search(_without_values(template))):
                    yield from self._paragraphs(template, node)
                for part in node.values:
                    if isinstance(part, ast.FormattedValue):
                        yield from self.found(part.value)
            case ast.Tuple(elts=parts) if label:
                for part in parts:
                    yield from self.found(part, label=True)
            case ast.Call():
                yield from self._in_call(node)
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef() | ast.Module():
                yield from self._in_body(node)
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if name.endswith("LABELS"):
                yield from self.found(value, label=True)
            case ast.Tuple(elts=elements) | ast.List(elts=elements) | ast.Dict(values=elements):
                for element in elements:
                    yield from self.found(element, label=label)
            case ast.Subscript(value=ast.Name(id="Annotated"), slice=annotations):
                yield from self.found(annotations)
            case ast.Compare() | ast.Subscript() | ast.AnnAssign(value=None):
                pass
            case ast.AnnAssign(annotation=annotation, value=value):
                yield from self.found(annotation)
                if value is not None:
                    yield from self.found(value)
            case _:
                for child in ast.iter_child_nodes(node):
                    yield from self.found(child)

    def _in_call(self, node: ast.Call) -> Iterator[Sentence]:
        name = _called(node.func)
        if name == "plural":
            one, many = node.args[1:3]
            if isinstance(one, ast.Constant) and isinstance(many, ast.Constant):
                yield Sentence(str(one.value), self._path, node.lineno, str(many.value))
        elif name in _MACHINE_CALLS or (name == "replace" and isinstance(node.func, ast.Attribute)):  # that of str
            return
        places, keywords = _LABELS.get(name, ((), ()))
        for place, argument in enumerate(node.args):
            if not (name == "plural" and place in (1, 2)):
                yield from self.found(argument, label=place in places)
        for keyword in node.keywords:
            yield from self.found(keyword.value, label=keyword.arg in keywords)
        if isinstance(node.func, ast.Attribute):
            yield from self.found(node.func.value)

    def _in_body(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Module) -> Iterator[Sentence]:
        documented = ast.get_docstring(node)
        body = node.body[1:] if documented else node.body
        if documented and isinstance(node, ast.FunctionDef) and _is_command(node):
            yield from self._paragraphs(documented + "\n\n", node)
        if not isinstance(node, ast.Module):
            for decorator in node.decorator_list:
                yield from self.found(decorator)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from self.found(node.args)
        for child in body:
            yield from self.found(child)

    def _paragraphs(self, text: str, node: ast.expr | ast.FunctionDef) -> Iterator[Sentence]:
        """Yield a text, or each paragraph of a help text, which is filled and translated by itself."""
        paragraphs = [" ".join(part.split()) for part in text.split("\n\n")] if "\n\n" in text else [text]
        for paragraph in paragraphs:
            if paragraph.strip() and not paragraph.startswith("Example: modelhub"):
                yield Sentence(paragraph, self._path, node.lineno)


def reads_as_language(text: str) -> bool:
    """Return whether a text is for people: two words at least, at least one of them in lower case, no markup or SQL.

    A single word counts beside a value, as in "matches {pattern}", "24 positions" or "See {page}."
    """
    words = _WORD.findall(_without_values(text))
    if _ONE_WORD.fullmatch(text):
        return True
    if _MACHINE_TEXT.match(text) or " " not in text.strip():
        return False
    if len(words) == 1:
        has_number = words[0].islower() and any(map(str.isdecimal, text))
        has_value = "{" in text or has_number or text.rstrip().endswith((".", "?"))
        return has_value and len(words[0]) > _LEAST_WORD and words[0] not in _MACHINE_WORDS
    return any(word.islower() for word in words)


def _without_values(text: str) -> str:
    """Return a text or template without its fields and without code."""
    return re.sub(r"\{[^{}]*\}|`[^`]*`", " ", text)


def template_of(node: ast.JoinedStr) -> str:
    """Return the template of an f-string, with a name for each value: that of the variable, attribute or call."""
    parts, taken = [], dict[str, str]()
    for value in node.values:
        if isinstance(value, ast.Constant):
            parts.append(str(value.value).replace("{", "{{").replace("}", "}}"))
        elif isinstance(value, ast.FormattedValue):
            parts.append("{" + _unique(field_name(value.value), ast.dump(value.value), taken) + "}")
    return "".join(parts)


def _unique(name: str, source: str, taken: dict[str, str]) -> str:
    """Return a name for a value that no other value of the sentence has; the same value keeps its name."""
    candidate, number = name, 2
    while taken.setdefault(candidate, source) != source:
        candidate, number = f"{name}{number}", number + 1
    return candidate


def field_name(node: ast.expr) -> str:
    """Return a name for a value of an f-string, which shows a translator what it is."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            pass
        case ast.Call(func=ast.Name(id="format_size" | "format_duration" as function)):
            name = function.removeprefix("format_")
        case ast.Call(func=ast.Name(id="len"), args=[inner]):
            return "count" if not isinstance(inner, ast.Name) else f"{inner.id}_count".lstrip("_")
        case ast.Call(func=ast.Attribute(attr="join"), args=[inner, *_]):
            return field_name(inner) if not isinstance(inner, ast.GeneratorExp) else "items"
        case ast.Call(args=[inner, *_]):
            return field_name(inner)
        case ast.Subscript(value=inner):
            return field_name(inner)
        case _:
            name = "value"
    name = name.strip("_").lower()
    return name if _NAME.fullmatch(name) else "value"


def _called(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _is_command(node: ast.FunctionDef) -> bool:
    calls = [each.func if isinstance(each, ast.Call) else each for each in node.decorator_list]
    return any(isinstance(call, ast.Attribute) and call.attr in ("command", "callback") for call in calls)
