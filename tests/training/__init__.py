"""The training of the demo's networks."""
