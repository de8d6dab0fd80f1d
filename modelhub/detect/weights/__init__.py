"""Digests of components and checks of their values, read from the tensors."""
