"""Fonts and line breaks."""
