"""Runners that are built in; each is reached by its entry point."""
