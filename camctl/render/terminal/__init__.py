"""Pictures and comparisons in the terminal."""
