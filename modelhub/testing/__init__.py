"""Makers of files and loopback hubs, shared by tests, demo and plug-in authors."""
