"""Tests of what a newcomer's guide tells: each statement as the commands that answer it."""
