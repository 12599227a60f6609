"""The results folder of a dataset run: written in parts, continued after an interruption, read as Arrow tables."""

from camctl.results.results import Results, open_results
from camctl.results.schema import schema
from camctl.results.writer import Writer

__all__ = ["Results", "Writer", "open_results", "schema"]
