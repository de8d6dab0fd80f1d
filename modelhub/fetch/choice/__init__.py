"""Which files of a remote model to take, and why."""
