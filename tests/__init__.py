"""Tests of camctl; a package, since other distributions leave a `tests` of their own on the path."""
