"""The torch side: one capture, many answers."""
