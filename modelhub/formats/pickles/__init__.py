"""Pickles followed symbolically: what one would import, call and build. Nothing in it is ever executed."""
