"""Which map to believe: how similar maps are, how methods rank by their metrics, and what changed since a baseline."""
