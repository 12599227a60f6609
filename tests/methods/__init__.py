"""Tests of the methods, built-in and bridged."""
