"""The JSON documents that programs rely on."""
