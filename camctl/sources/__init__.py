"""Sources: how models of one library are found and loaded. Reached by entry point alone."""
