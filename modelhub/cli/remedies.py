"""The command line's own words for remedies: each names the flag or command that carries it out.

A remedy without a row here is shown with its own text.
"""

from __future__ import annotations

from modelhub.errors import Remedy

# Key → words; `{name}` is filled from the remedy's values. In alphabetical order.
WORDS: dict[str, str] = {
    "add-folder": "`modelhub add FOLDER` adds models to a new catalog.",
    "go-online": "Run again without `--offline`.",
    "list-models": "`modelhub list` shows the models.",
}


def sentence(remedy: Remedy) -> str:
    """Return the sentence that the command line shows for a remedy, "" for an empty one."""
    words = WORDS.get(remedy.key)
    return words.format_map(remedy.values) if words else remedy.text
