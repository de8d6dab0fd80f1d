"""What users type: words for values and commands, and corrections of what was mistyped."""
