"""From the words of the command line to values."""
