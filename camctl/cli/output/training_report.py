"""The words of `camctl review` about a training that was watched."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Column

from camctl.cli.output.run_report import saved
from camctl.cli.output.sink import line, plain_table
from camctl.ranking.words import DASH, percent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from camctl.cli.output.sink import Sink
    from camctl.results.summary import Summary


def report(training: Mapping[int, Summary], unit: str, film: Path | None, sink: Sink) -> None:
    """Print JSON, or a line an epoch on stdout, and the path of the film."""
    epochs = [{unit: number, **summary.to_dict()} for number, summary in training.items()]
    sink.data({"training": epochs, "film": None if film is None else str(film)})
    if sink.human:
        first = next(iter(training.values()))
        sink.show(line((first.model or "model", "bold"), " in training, on ", (first.data or "a data set", "bold")))
        right = Column("right", justify="right")
        table = plain_table(Column(unit, justify="right"), Column("pictures", justify="right"), right, "verdicts")
        for number, summary in training.items():
            verdicts = ", ".join(f"{count:,} {name}" for name, count in summary.verdicts.items())
            accuracy = DASH if summary.accuracy is None else percent(summary.accuracy)
            table.add_row(f"{number:,}", f"{summary.pictures:,}", accuracy, verdicts or DASH)
        sink.show(table)
    if film is not None:
        sink.tell(saved([str(film)]))
