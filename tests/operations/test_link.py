"""Pointing UIs at the library: their files hold ours and all of the user's, and are as before once it is taken out."""

from __future__ import annotations

import json
import os
import shlex
import stat
import sys
from datetime import datetime
from pathlib import Path

import pytest
import yaml

from modelhub.cli.remedies import sentence
from modelhub.errors import ModelhubError, NotFoundError, UsageError
from modelhub.operations.link import MEMORY, carry_out, library_folders, plan_link
from modelhub.uis.forge import FORGE
from modelhub.uis.ui import Flags
from modelhub.uis.webui_flags import batch_line, shell_line

NOW = datetime(2026, 11, 23, 14, 43, 31)
USERS = """\
# my own folders
a111:   # keep
    base_path: D:/webui
    checkpoints: |
        models/Stable-diffusion
        more
    loras: "models/Lora"


other: {base_path: /x, vae: v}   # trailing words é 红
"""


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """A library with one folder; the rest can be made."""
    folder = tmp_path / "my models"
    (folder / "lora").mkdir(parents=True)
    return folder


def ui(tmp_path: Path, name: str, mark: str = "main.py") -> Path:
    """Make a UI's folder."""
    folder = tmp_path / name
    folder.mkdir()
    (folder / mark).touch()
    return folder


def link(layout: str, into: Path, library: Path, *, remove: bool = False) -> Path | None:
    """Plan and carry out; the backup."""
    return carry_out(plan_link(layout, into, library=library, remove=remove), now=NOW)


def comfy_paths(file: Path) -> dict[str, list[str]]:
    """Return folders by kind as ComfyUI's loader finds them in the file."""
    found: dict[str, list[str]] = {}
    for conf in yaml.safe_load(file.read_text("utf-8")).values():
        base = conf.pop("base_path", "")
        for kind, value in conf.items():
            for line in value.split("\n"):
                if line:
                    found.setdefault(kind, []).append(os.path.normpath(os.path.join(os.path.expandvars(base), line)))
    return found


