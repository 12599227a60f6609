"""Races against peers; run by hand, not by pytest."""
