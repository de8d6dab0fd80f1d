"""The output of each command, as text or as JSON."""
