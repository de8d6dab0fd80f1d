"""Bytes on disk: hash, walk, place, lock and trash, without loss and without replacing."""
