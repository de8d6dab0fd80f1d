"""The figures of `gpu_check.py` as Markdown tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_HEAD = "| base | tested | dtype | px | verdict | s | load s | step ms | decode ms | put on ms | peak GB |"
_GB = 1e9


def tables(report: Mapping[str, Any]) -> str:
    """Return the tables of the tests, the overhead and the checks."""
    versions = ", ".join(f"{name} {version}" for name, version in report["versions"].items())
    passed = sum(check["passed"] for check in report["checks"])
    lines = [f"{report['device']}; {versions}.", "", _HEAD, "|---" * 11 + "|", *map(_row, report["rows"]), ""]
    if report["overheads"]:
        lines += [
            "| overhead | renders | test s | diffusers' calls s | over them | over calls with the LoRA on and off |",
            "|---" * 6 + "|",
            *(_overhead(kind, found) for kind, found in report["overheads"].items()),
            "",
        ]
    lines.append(f"{passed} of {len(report['checks'])} checks passed.")
    lines += [f"- {check['name']}: {check['words']}" for check in report["checks"] if _is_worth_a_line(check)]
    return "\n".join(lines)


def _is_worth_a_line(check: Mapping[str, Any]) -> bool:
    return not check["passed"] or ": " in check["name"]


def _row(row: Mapping[str, Any]) -> str:
    numbers = row["metrics"]
    peak = numbers.get("peak_memory")
    cells = (
        row["base"],
        row["subject"],
        row["dtype"],
        row["size"],
        row["verdict"],
        f"{row['seconds']:.1f}",
        _scaled(numbers, "load_seconds", 1, 1),
        _scaled(numbers, "step_seconds", 1000, 0),
        _scaled(numbers, "decode_seconds", 1000, 0),
        _scaled(numbers, "apply_seconds", 1000, 0),
        f"{peak / _GB:.2f}" if peak else "",
    )
    return f"| {' | '.join(map(str, cells))} |"


def _scaled(numbers: Mapping[str, Any], name: str, factor: float, digits: int) -> str:
    value = numbers.get(name)
    return "" if value is None else f"{value * factor:.{digits}f}"


def _overhead(kind: str, found: Mapping[str, Any]) -> str:
    renders = f"{found['adapters']} × 2, median of {found['rounds']}"
    times = f"{found['tested']:.2f} | {found['calls']:.2f}"
    return f"| {kind} | {renders} | {times} | {found['over_calls']:+.1%} | {found['over_calls_and_lora']:+.1%} |"
