"""What users ask for: each operation plans, acts and returns a typed result."""
