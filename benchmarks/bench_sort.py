"""Sort 10,000 files: planning, moving, undoing; beside a bare rename of the same files.

    python benchmarks/bench_sort.py [--files 10000]

The files are small embeddings of different content with a preview each; they are added to the catalog first.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from modelhub.catalog import Catalog
from modelhub.operations.library.add import add
from modelhub.operations.sort import run
from modelhub.operations.sort.plan import SortPlan
from modelhub.operations.sort.rules import rules_for
from modelhub.testing.files import adapters, safetensors_file


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=10_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-sort-", dir=Path.cwd()) as name:
        root = Path(name)
        downloads = make(root / "downloads", options.files)
        bare = root / "bare"
        timed("rename each file (no checks, no journal)", lambda: rename_all(downloads, bare))
        timed("and back", lambda: rename_all(bare, downloads))
        rules = rules_for("a1111", root / "webui")
        with Catalog.open(root / "catalog.sqlite3") as catalog:
            timed(
                "plan, files not in the catalog (headers are read)", lambda: run.plan([downloads], rules, catalog=None)
            )
            timed("add to the catalog (all hashes)", lambda: list(add([downloads], catalog=catalog)))
            timed("plan, files in the catalog", lambda: run.plan([downloads], rules, catalog=catalog))
            planned: list[float] = []

            def confirm(_: SortPlan) -> bool:
                planned.append(time.monotonic())
                return True

            run.sort([downloads], rules, catalog=catalog, library=root, confirm=confirm)
            print(f"{'move, journaled':<50} {time.monotonic() - planned[0]:8.2f} s", flush=True)
            timed("undo", lambda: run.undo(catalog=catalog, library=root))
        left = sum(1 for path in downloads.rglob("*") if path.is_file())
        print(f"{left} files are back in place ({2 * options.files} were made)")


def make(folder: Path, count: int) -> Path:
    """Small embeddings, each with a preview, in folders of a hundred."""
    template = folder / "template.safetensors"
    safetensors_file.write(template, adapters.embedding(), seed=1)
    data = template.read_bytes()[:]
    template.unlink()
    for number in range(count):
        place = folder / f"{number // 100:03}"
        place.mkdir(exist_ok=True)
        model = place / f"model {number}.safetensors"
        model.write_bytes(data[:-8] + number.to_bytes(8, "little"))
        os.utime(model, (1_600_000_000 + number, 1_600_000_000 + number))
        (place / f"model {number}.png").write_bytes(b"\x89PNG")
    return folder


def rename_all(source: Path, target: Path) -> None:
    """Rename files as a plain script would."""
    for path in [path for path in source.rglob("*") if path.is_file()]:
        place = target / path.relative_to(source)
        place.parent.mkdir(parents=True, exist_ok=True)
        path.rename(place)


def timed(what: str, work: Callable[[], object]) -> None:
    started = time.monotonic()
    work()
    print(f"{what:<50} {time.monotonic() - started:8.2f} s", flush=True)


if __name__ == "__main__":
    main()
