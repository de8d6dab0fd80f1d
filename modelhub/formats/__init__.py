"""Containers of models: bytes to headers, chosen by content, never by suffix."""

from __future__ import annotations

from modelhub.formats.sniff import is_other_content, read_header

__all__ = ["is_other_content", "read_header"]
