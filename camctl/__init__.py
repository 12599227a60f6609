"""camctl."""
