"""Find wording that docs/language rules forbid: `python -m tests.language [PATH…]` prints every place.

Reads source as text, so that each docstring, message and name is covered, whether a test reaches it or not.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Rule:
    """One forbidden pattern, and what to write instead."""

    pattern: re.Pattern[str]
    instead: str


@dataclass(frozen=True, slots=True)
class Offence:
    """One place that breaks a rule."""

    path: Path
    line: int
    text: str
    instead: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.text!r} → {self.instead}"


def _rule(pattern: str, instead: str) -> Rule:
    return Rule(re.compile(pattern, re.IGNORECASE), instead)


# Whatever a person may read: messages, help, docstrings, documentation.
PROSE = (
    _rule(
        r"(?<!there )\b(?:is|are|was|were|be) no (?!longer\b|more\b|less\b|fewer\b|doubt\b|need\b|one\b|such\b)[\w-]+",
        "`is not a …`, `has no …` or `there is no …`",
    ),
    _rule(r"\banew\b", "`again` or `re-…`"),
    _rule(r"\banother than\b", "`different from`, `has changed`"),
    _rule(
        r"\b(?:lies|lie|lying|lay) (?:in|at|on|below|above|under|beside|here|there|outside|inside|nowhere)\b",
        "`is in …`",
    ),
    _rule(r"\b(?:has|have|had) to be \w+", "`must be …`"),
    _rule(
        r"\b(?:is|are|was|were|be) (?:said|told|asked) (?:to|of|by|for|about|anew)\b",
        "`reported`, `stated`, `requested`",
    ),
    _rule(r"\bcannot be said\b", "`cannot be combined`"),
    _rule(r"(?:^|[.;:] |\bor |\band )[Ss]ay (?:--|`|yes|the|which|where|pull|how)", "`Use …`, `Give …`, `Name …`"),
    _rule(r"\b(?:goes|go|going|gone) on (?:with|where|after|from|at)\b", "`resumes`, `continues`"),
    _rule(r"\bThere is nothing (?:at|in)\b", "`{path} does not exist.`"),
    _rule(r"\b(?:is|are) none of\b", "`is not a valid value`"),
    _rule(r"\bseems? to be\b", "state what was measured"),
    _rule(r"\bculprit\b", "state what was measured"),
    _rule(r"\bplease\b", "leave it out"),
    _rule(
        r"\bone (?:event |object |JSON object |row |file |entry )?a (?:line|type|row|sign|file|model)\b", "`one per …`"
    ),
    _rule(r"\banother modelhub\b(?! process)", "`another modelhub process`"),
    _rule(r"\bextra \[", "the name of an extra in backticks"),
    _rule(r"\bcalled off\b", "`cancelled`"),
    _rule(r"\bworn\b|\bwears?\b|\bcoats?\b|\bkinship\b|\bkin\b|\bcrew\b|\bhires?\b|\bhiring\b", "the field's word"),
    _rule(r"\bwakes?\b|\bwoken\b|\bnouns of the trade\b|\bfloors of the house\b|\bstop sign\b", "the field's word"),
    _rule(r"\bnobody watches\b|\bon its way\b|\bmade fit for\b|\bspeak to the user\b", "plain words"),
    _rule(
        r"\bput(?:s|ting)? (?:it |them )?(?:back )?(?:on|off) (?:a|the|loaded) (?:base|network|model)s?\b",
        "`apply`, `remove`",
    ),
    _rule(r"\b1e\+", "decimal units with three digits"),
    _rule(r"\b(?:colour|behaviour|favour|neighbour|centre|grey)s?\b", "American spelling"),
    _rule(
        r"\b(?:normalis|recognis|organis|initialis|serialis|optimis|quantis|summaris)(?:e|es|ed|ing|ation)\b", "-ize"
    ),
    _rule(r"\bcatalogu(?:e|es|ed|ing)\b", "`catalog`, `added to the catalog`"),
    _rule(r"\blicences?\b", "`license`"),
)
# A function's docstring begins with an imperative verb; these words begin a noun clause or a phrase.
_NO_VERB = (
    "what|where|which|whether|how|who|why|the|a|an|all|every|each|one|its|our|their|several|many|some|any|as|of|for|by|at"
    "|everything|something|another|other|more|whatever|while|until|without|beside|above|below|up|on|in|from|with|only|no"
)
_FUNCTION = re.compile(rf"(?:{_NO_VERB})\b", re.IGNORECASE)
# Errors of Python and of libraries, whose words no user reads.
_NOT_OURS = frozenset(
    {"ValueError", "TypeError", "KeyError", "RuntimeError", "AttributeError", "AssertionError", "OSError"}
)
# A first word in -s is a plural noun or a verb in the third person, unless it is one of these.
_VERBS_IN_S = frozenset("pass process press express suppress dismiss discuss access address guess focus cross".split())  # noqa: SIM905
_CLASS = re.compile(r"(?:what|where|which|whether|how|who|why)\b", re.IGNORECASE)
# A verb in the third person, or "From … to …", in front of what a module or a class is.
_NO_NOUN = re.compile(
    r"(?:reads|writes|shows|prints|creates|resolves|decides|detects|calls|adds|hands|makes|finds|runs|turns|returns|from)\b",
    re.IGNORECASE,
)
# A function's docstring is imperative to its end.
_RAISES = re.compile(r"(?:^|[.;:)\n] ?)\s*Raises\b")
# Metaphors of our own that names of functions and classes may not hold.
_METAPHORS = re.compile(
    r"(?:trail|crew|growth|kinship|kin|worn|coat|coats|told|untold|tell|shoot"
    r"|develop|hire|gravest|standing|filling|following|twin|twins|bring|seat|meant)"
)
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[0-9]+")
# Words of data that others define, and the spelling of published JSON values.
_PUBLISHED = re.compile(r"grey background|unrecognised|catalogue_?id|Licence\b(?=:)|licen[cs]e=|colour_?space")


def offences_in(path: Path, text: str | None = None) -> Iterator[Offence]:
    """Yield every offence of one Python or Markdown file."""
    source = path.read_text("utf-8") if text is None else text
    shown = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
    if path.suffix != ".py":
        yield from _prose_of_page(shown, source)
        return
    tree = ast.parse(source)
    module_doc = (ast.get_docstring(tree) or "").lstrip("`\"' ")
    if (_CLASS.match(module_doc) or _NO_NOUN.match(module_doc)) and not path.name.startswith("test_"):
        yield Offence(shown, 1, module_doc.split("\n")[0][:60], "a noun phrase or an imperative")
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from _prose(shown, node.lineno, node.value)
        elif isinstance(node, ast.Call):
            yield from _message(shown, node)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield from _definition(shown, node)


def _message(path: Path, node: ast.Call) -> Iterator[Offence]:
    """Check the message of a raised error: a sentence, with a capital and a full stop."""
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    if not name.endswith("Error") or not node.args or name in _NOT_OURS:
        return
    text = _text(node.args[0])
    if text and (text[0].islower() or text[-1] not in ".?:…\0\"'`"):
        yield Offence(path, node.lineno, text.replace("\0", "{}"), "a sentence: a capital first, a full stop last")


def _text(node: ast.expr) -> str:
    """Return the literal text of a string, with NUL where a value stands; empty for any other expression."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part) if isinstance(part, ast.Constant) else "\0" for part in node.values)
    return ""


