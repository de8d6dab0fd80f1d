"""Downloading: sources resolve references, choice selects files, transfer moves bytes."""
