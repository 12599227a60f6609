"""Dataset runs: rows, resuming, hostile data, growth."""
