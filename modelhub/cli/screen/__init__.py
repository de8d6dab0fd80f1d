"""Lines, tables and progress bars on a terminal, laid out by the columns that text takes."""
