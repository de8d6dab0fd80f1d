"""Render tests: what to render, and running it."""
