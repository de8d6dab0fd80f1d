"""What each command prints, as text or as JSON."""
