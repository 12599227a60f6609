"""A comparison as a figure."""
