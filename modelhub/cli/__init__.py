"""The command line: parse arguments, call one operation, print its result."""
