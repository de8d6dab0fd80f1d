"""File names from the network."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelhub.storage.safe_names import MAX_BYTES, is_safe_name, safe_name


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("v1-5-pruned-emaonly.safetensors", "v1-5-pruned-emaonly.safetensors"),
        ("国风3 GuoFeng3.safetensors", "国风3 GuoFeng3.safetensors"),
        ("माडल 🎨👩‍🎨.pt", "माडल 🎨👩‍🎨.pt"),
        ("../../etc/passwd", "passwd"),
        ("..\\..\\boot.ini", "boot.ini"),
        ("/absolute/x.pt", "x.pt"),
        ("C:evil.pt", "evil.pt"),
        ("C:\\Windows\\x.pt", "x.pt"),
        ("a\uff0fb.pt", "b.pt"),
        ("folder/", "folder"),
        ("..", "model"),
        ("", "model"),
        (" . ", "model"),
        (".bashrc", "bashrc"),
        ("name. . ", "name"),
        ("CON", "_CON"),
        ("nul.safetensors", "_nul.safetensors"),
        ("com1 .pt", "_com1 .pt"),
        ("LPT¹.pt", "_LPT¹.pt"),
        ("console.pt", "console.pt"),
        ('a<b>c:d"e|f?g*h.pt', "a_b_c_d_e_f_g_h.pt"),
        ("two\nlines\t.pt", "two_lines_.pt"),
        ("nul\x00byte.pt", "nul_byte.pt"),
        ("gpj.\u202etp.safetensors", "gpj.tp.safetensors"),
        ("zero\u200bwidth\ufeff.pt", "zerowidth.pt"),
        ("ascii\u200djoined.pt", "asciijoined.pt"),
        ("e\u0301te\u0301.pt", "été.pt"),
        ("lone\ud800.pt", "lone.pt"),
        ("\udcff\udcfe.safetensors", "model.safetensors"),
        (" .safetensors", "model.safetensors"),
        ("\u200b.pt", "model.pt"),
    ],
)
def test_a_hostile_name_becomes_a_plain_one(given: str, expected: str) -> None:
    """Each known trap is removed."""
    assert safe_name(given) == expected


def test_a_long_name_is_cut_in_bytes_and_keeps_its_suffix() -> None:
    """Chinese characters take three bytes each."""
    name = safe_name("国" * 300 + ".safetensors")
    assert name.endswith("国.safetensors")
    assert 250 < len(name.encode()) <= MAX_BYTES


@given(st.text(max_size=400))
def test_any_text_gives_a_name_that_is_safe_and_stable(text: str) -> None:
    """It is never empty, hidden, reserved, too long or a path, and a safe name stays unchanged."""
    name = safe_name(text)
    assert name == Path(name).name == os.path.basename(name)
    assert name not in ("", ".", "..")
    assert not name.startswith((".", " "))
    assert not name.endswith((".", " "))
    assert len(name.encode()) <= MAX_BYTES
    assert unicodedata.is_normalized("NFC", name)
    assert safe_name(name) == name
    assert is_safe_name(name)
