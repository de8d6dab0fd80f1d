"""Load files as networks that torch can run."""
