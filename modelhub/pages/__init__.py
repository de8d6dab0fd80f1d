"""Pages of HTML: one look for every page, each a file that needs no server and no network."""
