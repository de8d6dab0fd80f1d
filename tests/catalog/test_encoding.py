"""Names, paths and numbers come back from the database exactly as they were."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from modelhub.catalog import Catalog, ModelQuery, NewStep
from modelhub.catalog.encoding import decode_inode, decode_text, encode_inode, encode_text
from modelhub.catalog.query_parser import parse_query
from modelhub.domain import Source
from tests.catalog.entries import entry, word


@given(st.text(st.characters(codec=None)))
@example("\udce4\uef80\uef7f\uefff\0\ud800")
@example("\uef7f0041")
def test_every_text_comes_back(text: str) -> None:
    """Lone surrogates, NUL and the characters that carry them are told apart, and all of it is valid UTF-8."""
    stored = encode_text(text)
    stored.encode("utf-8")
    assert "\0" not in stored
    assert decode_text(stored) == text


@given(st.integers(1, (1 << 64) - 1))
def test_every_file_index_comes_back(number: int) -> None:
    """Indexes of 64 bits fit into a signed column."""
    stored = encode_inode(number)
    assert stored is not None
    assert -(1 << 63) <= stored < 1 << 63
    assert decode_inode(stored) == number


@pytest.mark.skipif(os.name == "nt", reason="names that are not UTF-8 exist only on Unix")
def test_names_that_are_not_utf_8_come_back_exactly(catalog: Catalog, tmp_path: Path) -> None:
    """Root, path, name, tag, note, trigger word, source and journal keep the bytes of a Latin-1 name."""
    odd = os.fsdecode(b"gr\xfcn")
    folder = tmp_path / odd
    new = entry(folder, 1, name=odd, trigger_words=(word(odd),))
    model = catalog.record(replace(new, sources=(Source(kind="local", reference=odd),), tags=(odd,)))
    catalog.set_override(model.id, "notes", odd)
    path = folder / f"{odd}.safetensors"
    (row,) = catalog.list(ModelQuery())
    assert (row.name, row.path, row.trigger_words) == (odd, path, (odd,))
    record = catalog.get(model.id)
    assert (record.name, record.path, record.notes, record.tags) == (odd, path, odd, (odd,))
    assert (record.sources[0].reference, record.detection.trigger_words[0].word) == (odd, odd)
    assert os.fsencode(str(record.path)).endswith(b"gr\xfcn/gr\xfcn.safetensors")
    assert [found.id for found in catalog.find(str(path))] == [model.id]
    assert catalog.ids(parse_query(f"path:{folder}")) == [model.id]
    assert catalog.ids(parse_query(odd)) == [model.id]
    catalog.record(entry(folder, 2, content=1))
    (group,) = catalog.duplicates()
    assert path in group.paths
    catalog.plan_steps(operation := catalog.begin("sort"), [NewStep(action="move", source=str(path), target=odd)])
    assert (catalog.steps(operation)[0].source, catalog.steps(operation)[0].target) == (str(path), odd)
