"""Write the JSON Schemas of docs/schemas from the documents: `python tools/schemas.py`."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from modelhub.documents.schemas import PUBLISHED, schema_text  # noqa: E402

FOLDER = ROOT / "docs" / "schemas"


def main() -> int:
    """Write one file for each published document, and remove those of documents that are gone."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for old in set(FOLDER.glob("*.json")) - {FOLDER / f"{row.name}.json" for row in PUBLISHED}:
        old.unlink()
    for row in PUBLISHED:
        (FOLDER / f"{row.name}.json").write_text(schema_text(row), encoding="ascii", newline="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
