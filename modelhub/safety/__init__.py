"""Safety verdicts: could loading a file run code?"""

from __future__ import annotations

from modelhub.safety.assess import assess

__all__ = ["assess"]
