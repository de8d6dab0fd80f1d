"""Well-known models and published files."""
