"""The help of a command in other languages than English: its texts, and lines as wide as Chinese characters are."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import typer

from modelhub.cli.screen.text_layout import pad, width, wrap
from modelhub.language import ENGLISH, _, current_language, translate
from modelhub.language.spacing import close_up

_EXAMPLE = r"(?s)Example: (.*)"
_Formatter: Any = typer.Context.formatter_class
# Texts that the library that parses arguments writes into a help page, translated by gettext.
PARSER_LABELS = (
    "Arguments",
    "Commands",
    "Options",
    "default: {default}",
    "required",
    "Show this message and exit.",
    "Install completion for the current shell.",
    "Show completion for the current shell, to copy it or customize the installation.",
)


class TranslatedFormatter(_Formatter):  # type: ignore[misc]
    """A writer of help pages that measures text in columns of the terminal, not in characters."""

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        """Write the line of usage."""
        super().write_usage(prog, args, close_up(_("Usage:") + " "))

    def write_heading(self, heading: str) -> None:
        """Write the heading of a section."""
        self.write(" " * self.current_indent + _("{heading}:", heading=heading) + "\n")

    def write_text(self, text: str) -> None:
        """Write paragraphs, each filled."""
        space = " " * self.current_indent
        lines = [
            line
            for paragraph in text.split("\n\n")
            for line in (*wrap(space + " ".join(paragraph.split()), self.width, self.current_indent), "")
        ]
        self.write("\n".join(lines))

    def write_dl(self, rows: Sequence[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        """Write options or commands, each with its description beside it, or below a long one."""
        column = min(max((width(first) for first, _ in rows), default=0), col_max) + col_spacing
        space = " " * (self.current_indent + column)
        for first, second in rows:
            # gettext does not translate the description of `--help`.
            lines = wrap(translate(second), max(self.width - column - 2, 10))
            head = " " * self.current_indent + first
            if width(first) <= column - col_spacing:
                lines[0] = pad(head, len(space)) + lines[0]
            else:
                lines = [head, space + lines[0], *lines[1:]]
            self.write("\n".join([lines[0], *(line if line.startswith(space) else space + line for line in lines[1:])]))
            self.write("\n")


class _TranslatedContext(typer.Context):
    formatter_class = TranslatedFormatter


def translate_help(command: Any) -> None:
    """Translate the help of a command, of its options and of the commands below it, in place."""
    if current_language() == ENGLISH:
        return
    command.context_class = _TranslatedContext
    for child in getattr(command, "commands", {}).values():
        translate_help(child)
    command.help = _translated_help(command.help)
    command.short_help = translate(command.short_help or "") or None
    for param in command.params:
        if text := getattr(param, "help", None):
            param.help = translate(text)


def _translated_help(text: str | None) -> str | None:
    """Translate a command's help paragraph by paragraph: lines are filled again when it is shown."""
    if not text:
        return text
    return "\n\n".join(_translated_paragraph(paragraph) for paragraph in text.split("\n\n"))


def _translated_paragraph(text: str) -> str:
    if example := re.fullmatch(_EXAMPLE, text.strip()):
        return _("Example: {command}", command=example[1])
    return translate(" ".join(text.split()))
