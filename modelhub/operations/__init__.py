"""The requests of users: each operation plans, acts and returns a typed result."""
