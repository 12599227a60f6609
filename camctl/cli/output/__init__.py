"""From results to the terminal, to JSON and to files."""
