"""Words for values and commands on the command line, and corrections of what was mistyped."""
