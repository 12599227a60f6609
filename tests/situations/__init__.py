"""Situations out of public bug reports: what people have, the command, and the right value."""
