"""From files to networks that torch can run."""
