"""The topics of `explain`: tables of plain texts, one file for each group of ideas."""
