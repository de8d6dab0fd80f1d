"""`show` and the end of `pull` begin with how to use a model, as a newcomer needs it, and end with the hashes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelhub.cli.output import width
from modelhub.testing.files import adapters, hostile, networks, safetensors_file, torch_file
from tests.cli.test_app import modelhub
from tests.cli.test_updating import run
from tests.operations.remote.hubs import User, civitai_file, civitai_item, civitai_version, user
from tests.operations.remote.test_outdated import DRESS, LORA, lora
from tests.screen import run_in_terminal

WARNING = "Do not load it in any UI: it can run code."


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A user with a base that has a VAE and one without, add-ons of all kinds, copies and a trap."""
    folder = tmp_path / "models"
    base = networks.sd1(networks.SMALL)
    safetensors_file.write(folder / "whole.safetensors", base, seed=1)
    bare = {key: value for key, value in base.items() if not key.startswith("first_stage_model.")}
    safetensors_file.write(folder / "bare.safetensors", bare, seed=2)
    metadata = adapters.lora_metadata("jelly", "jellyfishforest", rank=4)
    safetensors_file.write(folder / "水母森林.safetensors", adapters.lora_sd1(4), metadata=metadata, seed=3)
    safetensors_file.write(folder / "silent.safetensors", adapters.lora_sd1(4), seed=4)
    torch_file.write(folder / "EasyNegative (1).pt", adapters.embedding_a1111("EasyNegative"), seed=5)
    safetensors_file.write(folder / "鸣人 - 副本.safetensors", adapters.embedding(), seed=6)
    safetensors_file.write(folder / "mse.vae.safetensors", networks.vae(16), seed=7)
    hostile.checkpoint(folder / "trap.pt")
    modelhub("add", str(folder), home=tmp_path)
    return tmp_path


def shown(home: Path, name: str) -> list[str]:
    """Return the lines of `show`."""
    done = modelhub("show", name, home=home)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_how_to_use_it_comes_first_and_the_hashes_last(home: Path) -> None:
    """The headline, the use, the details, and at the end the numbers that nobody reads."""
    lines = shown(home, "水母森林")
    assert lines[0].startswith("水母森林  (id ")
    assert [line for line in lines if not line.startswith(" ")][1:] == ["How to use it", "Details"]
    assert lines[1].split() == ["what", "lora", "·", "sd1", "·", "rank", "4", "·", "fp16"]
    assert [line.split()[0] for line in lines[-6:]] == ["sha256", "autov1", "autov2", "autov3", "blake3", "crc32"]
    assert "  words         Trigger word: jellyfishforest" in lines
    assert "  A1111 / Forge <lora:水母森林:0.8> jellyfishforest" in lines
    assert "  loading       In ComfyUI, choose `水母森林.safetensors` in the node `Load LoRA`." in lines


def test_a_lora_without_words_says_who_may_know_them(home: Path) -> None:
    """The command that looks them up."""
    text = "\n".join(shown(home, "silent"))
    assert "No trigger words are known; `modelhub enrich silent` looks them up." in text
    assert "<lora:silent:0.8>\n" in text


def test_a_negative_embedding_is_named_as_such(home: Path) -> None:
    """Its word without the mark of a copy, and ComfyUI's spelling."""
    text = "\n".join(shown(home, "EasyNegative"))
    assert "It is a negative embedding: write its word into the negative prompt." in text
    assert "  A1111 / Forge EasyNegative\n" in text
    assert "  ComfyUI       embedding:EasyNegative\n" in text
    assert "rename it to `EasyNegative.pt`" in text
    other = "\n".join(shown(home, "鸣人"))
    assert "negative prompt" not in other
    assert "  ComfyUI       embedding:鸣人\n" in other


def test_a_base_says_what_fits_it(home: Path) -> None:
    """Its VAE, and the add-ons of the library with the command that lists them."""
    text = "\n".join(shown(home, "whole"))
    assert "It has a VAE: leave SD VAE at Automatic." in text
    assert "2 LoRAs of the library fit it:" in text
    (command,) = [line.partition("`modelhub ")[2].partition("`")[0] for line in text.splitlines() if "2 LoRAs" in line]
    rows = json.loads(modelhub(*command.split(), "--json", home=home).stdout)
    assert {row["name"] for row in rows} == {"silent", "水母森林"}
    bare = "\n".join(shown(home, "bare"))
    assert "It has no VAE: without one, pictures come out dull." in bare
    assert '`modelhub pull "SD VAE ft-MSE"` gets one that fits.' in bare
    assert "Of the library, these may fit: mse." in bare
    assert "In A1111, choose `bare.safetensors` under `Stable Diffusion checkpoint`." in bare
    assert "In ComfyUI, choose `bare.safetensors` in the node `Load Checkpoint`." in bare


def test_bases_without_a_vae_can_be_listed(home: Path) -> None:
    """The filter that `explain vae` names."""
    rows = json.loads(modelhub("list", "type:base", "-has:vae", "--json", home=home).stdout)
    assert [row["name"] for row in rows] == ["bare"]
    rows = json.loads(modelhub("list", "--json", "type:base", "has:vae", home=home).stdout)
    assert [row["name"] for row in rows] == ["whole"]


def test_a_trap_shows_only_its_warning(home: Path) -> None:
    """No word, no line to paste, no place for it."""
    lines = shown(home, "trap")
    start = lines.index("Warning")
    assert WARNING in lines[start + 1]
    assert lines[start + 2] == "Details"
    assert not any(word in "\n".join(lines) for word in ("How to use it", "triggers", "embedding:trap", "place in"))


