"""Sort and undo on real folders: what is sure goes to its place, the rest stays with a reason, and all of it back."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelhub.catalog import Catalog, ModelQuery, NewStep
from modelhub.errors import ModelhubError, UsageError
from modelhub.operations.library.add import add
from modelhub.operations.sort import actions, run
from modelhub.operations.sort.plan import SortPlan
from modelhub.operations.sort.rules import SortRules, own_layouts, rules_for
from modelhub.operations.sort.run import SortResult, plan
from modelhub.operations.sort.undo import UndoResult
from modelhub.storage import rename
from modelhub.storage.errors import BusyError, FileChangedError, FileInUseError, TargetExistsError
from modelhub.storage.locks import file_lock
from modelhub.testing.files import adapters, folders, hostile, safetensors_file
from tests.operations.sort.sorting import aged, contents, messy, tree


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    """A catalog of its own."""
    with Catalog.open(tmp_path / "catalog.sqlite3") as opened:
        yield opened


@pytest.fixture
def downloads(tmp_path: Path) -> Path:
    """A messy folder."""
    return messy(tmp_path / "My Downloads 下载")


@pytest.fixture
def webui(tmp_path: Path) -> Path:
    """Where A1111 is to be; not there yet."""
    return tmp_path / "web ui"


def sort(paths: list[Path], rules: SortRules, catalog: Catalog) -> SortResult:
    """Sort with a library beside the catalog."""
    return run.sort(paths, rules, catalog=catalog, library=library_of(catalog))


def undo(catalog: Catalog, number: int | None = None) -> UndoResult:
    """Undo with a library beside the catalog."""
    return run.undo(number, catalog=catalog, library=library_of(catalog))


def library_of(catalog: Catalog) -> Path:
    """Return the folder of the catalog."""
    assert catalog._database.path is not None
    return catalog._database.path.parent


def reasons(result: SortResult | SortPlan) -> dict[str, str]:
    """Return file name → why it is left in place."""
    return {left.path.name: left.reason for left in result.left}


A1111 = {
    "models/Stable-diffusion/国风3 'v1' 100%.safetensors",
    "models/VAE/kl-f8.pt",
    "models/Lora/mychar-000010.safetensors",
    "models/Lora/mychar-000010.preview.png",
    "models/Lora/mychar-000010.txt",
    "models/Lora/mychar-000010.metadata.json",
    "embeddings/EasyNegative.pt",
    "models/hypernetworks/anime_3.pt",
}


def test_everything_sure_goes_to_its_place_and_the_rest_stays(catalog: Catalog, downloads: Path, webui: Path) -> None:
    """Sidecars go along; what is dangerous, broken or no model is where it was."""
    before = contents(downloads)
    done = sort([downloads], rules_for("a1111", webui), catalog)
    assert set(tree(webui)) == A1111
    assert reasons(done) == {"trap.ckpt": "dangerous", "half.pt": "broken"}
    assert set(tree(downloads)) == {"trap.ckpt", "half.pt", "notes.txt", "unfinished.safetensors.part"}
    changed = contents(downloads, webui)
    assert sum((before - changed).values()) == 1  # the sidecar with the path in it


def test_a_dry_run_is_the_plan_that_is_carried_out(catalog: Catalog, downloads: Path, webui: Path) -> None:
    """Nothing on the disk or in the catalog changes, and the plan is the same afterwards."""
    rules = rules_for("comfyui", webui)
    before = tree(downloads)
    first = plan([downloads], rules, catalog=catalog)
    assert tree(downloads) == before
    assert not webui.exists()
    assert catalog.operations() == []
    seen: list[SortPlan] = []

    def confirm(decided: SortPlan) -> bool:
        seen.append(decided)
        return True

    done = run.sort([downloads], rules, catalog=catalog, library=library_of(catalog), confirm=confirm)
    assert seen == [first]
    assert {move.target for move in done.moves} == {move.target for move in first.moves}
    assert (webui / "models" / "loras" / "mychar-000010.safetensors").is_file()


def test_undo_restores_places_names_folders_and_the_catalog(catalog: Catalog, downloads: Path, webui: Path) -> None:
    """Byte for byte, times included; undo of the undo sorts again."""
    list(add([downloads], catalog=catalog))
    before = tree(downloads)
    times = {name: (downloads / name).stat().st_mtime_ns for name in before}
    places = {record.name: record.path for record in catalog.records(ModelQuery())}
    sort([downloads], rules_for("a1111", webui), catalog)
    sorted_tree = tree(webui)
    moved = {record.name: record.path for record in catalog.records(ModelQuery())}
    assert moved["mychar-000010"] == webui / "models" / "Lora" / "mychar-000010.safetensors"
    undone = undo(catalog)
    assert undone.refused == []
    assert tree(downloads) == before
    assert {name: (downloads / name).stat().st_mtime_ns for name in before} == times
    assert not webui.exists()
    assert {record.name: record.path for record in catalog.records(ModelQuery())} == places
    assert undone.operation is not None
    again = undo(catalog, undone.operation.id)
    assert again.refused == []
    assert tree(webui) == sorted_tree
    assert undo(catalog).refused == []
    assert tree(downloads) == before


def test_paths_inside_sidecars_follow_the_model(catalog: Catalog, downloads: Path, webui: Path) -> None:
    """As LoRA managers keep them; the other fields stay."""
    sort([downloads], rules_for("a1111", webui), catalog)
    lora = webui / "models" / "Lora" / "mychar-000010.safetensors"
    found = json.loads(lora.with_suffix(".metadata.json").read_text())
    assert found == {"file_path": str(lora), "preview_url": str(lora.with_suffix(".preview.png")), "n": 1}


def test_undo_refuses_file_by_file_what_has_changed_since(catalog: Catalog, downloads: Path, webui: Path) -> None:
    """A changed file, a missing one, an old place that is taken; the others go back."""
    sort([downloads], rules_for("a1111", webui), catalog)
    (webui / "models" / "VAE" / "kl-f8.pt").write_bytes(b"another one")
    (webui / "embeddings" / "EasyNegative.pt").unlink()
    (downloads / "anime_3.pt").write_bytes(b"something new")
    undone = undo(catalog)
    words = {refusal.path.name: refusal.message for refusal in undone.refused}
    assert "has changed" in words["kl-f8.pt"]
    assert "no longer exists" in words["EasyNegative.pt"]
    assert "Another file is at" in words["anime_3.pt"]
    assert (downloads / "deep" / "mychar-000010.safetensors").is_file()
    assert (downloads / "anime_3.pt").read_bytes() == b"something new"
    assert (webui / "models" / "hypernetworks" / "anime_3.pt").is_file()
    assert catalog.operation(undone.of.id).state == "partly undone"  # type: ignore[union-attr]


def test_nothing_is_ever_replaced(catalog: Catalog, downloads: Path, webui: Path) -> None:
    """Same name, other content: it stays and is named; on request it gets a number, its sidecars too."""
    taken = webui / "models" / "Lora" / "mychar-000010.safetensors"
    taken.parent.mkdir(parents=True)
    taken.write_bytes(b"mine")
    done = sort([downloads], rules_for("a1111", webui), catalog)
    assert reasons(done)["mychar-000010.safetensors"] == "collision"
    assert taken.read_bytes() == b"mine"
    assert (downloads / "deep" / "mychar-000010.preview.png").is_file()
    sort([downloads], rules_for("a1111", webui, rename=True), catalog)
    assert (taken.parent / "mychar-000010 (2).safetensors").is_file()
    assert (taken.parent / "mychar-000010 (2).preview.png").is_file()


def test_names_that_differ_only_in_case_collide(catalog: Catalog, tmp_path: Path, webui: Path) -> None:
    """They would be one file on Windows and macOS."""
    folder = tmp_path / "two"
    safetensors_file.write(folder / "a" / "Style.safetensors", adapters.lora_sd1(4), seed=1)
    safetensors_file.write(folder / "b" / "style.safetensors", adapters.lora_sd1(4), seed=2)
    aged(folder)
    done = sort([folder], rules_for("a1111", webui), catalog)
    assert len(done.moves) == 1
    assert list(reasons(done).values()) == ["collision"]


def test_copies_of_what_is_there_are_left_or_trashed(
    catalog: Catalog, downloads: Path, webui: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By content, under whatever name; also two of one content in the same folder."""
    shutil.copy2(downloads / "kl-f8.pt", downloads / "kl-f8 (1).pt")
    target = webui / "models" / "Lora" / "renamed.safetensors"
    target.parent.mkdir(parents=True)
    shutil.copy2(downloads / "deep" / "mychar-000010.safetensors", target)
    decided = plan([downloads], rules_for("a1111", webui), catalog=catalog)
    kinds = reasons(decided)
    assert kinds["mychar-000010.safetensors"] == "duplicate"
    assert kinds["kl-f8 (1).pt"] == "duplicate"
    trashed: list[str] = []

    def send(paths: list[Path]) -> tuple[Path, ...]:
        for path in paths:
            trashed.append(path.name)
            path.unlink()
        return tuple(paths)

    monkeypatch.setattr(actions, "move_to_trash", send)
    done = sort([downloads], rules_for("a1111", webui, duplicates="trash"), catalog)
    assert sorted(trashed) == ["kl-f8 (1).pt", "mychar-000010.safetensors"]
    assert len(done.trashed) == 2
    undone = undo(catalog)
    assert len(undone.refused) == 2
    assert all("is in the trash" in refusal.message for refusal in undone.refused)


