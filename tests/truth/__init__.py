"""Maps of real networks on real photographs, measured: `python -m tests.truth`."""
