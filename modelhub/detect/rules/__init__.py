"""The detection rules: tables that turn tensor names and shapes into type, architecture, variant and precision."""
