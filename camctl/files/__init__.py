"""Files that camctl writes and reads back: whole or not at all."""
