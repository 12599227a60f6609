"""The results folder of a dataset run: written in parts, continued after an interruption, read as Arrow tables."""

from camctl.results.exports import export
from camctl.results.results import Results, open_results
from camctl.results.schema import extra_names, schema
from camctl.results.status import Status
from camctl.results.writer import Writer

__all__ = ["Results", "Status", "Writer", "export", "extra_names", "open_results", "schema"]
