"""Render tests: load a model in a worker process, make pictures and judge them."""
