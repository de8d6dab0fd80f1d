"""Operations that talk to model sources."""