@pytest.mark.parametrize("mode", ["copy", "hardlink", "symlink"])
def test_other_modes_leave_the_sources_and_are_undone(
    catalog: Catalog, downloads: Path, webui: Path, mode: str
) -> None:
    """The catalog knows both places; undo removes what was made while its source is still there."""
    list(add([downloads], catalog=catalog))
    before = tree(downloads)
    sort([downloads], rules_for("a1111", webui, mode=mode), catalog)
    made = webui / "models" / "Lora" / "mychar-000010.safetensors"
    assert made.read_bytes() == (downloads / "deep" / "mychar-000010.safetensors").read_bytes()
    assert made.is_symlink() == (mode == "symlink")
    record = catalog.find("mychar-000010")[0]
    assert {place.path.parent.name for place in record.main.locations} == {"deep", "Lora"}
    assert undo(catalog).refused == []
    assert tree(downloads) == before
    assert not webui.exists()


def test_a_copy_whose_source_is_gone_is_not_removed_by_undo(catalog: Catalog, downloads: Path, webui: Path) -> None:
    """It is the only one then."""
    sort([downloads], rules_for("a1111", webui, mode="copy"), catalog)
    (downloads / "kl-f8.pt").unlink()
    undone = undo(catalog)
    assert [refusal.path.name for refusal in undone.refused] == ["kl-f8.pt"]
    assert (webui / "models" / "VAE" / "kl-f8.pt").is_file()


