"""docs/shortcut.png: a desktop icon at work, on a desktop without a screen.

    python -m tools.desktop_picture [FILE.png]

Needs the packages of .ci/packages.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from tests.desktop.screen import Screen, missing, wait_for
from tools.demo_models import messy

BLUE = (74, 144, 217)  # of the icon's front
_DUNST = """[global]
geometry = "360x5-16+16"
width = 360
origin = top-right
offset = 16x16
font = sans 11
frame_width = 1
frame_color = "#4a90d9"
background = "#20262e"
foreground = "#ffffff"
padding = 12
horizontal_padding = 14
word_wrap = true
[urgency_normal]
timeout = 0
"""


def main(target: Path) -> int:
    """Install a shortcut, double-click it, take the picture once the notification is there."""
    if gone := missing("pcmanfm", "dunst"):
        print(f"not installed: {', '.join(gone)}", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="li-") as made, Screen(Path(made) / "li") as screen:
        downloads, ui = screen.home / "Downloads", screen.home / "ComfyUI"
        messy(downloads)
        modelhub = (sys.executable, "-P", "-m", "modelhub", "--library", str(screen.home / "models"))
        words = ("shortcut", "install", "--folder", str(downloads), "--layout", "comfyui", "--into", str(ui))
        screen.run(*modelhub, *words, "--by", "architecture", "--name", "Sort downloads")
        (screen.home / "dunstrc").write_text(_DUNST)
        screen.start(["dunst", "-config", str(screen.home / "dunstrc")])
        colors = screen.home / ".config" / "pcmanfm" / "default" / "desktop-items-0.conf"
        colors.parent.mkdir(parents=True)
        colors.write_text("[*]\nwallpaper_mode=color\ndesktop_bg=#2d3e50\ndesktop_fg=#ffffff\nshow_trash=0\n")
        screen.start(["pcmanfm", "--desktop"])
        screen.settle()
        icon = screen.color(*BLUE)
        screen.double_click(icon)
        wait_for((ui / "models" / "loras").is_dir)
        time.sleep(3)
        screen.start(["pcmanfm", "--new-win", str(ui / "models")])
        screen.settle()
        screen.run("xdotool", "search", "--onlyvisible", "--name", "^models$", "windowmove", "150", "230")
        screen.run("xdotool", "mousemove", "20", "600", "click", "1", "mousemove", str(icon[0] + 30), str(icon[1] + 20))
        screen.settle()
        shot = screen.picture()
        _cut(shot, target)
    return 0


def _cut(shot: Path, target: Path) -> None:
    from PIL import Image

    with Image.open(shot) as image:
        image.convert("RGB").crop((0, 0, 1024, 680)).quantize(128).save(target, optimize=True)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/shortcut.png")))
