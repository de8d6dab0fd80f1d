"""`python -m modelhub` and the `modelhub` command."""

from __future__ import annotations

import os
import sys


def _open_closed_streams() -> None:
    """Give streams that were closed, as by `>&-` or pythonw, a place to write to.

    Nothing is open yet: the new file takes the number of the closed one, which the catalog would get otherwise.
    """
    if sys.stdin is None:
        sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: PTH123, SIM115 - open as long as the program runs
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115


def main() -> None:
    """Run the command line and leave with its exit code."""
    _open_closed_streams()
    from modelhub.cli.app import run

    sys.exit(run())


if __name__ == "__main__":
    main()
