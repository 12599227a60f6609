"""The contract of runners: who carries the work of a dataset run."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

    Explain = Callable[[Sequence[int]], Iterator[pa.Table]]
    """From indices of pictures to their rows, a table for each batch; the rows of a picture are in one."""


@dataclass(frozen=True, kw_only=True)
class Work:
    """The pictures of a dataset run that are still to be explained; it can be pickled for other processes."""

    indices: Sequence[int]
    """Indices of the pictures in the data set."""
    open: Callable[[], Explain]
    """Loads the model, once a call, and returns the function that explains pictures with it."""
    batch_size: int
    """Number of pictures that go through the model together."""
    schema: pa.Schema
    """Columns of the rows."""


class Runner(ABC):
    """Carries a dataset run: in this process, in several, or on a cluster. Rows are written by whoever started it."""

    summary: str = ""

    @abstractmethod
    def run(self, work: Work) -> Iterator[pa.Table]:
        """Yield the rows of all pictures, in any order; the rows of a picture are in one table.

        Keyword-only parameters with defaults, after a `*`, are the runner's options.
        """
