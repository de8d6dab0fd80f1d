"""Rules that identify the networks of an architecture named Sonic."""

from __future__ import annotations

from modelhub.detect import FamilyRow, Rules, Sign

RULES = Rules(
    signs=(Sign("sonic:blocks", ("^sonic_blocks_#_",)),),
    families=(FamilyRow(architecture="sonic", one_of=("sonic:blocks",)),),
)
