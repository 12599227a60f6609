"""Data sets: what DATA may be, its pictures' names, labels, boxes and other columns, and their bytes."""

from camctl.datasets.data import Data
from camctl.datasets.kinds import is_data, open_data

__all__ = ["Data", "is_data", "open_data"]
