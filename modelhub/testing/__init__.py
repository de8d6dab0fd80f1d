"""Makers of model files, loopback hubs and checks of detection rules, shared by tests, demo and plug-in authors."""

from __future__ import annotations

from modelhub.testing.rules import assert_fits_at_most_one_family, assert_fits_exactly_one_type

__all__ = ["assert_fits_at_most_one_family", "assert_fits_exactly_one_type"]