def test_comfyui_finds_every_type_of_the_library(tmp_path: Path, library: Path) -> None:
    """A new file of our block alone; ComfyUI's keys lead to the library's folders, which are there."""
    comfy = ui(tmp_path, "ComfyUI")
    assert link("comfyui", comfy, library) is None
    found = comfy_paths(comfy / "extra_model_paths.yaml")
    assert found["checkpoints"] == [str(library / "base")]
    assert found["controlnet"] == [str(library / "controlnet"), str(library / "t2i-adapter")]
    assert all(Path(folder).is_dir() for folders in found.values() for folder in folders)
    link("comfyui", comfy, library, remove=True)
    assert os.listdir(comfy) == ["main.py"]


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("end", ["newline", "none", "blank lines", "comment"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_the_users_yaml_stays_byte_for_byte(tmp_path: Path, library: Path, newline: str, end: str, mark: bytes) -> None:
    """With any line ends and any end of the file, linked once or twice, and taken out again."""
    comfy = ui(tmp_path, "ComfyUI")
    file = comfy / "extra_model_paths.yaml"
    text = {"newline": USERS, "none": USERS.rstrip(), "blank lines": USERS + "\n\n", "comment": USERS + "# end"}[end]
    original = mark + text.replace("\n", newline).encode()
    file.write_bytes(original)
    backup = link("comfyui", comfy, library)
    assert backup is not None and backup.read_bytes() == original
    linked = file.read_bytes()
    assert linked.startswith(original)
    assert set(yaml.safe_load(linked)) == {"a111", "other", "modelhub"}
    assert b"\n" not in linked.replace(b"\r\n", b"") or newline == "\n"
    assert link("comfyui", comfy, library) is None
    assert file.read_bytes() == linked
    link("comfyui", comfy, library, remove=True)
    assert file.read_bytes() == original
    assert link("comfyui", comfy, library, remove=True) is None


def test_our_block_is_replaced_where_it_stands(tmp_path: Path, library: Path) -> None:
    """The user added lines behind it, and the library moved: only our lines change."""
    comfy = ui(tmp_path, "ComfyUI")
    file = comfy / "extra_model_paths.yaml"
    file.write_text(USERS, "utf-8")
    link("comfyui", comfy, library)
    with file.open("a", encoding="utf-8") as stream:
        stream.write("later:\n    vae: /v\n")
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    link("comfyui", comfy, moved)
    text = file.read_text("utf-8")
    assert text.startswith(USERS) and text.endswith("later:\n    vae: /v\n")
    assert str(library) not in text
    assert comfy_paths(file)["checkpoints"][-1] == str(moved / "base")


def test_a_block_of_our_name_without_markers_is_ours(tmp_path: Path, library: Path) -> None:
    """Somebody copied it by hand: it is replaced, not doubled, and comments around it stay."""
    comfy = ui(tmp_path, "ComfyUI")
    file = comfy / "extra_model_paths.yaml"
    file.write_text("# one\nmodelhub:\n    base_path: /old\n\n    vae: v\n\n# two\nother:\n    vae: /v\n", "utf-8")
    link("comfyui", comfy, library)
    assert yaml.safe_load(file.read_text("utf-8"))["modelhub"]["base_path"] == str(library)
    link("comfyui", comfy, library, remove=True)
    assert file.read_text("utf-8") == "# one\n\n# two\nother:\n    vae: /v\n"


@pytest.mark.parametrize(
    "name",
    [
        "it's 50% off",
        "红裙 库",
        "a: b #c",
        "'quoted\"",
        "- dash",
        "tab\there",
        "back\\slash",
        "$HOME",
        "e\u0301 😀",
        "~x",
    ],
)
@pytest.mark.skipif(sys.platform == "win32", reason="names that Windows does not allow")
def test_a_library_of_any_name_is_found(tmp_path: Path, name: str) -> None:
    """The path comes out of the YAML file as it is, also where ComfyUI would replace variables in it."""
    library = tmp_path / name
    library.mkdir()
    comfy = ui(tmp_path, "ComfyUI")
    link("comfyui", comfy, library)
    assert comfy_paths(comfy / "extra_model_paths.yaml")["loras"] == [str(library / "lora")]
    assert (comfy / "extra_model_paths.yaml").read_bytes().isascii()


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a:\n    b: 1\n  c: 2\n", 3),
        ("a: 1\nb:\n\tc: 2\n", 3),
        ("- a\n- b\n", 1),
        ("a: 1\n# modelhub begin\nmodelhub:\n    vae: v\n", 2),
        ("a: 1\n---\nb: 2\n", 2),
    ],
)
def test_a_broken_yaml_file_is_named_with_its_line_and_left_alone(
    tmp_path: Path, library: Path, text: str, line: int
) -> None:
    """Indentation, tabs, a list, half of our block, two documents."""
    comfy = ui(tmp_path, "ComfyUI")
    file = comfy / "extra_model_paths.yaml"
    file.write_text(text, "utf-8")
    with pytest.raises(ModelhubError, match=rf"extra_model_paths\.yaml, line {line}:"):
        link("comfyui", comfy, library)
    assert file.read_text("utf-8") == text
    assert sorted(os.listdir(comfy)) == ["extra_model_paths.yaml", "main.py"]


@pytest.mark.parametrize("text", ["{a: {vae: /v}}\n", "  a:\n    vae: /v\n", "a: 1\n...\n"])
def test_a_layout_that_our_lines_cannot_join_is_left_alone(tmp_path: Path, library: Path, text: str) -> None:
    """Valid files whose shape leaves no place for a block at the end."""
    comfy = ui(tmp_path, "ComfyUI")
    (comfy / "extra_model_paths.yaml").write_text(text, "utf-8")
    with pytest.raises(ModelhubError, match="left as it is"):
        link("comfyui", comfy, library)
    assert (comfy / "extra_model_paths.yaml").read_text("utf-8") == text


