"""One file a command: it parses, makes one call and reports."""
