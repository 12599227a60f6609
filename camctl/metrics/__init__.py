"""The built-in metrics: figures that say what a map is worth."""
