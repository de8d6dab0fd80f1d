"""Plug-ins for modelhub that cannot be used, each for another reason."""
