"""Folders of models: every file in one is judged, whatever it is called and whichever component it belongs to."""
