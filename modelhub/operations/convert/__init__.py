"""Conversion to safetensors."""
