"""A seeded generator of hostile and unlucky cases for the command, each run in a process of its own.

`python -m tests.hostile --cases 5000` runs many and prints counts by outcome and by kind.
"""
