"""Operations on the library and its catalog."""