def test_bytes_that_are_no_text_are_named_with_their_line(tmp_path: Path, library: Path) -> None:
    """A file saved in a code page of Windows."""
    comfy = ui(tmp_path, "ComfyUI")
    (comfy / "extra_model_paths.yaml").write_bytes(b"a: 1\n# \xfcber\n")
    with pytest.raises(ModelhubError, match="line 2: not UTF-8"):
        link("comfyui", comfy, library)


SDNEXT = {"sd_model_checkpoint": "x", "ckpt_dir": "/old/ckpt", "lora_dir": "models/Lora", "samples": 1.5, "名": None}


@pytest.mark.parametrize("indent", [4, 2, None, "\t"])
def test_sdnext_gets_our_folders_and_its_own_back(tmp_path: Path, library: Path, indent: int | str | None) -> None:
    """Keys that were there return to what they were, keys that were not there go; the layout of the file is kept."""
    root = ui(tmp_path, "sdnext", "webui.py")
    file = root / "config.json"
    original = json.dumps(SDNEXT, indent=indent, ensure_ascii=False)
    file.write_text(original, "utf-8")
    backup = link("sdnext", root, library)
    assert backup is not None and backup.name == "config.json.20261123-144331.bak"
    assert backup.read_text("utf-8") == original
    linked = json.loads(file.read_text("utf-8"))
    assert linked["ckpt_dir"] == str(library / "base")
    assert linked["embeddings_dir"] == str(library / "embedding")
    assert {key: linked[key] for key in ("sd_model_checkpoint", "samples", "名")} == {
        key: SDNEXT[key] for key in ("sd_model_checkpoint", "samples", "名")
    }
    before = file.read_bytes()
    assert link("sdnext", root, library) is None
    assert file.read_bytes() == before
    link("sdnext", root, library, remove=True)
    assert file.read_text("utf-8") == original
    assert not (root / MEMORY).exists()


def test_what_the_user_changed_since_stays(tmp_path: Path, library: Path) -> None:
    """Taking out restores only what is still ours, and says what it left."""
    root = ui(tmp_path, "sdnext", "webui.py")
    file = root / "config.json"
    file.write_text(json.dumps(SDNEXT), "utf-8")
    link("sdnext", root, library)
    file.write_text(json.dumps(json.loads(file.read_text("utf-8")) | {"lora_dir": "/mine", "new": 1}), "utf-8")
    plan = plan_link("sdnext", root, library=library, remove=True)
    assert any("lora_dir" in note for note in plan.notes)
    carry_out(plan)
    assert json.loads(file.read_text("utf-8")) == SDNEXT | {"lora_dir": "/mine", "new": 1}


def test_a_library_that_moved_is_linked_anew_and_the_first_folders_return(tmp_path: Path, library: Path) -> None:
    """What is remembered is the user's own, not our older entry."""
    root = ui(tmp_path, "sdnext", "webui.py")
    file = root / "config.json"
    file.write_text(json.dumps(SDNEXT), "utf-8")
    link("sdnext", root, library)
    moved = tmp_path / "moved"
    moved.mkdir()
    link("sdnext", root, moved)
    assert json.loads(file.read_text("utf-8"))["ckpt_dir"] == str(moved / "base")
    link("sdnext", root, moved, remove=True)
    assert json.loads(file.read_text("utf-8")) == SDNEXT


@pytest.mark.parametrize("damage", ["missing", "text", "other shape"])
def test_without_the_memory_only_ours_is_taken_out(tmp_path: Path, library: Path, damage: str) -> None:
    """Keys that lead to the library go; all others stay."""
    root = ui(tmp_path, "sdnext", "webui.py")
    (root / "config.json").write_text(json.dumps(SDNEXT), "utf-8")
    link("sdnext", root, library)
    memory = root / MEMORY
    {
        "missing": memory.unlink,
        "text": lambda: memory.write_text("{", "utf-8"),
        "other shape": lambda: memory.write_text('{"keys": {"ckpt_dir": 3}}', "utf-8"),
    }[damage]()
    link("sdnext", root, library, remove=True)
    left = json.loads((root / "config.json").read_text("utf-8"))
    assert left == {key: value for key, value in SDNEXT.items() if key not in ("ckpt_dir", "lora_dir")}


