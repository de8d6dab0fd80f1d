"""`list --duplicates`: groups of the same file, the same weights, or the same component."""

from __future__ import annotations

import sys

from modelhub.cli.output import clean, colour, print_json
from modelhub.cli.session import Session
from modelhub.errors import UsageError
from modelhub.quantities import format_size

LEVELS = ("file", "weights", "unet", "vae", "text_encoder", "text_encoder_2")


def show_duplicates(session: Session, level: str) -> None:
    """Print the groups, largest first; as JSON one object a model, with the digest that it shares."""
    if level not in LEVELS:
        raise UsageError(f"There is no level `{level}` of duplicates.", f"One of: {', '.join(LEVELS)}.")
    groups = sorted(session.catalog.duplicates(level), key=lambda group: -group.size)
    if session.json:
        from modelhub.documents.model import duplicate_model_document

        shared = [(group, model_id) for group in groups for model_id in group.model_ids]
        print_json(
            [
                duplicate_model_document(session.catalog.get(key), level=level, digest=group.digest)
                for group, key in shared
            ]
        )
        return
    for group in groups:
        title = f"the same {level}" if level != "file" else f"the same file, {format_size(group.size)} each"
        print(colour(f"{title}  ({group.digest[:10]})", "1"))
        for path in group.paths:
            print(f"  {clean(str(path))}")
    spare = sum(group.size * (len(group.paths) - 1) for group in groups) if level == "file" else 0
    text = f"{len(groups)} group{'s' * (len(groups) != 1)}" if groups else "Nothing is held more than once."
    print(text + (f", {format_size(spare)} could be freed" if spare else ""), file=sys.stderr)
