"""The command line: one file per command, which parses, calls the pipeline and reports."""

from camctl.cli.app import main

__all__ = ["main"]
