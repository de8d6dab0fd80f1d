"""Zip archives that hold models are looked into without unpacking, and refuse what could do harm."""

from __future__ import annotations

import io
import stat
import zipfile
from pathlib import Path

import pytest

from modelhub.formats import packs
from modelhub.formats.packs import DamagedMemberError, Pack, read_member, read_pack
from modelhub.testing.files import adapters, safetensors_file, torch_file


@pytest.fixture
def lora(tmp_path: Path) -> bytes:
    """The bytes of a small LoRA."""
    return safetensors_file.write(tmp_path / "lora", adapters.lora_sd1(1), seed=1).read_bytes()


def packed(path: Path, members: dict[str, bytes], *, method: int = zipfile.ZIP_DEFLATED) -> Path:
    """Write a zip archive."""
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def look(path: Path) -> Pack:
    """Return what is in an archive."""
    pack = read_pack(path)
    assert pack is not None
    return pack


def test_models_are_found_by_content_in_an_archive_of_any_name(tmp_path: Path, lora: bytes) -> None:
    """Texts, pictures and what a Mac adds are not models."""
    embedding = torch_file.write(tmp_path / "e", adapters.embedding_a1111("e"), seed=1).read_bytes()
    members = {"a/130072": lora, "b.pt": embedding, "README.txt": b"text\n", "p.png": b"\x89PNG\r\n\x1a\n" + bytes(99)}
    members |= {"__MACOSX/._a.safetensors": b"x", "a/._b.pt": b"x", "w.json": b'{"nodes": []}'}
    pack = look(packed(tmp_path / "130072", members))
    assert [member.name for member in pack.models] == ["a/130072", "b.pt"]
    assert pack.refused == ()
    for member, content in zip(pack.models, (lora, embedding), strict=True):
        assert b"".join(read_member(pack.path, member)) == content


def test_a_torch_file_and_other_files_are_not_packs(tmp_path: Path) -> None:
    """A torch file is a zip archive, too."""
    assert read_pack(torch_file.write(tmp_path / "e.pt", adapters.embedding_a1111("e"), seed=1)) is None
    (tmp_path / "text").write_text("text")
    assert read_pack(tmp_path / "text") is None
    assert look(packed(tmp_path / "docs.zip", {"a.txt": b"text"})).is_empty


@pytest.mark.parametrize("name", ["../a.safetensors", "/a.safetensors", "C:\\a.safetensors", "b/../../a.safetensors"])
def test_a_name_that_leads_out_is_refused_and_the_others_are_offered(tmp_path: Path, lora: bytes, name: str) -> None:
    """Absolute names and drive letters, too."""
    pack = look(packed(tmp_path / "p.zip", {name: lora, "good.safetensors": lora}))
    assert [member.name for member in pack.models] == ["good.safetensors"]
    assert [reason for _, reason in pack.refused] == ["Its name leads out of the archive."]


def test_names_that_differ_in_case_only_are_refused(tmp_path: Path, lora: bytes) -> None:
    """Which one is meant differs from system to system."""
    pack = look(packed(tmp_path / "p.zip", {"A.safetensors": lora, "a.SAFETENSORS": lora, "b/a.safetensors": lora}))
    assert [member.name for member in pack.models] == ["b/a.safetensors"]
    assert len(pack.refused) == 2


def test_links_encrypted_members_nested_archives_and_other_methods_are_refused(tmp_path: Path, lora: bytes) -> None:
    """Each with its reason."""
    path = tmp_path / "p.zip"
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("x.safetensors", lora)
    with zipfile.ZipFile(path, "w") as archive:
        link = zipfile.ZipInfo("link.safetensors")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr("inner.zip", inner.getvalue())
        archive.writestr("bz.safetensors", lora, zipfile.ZIP_BZIP2)
        archive.writestr("locked.safetensors", lora)
    data = bytearray(path.read_bytes())
    local, central = data.find(b"PK\x03\x04", data.find(b"bz.safetensors") + 1), data.rfind(b"PK\x01\x02")
    data[local + 6] |= 1
    data[central + 8] |= 1
    path.write_bytes(data)
    pack = look(path)
    assert pack.models == ()
    assert {name: reason.split()[2] for name, reason in pack.refused} == {
        "link.safetensors": "a",
        "inner.zip": "an",
        "bz.safetensors": "compressed",
        "locked.safetensors": "encrypted.",
    }


def test_what_grows_a_hundredfold_is_refused(tmp_path: Path) -> None:
    """No models do; the archive would fill the disk."""
    bomb = (2).to_bytes(8, "little") + b"{}" + bytes(80 << 20)
    pack = look(packed(tmp_path / "p.zip", {"a.safetensors": bomb}))
    assert pack.models == ()
    assert "times its size" in pack.refused[0][1]


def test_more_models_than_any_pack_has_are_refused(
    tmp_path: Path, lora: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cap on the number of files that are written."""
    monkeypatch.setattr(packs, "MAX_MODELS", 2)
    pack = look(packed(tmp_path / "p.zip", {f"{number}.safetensors": lora for number in range(3)}))
    assert pack.models == ()
    assert len(pack.refused) == 3


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_damaged_content_is_noticed(tmp_path: Path, lora: bytes, method: int) -> None:
    """By its checksum, or because it cannot be inflated."""
    path = packed(tmp_path / "p.zip", {"a.safetensors": lora}, method=method)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)
    pack = look(path)
    with pytest.raises(DamagedMemberError):
        b"".join(read_member(path, pack.models[0]))