@pytest.mark.parametrize(
    "before", [{}, {"path_checkpoints": ["/a", "/b"], "path_loras": "/l"}, {"path_loras": None, "x": [1]}]
)
def test_fooocus_lists_our_folders_behind_its_own(tmp_path: Path, library: Path, before: dict[str, object]) -> None:
    """Lists, single folders and missing keys; each listed folder of ours is there, as Fooocus demands."""
    root = ui(tmp_path, "Fooocus", "launch.py")
    file = root / "config.txt"
    file.write_text(json.dumps(before, indent=4), "utf-8")
    link("fooocus", root, library)
    linked = json.loads(file.read_text("utf-8"))
    own = {
        "path_checkpoints": before.get("path_checkpoints") or [str(root / "models/checkpoints")],
        "path_loras": [before.get("path_loras") or str(root / "models/loras")],
    }
    assert linked["path_checkpoints"] == [*own["path_checkpoints"], str(library / "base")]  # type: ignore[misc]
    assert linked["path_loras"] == [*own["path_loras"], str(library / "lora")]
    assert (library / "base").is_dir()
    assert link("fooocus", root, library) is None
    linked["path_loras"].append("/later")
    file.write_text(json.dumps(linked), "utf-8")
    link("fooocus", root, library, remove=True)
    after = json.loads(file.read_text("utf-8"))
    assert after == before | {"path_loras": [*own["path_loras"], "/later"]}


def test_fooocus_without_a_file_gets_one_and_loses_it_again(tmp_path: Path, library: Path) -> None:
    """It has never been started."""
    root = ui(tmp_path, "Fooocus", "launch.py")
    link("fooocus", root, library)
    assert set(json.loads((root / "config.txt").read_text("utf-8"))) == {"path_checkpoints", "path_loras"}
    link("fooocus", root, library, remove=True)
    assert [name for name in os.listdir(root) if not name.endswith(".bak")] == ["launch.py"]


@pytest.mark.parametrize(
    ("text", "line"), [('{\n  "a": 1,\n}\n', 3), ('{\n"a": "C:\\models"}', 2), ("[1]", 1), ("[" * 100_000, 1)]
)
def test_a_broken_json_file_is_named_with_its_line_and_left_alone(
    tmp_path: Path, library: Path, text: str, line: int
) -> None:
    """A trailing comma, a Windows path with single backslashes, a list, a trap for parsers."""
    root = ui(tmp_path, "Fooocus", "launch.py")
    (root / "config.txt").write_text(text, "utf-8")
    with pytest.raises(ModelhubError, match=rf"config\.txt, line {line}:"):
        link("fooocus", root, library)
    assert (root / "config.txt").read_text("utf-8") == text
    assert sorted(os.listdir(root)) == ["config.txt", "launch.py"]


def test_the_models_folder_and_the_windows_package_lead_to_the_uis_own(tmp_path: Path, library: Path) -> None:
    """People name what they see: `ComfyUI/models`, `ComfyUI_windows_portable`."""
    package = tmp_path / "ComfyUI_windows_portable"
    (package / "ComfyUI" / "models").mkdir(parents=True)
    (package / "ComfyUI" / "main.py").touch()
    for named in (package, package / "ComfyUI", package / "ComfyUI" / "models"):
        plan = plan_link("comfyui", named, library=library)
        assert plan.file == package / "ComfyUI" / "extra_model_paths.yaml"
        assert not any("does not look like" in note for note in plan.notes)
    (tmp_path / "empty").mkdir()
    plan = plan_link("comfyui", tmp_path / "empty", library=library)
    assert "does not look like ComfyUI's folder" in plan.notes[0]


