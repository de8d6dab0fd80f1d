"""Contact sheets of render tests."""
