"""Arguments of commands that a user copies from the screen into a shell."""

from __future__ import annotations

import os
import re
import shlex

# Characters that cmd or PowerShell acts on inside of double quotes, among them typographic quotes: nothing escapes them
# in both.
_UNQUOTABLE = re.compile('["$`%!“”„]')
_PLAIN = re.compile(r"[\w@+=:./\\][\w@+=:./\\-]*", re.ASCII)


def quote_argument(text: str, *, windows: bool = os.name == "nt") -> str:
    """Return `text` as one word for a shell: POSIX shells, or with `windows` both cmd and PowerShell.

    What no quotes of Windows' two shells cover becomes `?`: the command then fails instead of running something else.
    """
    if not windows:
        return shlex.quote(text)
    if _PLAIN.fullmatch(text):
        return text
    inner = _UNQUOTABLE.sub("?", text)
    ending = "\\" * (len(inner) - len(inner.rstrip("\\")))  # a backslash before the closing quote must be doubled
    return f'"{inner}{ending}"'
