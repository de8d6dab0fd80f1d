"""Chat templates of language models: Jinja text, searched for what leaves the sandbox of a template.

Transformers renders templates in a sandbox; other programs have rendered them without one (CVE-2024-34359). Ordinary
templates format messages and never name an attribute of Python's own objects.
"""

from __future__ import annotations

import re

_MAX_TEMPLATE = 4 << 20  # characters that are searched; the longest published template has 20,000
_BLOCKS = re.compile(r"\{\{.*?(?:\}\}|\Z)|\{%.*?(?:%\}|\Z)", re.DOTALL)
# Attributes that lead from any object to Python's modules, functions and frames.
_ATTRIBUTES = (
    "class|base|bases|mro|subclasses|globals|builtins|init|import|getattribute|getattr|dict|code|closure|func|self"
    "|reduce|reduce_ex|loader|spec|module|new|call|wrapped|annotations|defaults"
)
_ESCAPES = tuple(
    re.compile(pattern)
    for pattern in (
        rf"__(?:{_ATTRIBUTES})__",
        r"\.\s*__\w+",
        r"\[\s*['\"]_",
        r"\|\s*attr\b",
        r"\b(?:func_globals|func_code|gi_frame|gi_code|cr_frame|ag_frame|f_globals|f_builtins|f_back|tb_frame)\b",
        r"\b_TemplateReference__\w+",
        r"\.\s*mro\b",
        r"\\x5f|\\u005f|\\U0000005f|\\137|\\N\{LOW LINE\}",
        r"['\"]_+['\"]\s*\*|['\"]_+['\"]\s*[~+]\s*['\"]_|['\"]__+(?:['\"]|[a-z])|[a-z]__+['\"]",
        r"\{%-?\+?\s*(?:import|include|extends|from)\b",
    )
)


def template_findings(template: str, place: str) -> tuple[tuple[str, str], ...]:
    """Return a finding for the first expression that reaches Python's own objects; `place` names the template."""
    if len(template) > _MAX_TEMPLATE:
        return (("suspicious", f"{place} is a chat template of {len(template)} characters, longer than any."),)
    for block in _BLOCKS.finditer(template):
        for escape in _ESCAPES:
            match = escape.search(block[0])
            if match is not None:
                at = block.start() + match.start()
                text = f"{place} is a chat template that reaches Python's own objects ({match[0]!r}, character {at})."
                return (("suspicious", text),)
    return ()
