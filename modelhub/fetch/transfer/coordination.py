"""The interface between a connection and the coordinator of its download."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from modelhub.fetch.transfer.blocks import Block
    from modelhub.fetch.transfer.limits import TransferLimits
    from modelhub.fetch.transfer.part_file import PartFile
    from modelhub.fetch.transfer.range_client import RangeClient, RangeResponse
    from modelhub.progress import Progress


class Coordination(Protocol):
    """The part of a coordinator that its connections use. All methods are thread-safe.

    `over` is set once the attempt has ended and connections must stop.
    """

    client: RangeClient
    part: PartFile
    limits: TransferLimits
    progress: Progress
    over: threading.Event

    @property
    def is_single_response(self) -> bool:
        """Whether the file can only come in one response, so that a broken one is worthless."""

    @property
    def is_parallel(self) -> bool:
        """Whether bytes from several responses may be put together."""

    def claim_pieces(self) -> range | None:
        """Return the next pieces to fetch; None when none are left, or one connection too many is open."""

    def take_back(self, rest: range) -> bool:
        """Take back claimed pieces to share them out; return whether they were taken."""

    def request_end(self, stop: int) -> int | None:
        """Return the offset at which a request for the pieces before `stop` ends; None for an open end."""

    def acquire_block(self, offset: int, check_cancelled: Callable[[], None]) -> Block:
        """Return memory for the piece at `offset`, once the disk and the hashers are not too far behind."""

    def release_block(self, block: Block) -> None:
        """Discard the content of a block."""

    def complete_block(self, block: Block) -> None:
        """Pass a received piece on to the hashers and the disk writer."""

    def response_opened(self, response: RangeResponse) -> None:
        """Note what the first response of the attempt states about the file."""

    def interruptible(self, response: RangeResponse) -> AbstractContextManager[None]:
        """Return a context in which `response` is interrupted when the attempt ends."""

    def count_receiving(self, change: int) -> None:
        """Count a connection that has received its first bytes (1), or such a one that closes (-1)."""

    def count_received(self, amount: int) -> None:
        """Count new bytes."""
