"""The render test of each type of model."""
