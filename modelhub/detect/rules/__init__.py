"""Tables that turn tensor names and shapes into type, architecture, variant and precision."""
