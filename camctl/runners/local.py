"""The runner of one process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from camctl.plugin import Runner

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

    from camctl.plugin import Work


class Local(Runner):
    """The runner of one process, with worker processes that read pictures."""

    summary = "In this process; worker processes read the pictures."

    def run(self, work: Work) -> Iterator[pa.Table]:
        """Yield the rows of the pictures, batch by batch."""
        yield from work.open()(work.indices)
