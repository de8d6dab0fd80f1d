"""A plug-in for modelhub: a source, a UI, rules and a command."""
