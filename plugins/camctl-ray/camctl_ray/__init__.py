"""Runner of dataset runs on Ray for camctl."""
