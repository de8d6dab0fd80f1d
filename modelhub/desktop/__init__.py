"""Desktop shortcuts, notifications and reports for each platform."""
