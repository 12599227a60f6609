"""The built-in sources, reached by entry point only."""