def test_across_devices_files_are_copied_verified_and_removed(
    catalog: Catalog, downloads: Path, webui: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Forced: every rename says that the target is on another drive, but for the copy's own."""
    before = contents(downloads)
    across(monkeypatch)
    sort([downloads], rules_for("comfyui", webui), catalog)
    assert (webui / "models" / "checkpoints" / "国风3 'v1' 100%.safetensors").is_file()
    assert sum((before - contents(downloads, webui)).values()) == 1
    undo(catalog)
    assert contents(downloads) == before


def across(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make renames between folders fail as they do between drives."""
    real = rename._rename

    def refused(source: Path, target: Path) -> None:
        if source.parent != target.parent:
            raise OSError(errno.EXDEV, "another device")
        real(source, target)

    monkeypatch.setattr(rename, "_rename", refused)


def test_a_locked_file_stays_and_takes_its_sidecars_back(
    catalog: Catalog, downloads: Path, webui: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A UI has the model open: its bundle stays whole, the others are sorted."""
    real = actions.place.move

    def locked(source: Path, target: Path, **rest: object) -> object:
        if source.name == "mychar-000010.safetensors":
            raise FileInUseError(f"Could not move {source}: another program is using it.", "Close it.")
        return real(source, target, **rest)  # type: ignore[arg-type]

    monkeypatch.setattr(actions.place, "move", locked)
    done = sort([downloads], rules_for("a1111", webui), catalog)
    assert reasons(done)["mychar-000010.safetensors"] == "in use"
    assert {path.name for path in (downloads / "deep").iterdir()} == {
        f"mychar-000010{suffix}" for suffix in (".safetensors", ".preview.png", ".txt", ".metadata.json")
    }
    assert (webui / "models" / "VAE" / "kl-f8.pt").is_file()


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="needs a folder that may not be written")
def test_a_read_only_target_leaves_everything(catalog: Catalog, downloads: Path, webui: Path) -> None:
    """Each file is named with the reason."""
    webui.mkdir()
    webui.chmod(0o500)
    before = tree(downloads)
    done = sort([downloads], rules_for("a1111", webui), catalog)
    webui.chmod(0o700)
    assert tree(downloads) == before
    assert reasons(done)["kl-f8.pt"] == "failed"


def test_sorting_a_folder_into_itself_moves_only_what_is_wrong(catalog: Catalog, downloads: Path, webui: Path) -> None:
    """What is in its place stays; a target inside the folder is not gone through when the folder is sorted."""
    sort([downloads], rules_for("a1111", webui), catalog)
    wrong = webui / "models" / "VAE" / "lost.safetensors"
    safetensors_file.write(wrong, adapters.lora_sd1(4), seed=9)
    aged(webui)
    done = sort([webui], rules_for("a1111", webui), catalog)
    assert [move.target.name for move in done.moves] == ["lost.safetensors"]
    assert set(reasons(done).values()) == {"in place"}
    inner = plan([webui.parent], rules_for("comfyui", webui.parent / "web ui" / "inner"), catalog=catalog)
    assert all("inner" not in move.item.path.parts for move in inner.moves)


def test_loops_of_links_end_and_links_stay(catalog: Catalog, downloads: Path, webui: Path) -> None:
    """A link to a model stays; a folder that links to its parent is not walked for ever."""
    (downloads / "loop").symlink_to(downloads, target_is_directory=True)
    (downloads / "a link.pt").symlink_to(downloads / "kl-f8.pt")
    done = sort([downloads], rules_for("a1111", webui), catalog)
    assert reasons(done)["a link.pt"] == "a link"
    assert set(tree(webui)) == A1111


def test_a_file_that_still_grows_stays(
    catalog: Catalog, downloads: Path, webui: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seen by two looks, and by a browser's partner file."""
    from modelhub.operations.sort import survey

    growing = downloads / "kl-f8.pt"
    os.utime(growing)
    (downloads / "anime_3.pt.crdownload").write_bytes(b"")

    def grow(_: float) -> None:
        with growing.open("ab") as file:
            file.write(b"more")

    monkeypatch.setattr(survey.time, "sleep", grow)
    decided = plan([downloads], rules_for("a1111", webui), catalog=catalog)
    assert reasons(decided)["kl-f8.pt"] == "still changing"
    assert reasons(decided)["anime_3.pt"] == "still changing"


def test_selected_files_alone_are_sorted(catalog: Catalog, downloads: Path, webui: Path) -> None:
    """As when they are dropped on the desktop icon; a file that is not a model is named."""
    done = sort([downloads / "kl-f8.pt", downloads / "notes.txt"], rules_for("a1111", webui), catalog)
    assert [move.item.path.name for move in done.moves] == ["kl-f8.pt"]
    assert reasons(done) == {"notes.txt": "unreadable"}


def test_a_diffusers_folder_moves_as_one(catalog: Catalog, tmp_path: Path, webui: Path) -> None:
    """Where the UI has a place for one; with its locations in the catalog."""
    folder = folders.write(tmp_path / "dl" / "my model")
    aged(tmp_path / "dl")
    list(add([tmp_path / "dl"], catalog=catalog))
    before = tree(folder)
    sort([tmp_path / "dl"], rules_for("comfyui", webui), catalog)
    target = webui / "models" / "diffusers" / "my model"
    assert tree(target) == before
    assert catalog.find("my model")[0].path == target
    undo(catalog)
    assert tree(folder) == before
    assert catalog.find("my model")[0].path == folder


def test_models_of_one_name_share_their_sidecars(catalog: Catalog, tmp_path: Path, webui: Path) -> None:
    """`m.safetensors` and `m.pt` have one preview: it goes along once, and stays when one of the two stays."""
    folder = tmp_path / "same names"
    safetensors_file.write(folder / "m.safetensors", adapters.lora_sd1(4), seed=1)
    safetensors_file.write(folder / "m.pt", adapters.lora_sd1(4), seed=2)
    (folder / "m.png").write_bytes(b"preview")
    aged(folder)
    done = sort([folder], rules_for("a1111", webui), catalog)
    assert sorted(tree(webui)) == [f"models/Lora/m.{suffix}" for suffix in ("png", "pt", "safetensors")]
    assert len(done.moves) == 2


def test_a_layout_of_ones_own_with_fields(catalog: Catalog, downloads: Path, webui: Path) -> None:
    """Templates from the configuration; {name} as the last part renames."""
    (mine,) = own_layouts({"mine": {"lora": "LoRAs/{architecture}", "base": "Bases/{style}/{name}"}})
    done = sort([downloads], rules_for(mine, webui), catalog)
    assert (webui / "LoRAs" / "sd1" / "mychar-000010.safetensors").is_file()
    assert reasons(done)["kl-f8.pt"] == "no place"
    with pytest.raises(UsageError, match="no field"):
        own_layouts({"bad": {"lora": "{colour}"}})
    with pytest.raises(UsageError, match="must be below"):
        own_layouts({"bad": {"lora": "../up"}})


def test_sub_folders_on_request(catalog: Catalog, downloads: Path, webui: Path) -> None:
    """By architecture, by style, or both."""
    sort([downloads], rules_for("a1111", webui, by=("architecture",)), catalog)
    assert (webui / "models" / "Lora" / "sd1" / "mychar-000010.safetensors").is_file()


def test_the_uis_own_folder_or_its_models_folder_may_be_named(webui: Path) -> None:
    """A folder that holds checkpoints directly is a models folder."""
    assert rules_for("comfyui", webui).into == webui / "models"
    assert rules_for("comfyui", webui / "models").into == webui / "models"
    (webui / "loras").mkdir(parents=True)
    assert rules_for("comfyui", webui).into == webui
    assert rules_for("a1111", webui).into == webui


def test_two_sorts_at_once_wait_for_each_other(catalog: Catalog, downloads: Path, webui: Path) -> None:
    """The second gives up after its time; undo waits for the same lock."""
    library = library_of(catalog)
    with file_lock(library / ".sort.lock"), pytest.raises(BusyError):
        run.sort([downloads], rules_for("a1111", webui), catalog=catalog, library=library, wait=0.0)
    with file_lock(library / ".sort.lock"), pytest.raises(BusyError):
        run.undo(catalog=catalog, library=library, wait=0.0)
    assert not webui.exists()


def test_a_file_that_changed_after_the_plan_stays(catalog: Catalog, downloads: Path, webui: Path) -> None:
    """The plan is for what was looked at, not for whatever has its name now."""

    def replace(_: SortPlan) -> bool:
        (downloads / "kl-f8.pt").write_bytes(b"replaced meanwhile")
        return True

    rules = rules_for("a1111", webui)
    done = run.sort([downloads], rules, catalog=catalog, library=library_of(catalog), confirm=replace)
    assert reasons(done)["kl-f8.pt"] == "failed"
    assert (downloads / "kl-f8.pt").read_bytes() == b"replaced meanwhile"


def test_there_is_nothing_to_undo_at_first(catalog: Catalog) -> None:
    """Said with the next step."""
    with pytest.raises(UsageError, match="no sort to undo"):
        undo(catalog)
    with pytest.raises(UsageError, match="no run 7"):
        undo(catalog, 7)


def test_an_interruption_settles_what_was_begun(
    catalog: Catalog, downloads: Path, webui: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C between two files of one bundle: the bundle is finished, the rest stays, and undo works."""
    before = tree(downloads)
    real, calls = actions.place.move, [0]

    def interrupted(source: Path, target: Path, **rest: object) -> object:
        calls[0] += 1
        if calls[0] == 6:
            raise KeyboardInterrupt
        return real(source, target, **rest)  # type: ignore[arg-type]

    monkeypatch.setattr(actions.place, "move", interrupted)
    with pytest.raises(KeyboardInterrupt):
        sort([downloads], rules_for("a1111", webui), catalog)
    monkeypatch.setattr(actions.place, "move", real)
    assert catalog.unfinished() == []
    undone: UndoResult = undo(catalog)
    assert undone.refused == []
    assert tree(downloads) == before


def test_a_plan_that_is_not_confirmed_is_not_carried_out(catalog: Catalog, downloads: Path, webui: Path) -> None:
    """There is no run, and nothing has moved."""
    before = tree(downloads)
    rules = rules_for("a1111", webui)
    result = run.sort([downloads], rules, catalog=catalog, library=library_of(catalog), confirm=lambda _: False)
    assert (result.operation, result.moves) == (None, [])
    assert len(result.plan.moves) == 5
    assert catalog.operations() == []
    assert tree(downloads) == before


def test_the_error_of_a_step_depends_on_what_is_in_the_way(tmp_path: Path) -> None:
    """A file whose name has the words of another condition is judged by the condition, not by its name."""
    source, target = tmp_path / "something else is at home.pt", tmp_path / "target.pt"
    step = NewStep(action="move", source=str(source), target=str(target), detail={"size": 1})
    assert isinstance(actions.obstacle(step), FileChangedError)
    source.write_bytes(b"x")
    assert actions.obstacle(step) is None
    target.write_bytes(b"y")
    assert isinstance(actions.obstacle(step), TargetExistsError)
    source.write_bytes(b"changed")
    assert isinstance(actions.obstacle(step), FileChangedError)


def test_errors_are_ours(catalog: Catalog, tmp_path: Path, webui: Path) -> None:
    """A folder that is not there, a target that is a file."""
    with pytest.raises(ModelhubError, match="does not exist"):
        plan([tmp_path / "nowhere"], rules_for("a1111", webui), catalog=catalog)
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UsageError, match="is a file"):
        rules_for("a1111", tmp_path / "file")


def test_a_model_without_a_suffix_gets_the_name_that_the_ui_loads(
    downloads: Path, webui: Path, catalog: Catalog
) -> None:
    """Sidecars go along, and undo restores the old names."""
    for number, name in enumerate(("130072", "y.safetensors (1)", "x.safetensors.1"), 10):
        safetensors_file.write(downloads / name, adapters.lora_sd1(4), seed=number)
    (downloads / "130072.civitai.info").write_text("{}")
    (downloads / "pack.7z").write_bytes(b"7z\xbc\xaf\x27\x1c" + bytes(100))
    aged(downloads)
    before = tree(downloads)
    result = sort([downloads], rules_for("a1111", webui), catalog)
    placed = set(tree(webui))
    loras = {"130072.safetensors", "130072.civitai.info", "y (1).safetensors", "x (1).safetensors"}
    assert placed == {f"models/Lora/{name}" for name in loras} | A1111
    assert reasons(result)["pack.7z"] == "passed over"
    undo(catalog)
    assert tree(downloads) == before


def test_a_hostile_file_without_a_suffix_stays(downloads: Path, webui: Path, catalog: Catalog) -> None:
    """It is judged by its content."""
    hostile.checkpoint(downloads / "130072")
    aged(downloads)
    result = sort([downloads], rules_for("a1111", webui), catalog)
    assert reasons(result)["130072"] == "dangerous"


def test_a_taken_name_is_a_collision_for_a_file_without_a_suffix_too(
    downloads: Path, webui: Path, catalog: Catalog
) -> None:
    """Nothing is replaced; `rename` gives it a number."""
    safetensors_file.write(downloads / "130072", adapters.lora_sd1(4), seed=1)
    safetensors_file.write(downloads / "130072.safetensors", adapters.lora_sd1(4), seed=2)
    aged(downloads)
    decided = plan([downloads], rules_for("a1111", webui), catalog=catalog)
    assert reasons(decided)["130072.safetensors"] == "collision"
    renamed = plan([downloads], rules_for("a1111", webui, rename=True), catalog=catalog)
    assert {"130072.safetensors", "130072 (2).safetensors"} <= {move.target.name for move in renamed.moves}


def test_a_text_that_is_named_to_sort_is_not_a_model(downloads: Path, webui: Path, catalog: Catalog) -> None:
    """A model under the name of a text is one."""
    safetensors_file.write(downloads / "hidden.txt", adapters.lora_sd1(4), seed=20)
    aged(downloads)
    result = plan([downloads / "notes.txt", downloads / "hidden.txt"], rules_for("a1111", webui), catalog=catalog)
    assert [move.target.name for move in result.moves] == ["hidden.safetensors"]
    assert reasons(result) == {"notes.txt": "unreadable"}
