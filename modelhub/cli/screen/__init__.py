"""What is written to a terminal: lines, tables and progress bars, by the columns that text takes."""
