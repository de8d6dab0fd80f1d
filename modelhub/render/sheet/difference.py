"""The difference of two pictures, as a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# The factor of a difference, so that a LoRA at half strength is visible.
AMPLIFICATION = 4


def difference_picture(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the amplified absolute difference of two pictures of one shape, clipped: black where they agree."""
    import numpy as np

    if one.shape != other.shape:
        raise ValueError(f"pictures of one size are needed, not {one.shape} and {other.shape}")
    difference = np.abs(one.astype(np.int16) - other.astype(np.int16)) * AMPLIFICATION
    clipped: NDArray[np.uint8] = np.minimum(difference, 255).astype(np.uint8)
    return clipped