def test_a_file_name_chooses_between_files_of_one_stem(home: Path) -> None:
    """`cut.ckpt` beside `cut.safetensors` means the file of that very name."""
    folder = home / "models"
    safetensors_file.write(folder / "cut.safetensors", adapters.embedding(), seed=20)
    torch_file.write(folder / "cut.ckpt", adapters.embedding_a1111("cut"), seed=21)
    modelhub("add", str(folder), home=home)
    for name in ("cut.ckpt", "cut.safetensors"):
        (record,) = json.loads(modelhub("show", name, "--json", home=home).stdout)
        assert Path(record["path"]).name == name


@pytest.mark.parametrize("columns", [80, 100])
def test_everything_fits_the_terminal_and_lines_to_paste_stay_whole(home: Path, columns: int) -> None:
    """Long sentences are wrapped behind their label; a line to paste and a command are not broken."""
    for name in ("水母森林", "whole", "bare", "trap", "EasyNegative"):
        done = run_in_terminal("show", name, home=home, columns=columns)
        assert done.code == 0
        assert all(width(line) <= columns for line in done.lines)
        assert re.search(r"^  sha256 +[0-9a-f]{64}$", done.text, re.MULTILINE)
        assert re.search(r"^  place +~/models/", done.text, re.MULTILINE)
    lines = run_in_terminal("show", "水母森林", home=home, columns=columns).lines
    assert any("<lora:水母森林:0.8> jellyfishforest" in line for line in lines)


def test_the_vae_that_advice_names_can_be_pulled(tmp_path: Path) -> None:
    """The well-known name leads to the safetensors file of its repository, and then it is among those that fit."""
    folder = tmp_path / "hub" / "stabilityai" / "sd-vae-ft-mse-original"
    stem = "vae-ft-mse-840000-ema-pruned"
    safetensors_file.write(folder / f"{stem}.safetensors", networks.vae(16), seed=9)
    torch_file.write(folder / f"{stem}.ckpt", torch_file.checkpoint(networks.vae(16)), seed=9)
    bare = {k: v for k, v in networks.sd1(networks.SMALL).items() if not k.startswith("first_stage_model.")}
    safetensors_file.write(tmp_path / "models" / "bare.safetensors", bare, seed=2)
    with user(tmp_path, items=[], contents={}) as found:
        assert run(found, "add", str(tmp_path / "models")).returncode == 0
        text = run(found, "show", "bare").stdout
        command = re.search(r'`modelhub pull "([^"]+)"` gets one', text)
        assert command
        done = run(found, "pull", command[1])
        assert done.returncode == 0, done.stderr
        assert f"{stem}.safetensors" in done.stdout
        assert f"the library has {stem}." in run(found, "show", "bare").stdout


@pytest.fixture
def place(tmp_path: Path) -> Iterator[User]:
    """A hub with a LoRA, and a Civitai with a negative embedding."""
    lora(tmp_path / "hub" / DRESS / LORA, 1)
    content = safetensors_file.write(tmp_path / "civitai" / "badhandv4.safetensors", adapters.embedding(), seed=8)
    file = civitai_file("badhandv4.safetensors", version=20)
    item = {**civitai_item(civitai_version(20, file)), "type": "TextualInversion"}
    with user(tmp_path, items=[item], contents={"badhandv4.safetensors": content}) as found:
        yield found


def test_a_pull_ends_with_how_to_use_the_model(place: User) -> None:
    """Words and the line to paste by the name of the file in the library, after `ready`."""
    done = run(place, "pull", DRESS)
    assert done.returncode == 0, done.stderr
    ready, use = done.stdout.index("ready"), done.stdout.index("How to use it")
    assert ready < use
    stem = Path(LORA).stem
    assert f"<lora:{stem}:0.8> reddress" in done.stdout[use:]
    assert "Trigger word: reddress" in done.stdout[use:]
    assert "Needs a base of architecture sd1" in done.stdout[use:]


def test_a_pull_of_many_models_points_at_show(place: User, tmp_path: Path) -> None:
    """A screen for each of them would push the results away."""
    for number in range(3):
        lora(place.repositories / "painter/many" / f"lora-{number}.safetensors", 30 + number)
    place.publish()
    done = run(place, "pull", "painter/many", "--all")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("ready") == 3
    assert "How to use each of them: `modelhub show NAME`." in done.stdout
    assert "Trigger word" not in done.stdout


def test_two_models_of_a_pull_are_named(place: User) -> None:
    """Each has its own title."""
    for number in range(2):
        lora(place.repositories / "painter/two" / f"lora-{number}.safetensors", 40 + number)
    place.publish()
    done = run(place, "pull", "painter/two", "--all")
    assert "How to use lora-0\n" in done.stdout
    assert "How to use lora-1\n" in done.stdout


def test_a_pull_of_a_negative_embedding_says_where_its_word_belongs(place: User) -> None:
    """The name is enough to know it."""
    done = run(place, "pull", f"civitai:{civitai_item()['id']}")
    assert done.returncode == 0, done.stderr
    assert "write its word into the negative prompt" in done.stdout
    assert "embedding:badhandv4" in done.stdout


def test_a_pull_as_json_is_the_document_alone(place: User) -> None:
    """Advice is for people."""
    done = run(place, "pull", DRESS, "--json")
    assert json.loads(done.stdout)
    assert "How to use it" not in done.stdout