def test_a_missing_folder_and_uis_that_cannot_be_linked_are_refused(tmp_path: Path, library: Path) -> None:
    """Exit 3 and 2, with what to do instead."""
    with pytest.raises(NotFoundError, match="is not a folder"):
        link("comfyui", tmp_path / "none", library)
    for layout in ("stability-matrix", "InvokeAI"):
        with pytest.raises(UsageError) as caught:
            link(layout, tmp_path, library)
        assert "modelhub sort" in sentence(caught.value.remedy)
        assert "modelhub" not in caught.value.remedy.text
    with pytest.raises(UsageError, match="sworm"):
        link("sworm", tmp_path, library)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_an_error_and_nothing_is_left(tmp_path: Path, library: Path) -> None:
    """The file is as it was, and there is no backup of it."""
    comfy = ui(tmp_path, "ComfyUI")
    (comfy / "extra_model_paths.yaml").write_text(USERS, "utf-8")
    comfy.chmod(0o555)
    try:
        with pytest.raises(ModelhubError, match="permission denied"):
            link("comfyui", comfy, library)
    finally:
        comfy.chmod(0o755)
    assert sorted(os.listdir(comfy)) == ["extra_model_paths.yaml", "main.py"]


def test_a_folder_in_the_files_place_is_an_error(tmp_path: Path, library: Path) -> None:
    """Nothing is written anywhere."""
    comfy = ui(tmp_path, "ComfyUI")
    (comfy / "extra_model_paths.yaml").mkdir()
    with pytest.raises(ModelhubError, match="extra_model_paths"):
        link("comfyui", comfy, library)
    assert os.listdir(library) == ["lora"]


def test_a_file_that_changes_between_plan_and_deed_is_not_overwritten(tmp_path: Path, library: Path) -> None:
    """SD.Next wrote its settings meanwhile."""
    root = ui(tmp_path, "sdnext", "webui.py")
    (root / "config.json").write_text("{}", "utf-8")
    plan = plan_link("sdnext", root, library=library)
    (root / "config.json").write_text('{"new": 1}', "utf-8")
    with pytest.raises(ModelhubError, match="was just changed"):
        carry_out(plan)
    assert (root / "config.json").read_text("utf-8") == '{"new": 1}'
    assert not (root / MEMORY).exists()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such permissions, and links need a privilege")
def test_permissions_and_a_linked_settings_file_are_kept(tmp_path: Path, library: Path) -> None:
    """Dotfiles in a repository, readable by their owner alone."""
    root = ui(tmp_path, "sdnext", "webui.py")
    real = tmp_path / "dotfiles.json"
    real.write_text("{}", "utf-8")
    real.chmod(0o600)
    (root / "config.json").symlink_to(real)
    link("sdnext", root, library)
    assert (root / "config.json").is_symlink()
    assert "ckpt_dir" in real.read_text("utf-8")
    assert stat.S_IMODE(real.stat().st_mode) == 0o600


def test_folders_that_cannot_be_made_are_left_out(tmp_path: Path, library: Path) -> None:
    """A file has the folder's name."""
    (library / "vae").write_text("x")
    comfy = ui(tmp_path, "ComfyUI")
    link("comfyui", comfy, library)
    found = comfy_paths(comfy / "extra_model_paths.yaml")
    assert "vae" not in found and "loras" in found


def test_the_flags_come_back_out_of_the_shells_line_as_they_went_in(tmp_path: Path) -> None:
    """The UI splits COMMANDLINE_ARGS as a shell would, after a shell has read the line."""
    library = tmp_path / 'it\'s my $HOME "library"' if sys.platform != "win32" else tmp_path / "it's my %HOME%"
    library.mkdir()
    assert isinstance(FORGE.link, Flags)
    flags = library_folders(FORGE.link.keys, library)
    assert {"--ckpt-dir", "--lora-dir", "--text-encoder-dir", "--controlnet-dir"} <= set(flags)
    words = shlex.split(shell_line(flags))[1].removeprefix("COMMANDLINE_ARGS=$COMMANDLINE_ARGS ")
    assert shlex.split(words) == [word for flag, row in flags.items() for word in (flag, str(row[0]))]
    batch = batch_line({"--ckpt-dir": (Path("/a b/100% x"),)})
    assert batch == 'set COMMANDLINE_ARGS=%COMMANDLINE_ARGS% --ckpt-dir "/a b/100%% x"'
