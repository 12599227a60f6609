"""Tests of the built-in metrics."""
