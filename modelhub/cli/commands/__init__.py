"""One file per command: its arguments, options and help."""
