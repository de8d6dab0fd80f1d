"""The user interfaces: where each expects which model, and how it is linked."""
