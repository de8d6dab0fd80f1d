"""Chat templates: what published ones use is left in peace, and every way out of the sandbox is named."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from modelhub.domain import Verdict
from modelhub.formats import read_header
from modelhub.formats.foreign.chat_templates import template_findings
from modelhub.safety import assess

PLAIN = (
    "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>'}}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}",
    "{{- bos_token }}{%- if custom_tools is defined %}{%- set tools = custom_tools %}{%- endif %}"
    "{%- set ns = namespace(found=false, last_query_index=messages|length - 1) %}"
    '{%- for message in messages[::-1] %}{%- if message.content is string and message.role == "user" %}'
    "{{- message['content'].split('</think>')[-1].lstrip('\\n') | trim }}{%- endif %}{%- endfor %}"
    "{%- macro render(tool) -%}{{ tool.function.name | tojson(indent=4) }}{%- endmacro -%}{{ render(tools[0]) }}"
    "{{- raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}"
    "{{ strftime_now('%d %b %Y') }}{% generation %}{% endgeneration %}<|python_tag|>__init__ outside of a block",
    "{%- for key in message.keys() | list %}{{ key ~ '_' ~ loop.index0 }}{%- endfor %}{{ '_' }}{{ a_b.c_d }}",
    "",
)
HOSTILE = (
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{% for x in ().__class__.__base__.__subclasses__() %}{% endfor %}",
    "{{ messages['__class__'] }}",
    "{{ messages|attr('__class__') }}",
    "{{ messages | attr(['_'*2,'class','_'*2]|join) }}",
    "{{ messages['\\x5f\\x5fclass\\x5f\\x5f'] }}",
    "{{ messages['_'*2 + 'class' + '_'*2] }}",
    "{{ messages['_' ~ '_class_' ~ '_'] }}",
    "{{ messages['__cla' ~ 'ss__'] }}",
    "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    "{{ self._TemplateReference__context }}",
    "{% set x = messages|map(attribute='__class__')|list %}",
    "{{ '{0.__class__}'.format(messages) }}",
    "{{ (g for g in x).gi_frame.f_back }}",
    "{% include '/etc/passwd' %}",
    "{%- import 'x' as y %}",
    "{{ messages.__len__() }}",
    "{{ x.__class__",
)


@pytest.mark.parametrize("template", PLAIN)
def test_a_template_as_published_has_no_finding(template: str) -> None:
    """Loops, macros, namespaces, filters and slices are what templates are for."""
    assert template_findings(template, "m.gguf") == ()


@pytest.mark.parametrize("template", HOSTILE)
def test_a_template_that_leaves_the_sandbox_is_suspicious(template: str) -> None:
    """The finding names the template, the expression and where it is."""
    ((severity, text),) = template_findings(f"{PLAIN[0]}{template}", "m.gguf")
    assert severity == "suspicious"
    assert "m.gguf" in text
    assert "character" in text


def test_a_template_of_any_length_is_answered() -> None:
    """A text longer than any template is a finding by itself."""
    assert template_findings("x" * (5 << 20), "m.gguf")
    assert template_findings("{{" * 500_000, "m.gguf") == ()
    assert template_findings("{{ '_" * 200_000, "m.gguf") == ()


def text(value: str) -> bytes:
    """Return a text as GGUF writes it."""
    return struct.pack("<Q", len(value.encode())) + value.encode()


@pytest.mark.parametrize("key", ["tokenizer.chat_template", "tokenizer.chat_template.tool_use"])
@pytest.mark.parametrize(("template", "verdict"), [(PLAIN[1], Verdict.SAFE), (HOSTILE[0], Verdict.SUSPICIOUS)])
def test_the_templates_of_a_gguf_file_are_searched(key: str, template: str, verdict: Verdict, tmp_path: Path) -> None:
    """Those of published text encoders change nothing; the finding names the key."""
    value = PLAIN[0] * 40 + template
    pair = text(key) + struct.pack("<I", 8) + text(value)
    tensor = text("w") + struct.pack("<IQIQ", 1, 8, 0, 0)
    head = b"GGUF" + struct.pack("<IQQ", 3, 1, 1) + pair + tensor
    path = tmp_path / "t5.gguf"
    path.write_bytes(head + bytes(-len(head) % 32) + bytes(32))
    found = assess(read_header(path))
    assert found.verdict is verdict
    assert not found.findings or key in found.findings[0]
