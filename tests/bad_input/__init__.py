"""Bad input, through the command line: one clear line, a hint, the right exit code, nothing half-written."""
