"""The review of a results folder as one HTML file."""