def _definition(path: Path, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> Iterator[Offence]:
    # `tell` is the name of a method of every file object.
    is_file_method = node.name == "tell" and isinstance(node, ast.FunctionDef) and bool(node.args.args)
    if not is_file_method and any(_METAPHORS.fullmatch(word.lower()) for word in _WORD.findall(node.name)):
        yield Offence(path, node.lineno, node.name, "a name without a metaphor")
    doc = ast.get_docstring(node)
    if doc is None:
        return
    first = doc.lstrip("`\"' ").split("\n")[0][:60]
    if isinstance(node, ast.ClassDef):
        if _CLASS.match(first) or _NO_NOUN.match(first):
            yield Offence(path, node.lineno, first, "a noun phrase")
        return
    if _RAISES.search(doc):
        yield Offence(path, node.lineno, "Raises …", "`Raise …`, imperative like the sentence before")
    if not _is_attribute(node) and not node.name.startswith("test_") and not _begins_with_a_verb(doc):
        yield Offence(path, node.lineno, first, "an imperative verb first: `Return …`")


def _begins_with_a_verb(doc: str) -> bool:
    """Return False where the first word shows that a docstring is not an imperative; any other word may be a verb."""
    first = re.split(r"[\s,.:;(]", doc, maxsplit=1)[0]
    is_word = first.isalpha() and first[0].isupper()
    return is_word and not _FUNCTION.fullmatch(first) and (not first.endswith("s") or first.lower() in _VERBS_IN_S)


def _is_attribute(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Return whether a method is read like an attribute: its docstring may be a noun phrase."""
    return any(
        "property" in ast.unparse(decorator) or "fixture" in ast.unparse(decorator) for decorator in node.decorator_list
    )


def _prose(path: Path, line: int, text: str) -> Iterator[Offence]:
    if " " not in text.strip():
        return
    for number, part in enumerate(_PUBLISHED.sub("", text).split("\n")):
        for rule in PROSE:
            if match := rule.pattern.search(part):
                yield Offence(
                    path, line + number, part.strip()[max(0, match.start() - 30) : match.end() + 30], rule.instead
                )


def _prose_of_page(path: Path, text: str) -> Iterator[Offence]:
    code = False
    for number, line in enumerate(text.split("\n"), 1):
        if line.startswith("```"):
            code = not code
        yield from _prose(path, number, line)


def classes_of_one_name() -> dict[str, list[str]]:
    """Return the names that public classes of several modules share, with the modules; test servers may share names."""
    homes: dict[str, list[str]] = {}
    for path in files(ROOT / "modelhub"):
        if path.suffix != ".py" or "testing" in path.parts:
            continue
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                homes.setdefault(node.name, []).append(path.relative_to(ROOT).as_posix())
    return {name: modules for name, modules in homes.items() if len(modules) > 1}


def files(*places: Path) -> list[Path]:
    """List the Python and Markdown files at or below `places`; all of the project's own without any."""
    chosen = places or (ROOT / "modelhub", ROOT / "tools", ROOT / "benchmarks", ROOT / "README.md", ROOT / "docs")
    found = [path for place in chosen for path in ([place] if place.is_file() else sorted(place.rglob("*")))]
    return [path for path in found if path.suffix in (".py", ".md") and "node_modules" not in path.parts]


if __name__ == "__main__":
    every = [
        offence for path in files(*(Path(word).resolve() for word in sys.argv[1:])) for offence in offences_in(path)
    ]
    for one in every:
        print(one)
    print(f"{len(every)} offences", file=sys.stderr)
    sys.exit(bool(every))
