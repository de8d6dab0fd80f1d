"""Sorting, undo and watching, all journaled."""
