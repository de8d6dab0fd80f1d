"""Manage Stable Diffusion model files: identify, catalog, pull, convert, render-test and sort them."""

from __future__ import annotations

from modelhub.version import __version__

__all__ = ["__version__"]
