"""The contract of runners: who carries the work of a dataset run."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

    Explain = Callable[[Sequence[int]], Iterator[pa.Table]]
    """From indices of pictures to their rows, a table for each batch; the rows of a picture are in one."""


@dataclass(frozen=True, kw_only=True)
class Work:
    """The pictures of a dataset run that are still to be explained.

    It is pickled for other processes, if the model is named and not an object.
    """

    indices: Sequence[int]
    """Of the pictures, in the data set."""
    open: Callable[[], Explain]
    """Loads the model once, and returns what explains pictures with it."""
    batch_size: int
    """Number of pictures that go through the model together."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Options of the runner."""


class Runner(ABC):
    """Carries a dataset run: in this process, in several, or on a cluster. Rows are written by whoever started it."""

    summary: str = ""

    @abstractmethod
    def run(self, work: Work) -> Iterator[pa.Table]:
        """Yield the rows of all pictures, in any order; the rows of a picture are in one table."""
