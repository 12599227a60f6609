"""Frozen values that pass between rooms: no torch, numpy at most."""
