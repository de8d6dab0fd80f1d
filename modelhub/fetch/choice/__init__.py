"""The choice among the files of a remote model, with the reasons."""
