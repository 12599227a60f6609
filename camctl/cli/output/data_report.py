"""The words of `camctl run` on a data set: what became of the pictures, and where the rows are."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from math import isfinite
from typing import TYPE_CHECKING, Any

from camctl.cli.output.sink import Parts, hint, indented, line, note, plain_table
from camctl.errors import Hint

if TYPE_CHECKING:
    from collections.abc import Sequence

    from camctl.results import Results

MOST_CAUSES = 5
"""Largest number of causes of errors that are told."""

NAMED = re.compile(r"'[^']*'|\d+")
"""What differs between errors of one cause: names and numbers."""


@dataclass
class Tally:
    """What became of the pictures of a data set, counted from its rows."""

    total: int
    pictures: int = 0
    rows: int = 0
    failed: int = 0
    labelled: int = 0
    right: int = 0
    """Pictures with a label, and those of them whose label is predicted."""
    causes: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)
    """Cause of an error -> the first message."""
    verdicts: Counter[str] = field(default_factory=Counter)
    remarks: Counter[str] = field(default_factory=Counter)
    """Why pictures have no map although nothing failed."""
    figures: dict[str, dict[str, list[float]]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(list)))
    """Metric -> method -> sum and count."""

    @property
    def accuracy(self) -> float | None:
        """Share of the labelled pictures whose label is predicted; None without labels."""
        return self.right / self.labelled if self.labelled else None

    def means(self) -> dict[str, dict[str, float]]:
        """Return the mean figure of each metric and method."""
        return {
            metric: {method: total / count for method, (total, count) in methods.items() if count}
            for metric, methods in self.figures.items()
        }

    def to_dict(self) -> dict[str, Any]:
        """Return the counts as `--json` prints them."""
        return {
            "total": self.total,
            "pictures": self.pictures,
            "rows": self.rows,
            "failed": self.failed,
            "errors": {self.examples[cause]: count for cause, count in self.causes.most_common()},
            "accuracy": self.accuracy,
            "verdicts": dict(self.verdicts.most_common()),
            "without_map": dict(self.remarks.most_common()),
            "figures": self.means(),
        }


def tally(results: Results) -> Tally:
    """Count what became of the pictures."""
    metrics = [item.name for item in results.columns if (item.metadata or {}).get(b"better")]
    found = Tally(results.status.total)
    last = -1
    for batch in results.batches(
        ["index", "label_index", "predictions", "verdict", "reason", "error", "method", *metrics]
    ):
        for row in batch.to_pylist():
            found.rows += 1
            if row["verdict"]:
                found.verdicts[row["verdict"]] += 1
            for metric in metrics:
                if row[metric] is not None and isfinite(row[metric]):
                    sums = found.figures[metric][row["method"]] or [0.0, 0]
                    found.figures[metric][row["method"]] = [sums[0] + row[metric], sums[1] + 1]
            if row["index"] == last:  # the rows of a picture are together
                continue
            last = row["index"]
            found.pictures += 1
            if row["error"]:
                found.failed += 1
                cause = NAMED.sub("", row["error"])
                found.causes[cause] += 1
                found.examples.setdefault(cause, row["error"])
            elif row["reason"] and not row["verdict"]:
                found.remarks[row["reason"]] += 1
            if row["label_index"] is not None and row["predictions"]:
                found.labelled += 1
                found.right += row["predictions"][0]["index"] == row["label_index"]
    return found


def summary(results: Results, found: Tally, saved: Sequence[str], faults: Sequence[str]) -> Parts:
    """Yield the summary; `saved` says what was written beside the rows, `faults` why some overlays were not drawn."""
    asked = results.start
    yield line((str(asked["model"]), "bold"), " on ", (str(asked["data"]["name"]), "bold"))
    left = found.total - found.pictures
    yield line("pictures ", (f"{found.pictures:,}", "bold"), f" of {found.total:,}" if left else "")
    if found.accuracy is not None:
        yield line(
            "accuracy ", (f"{found.accuracy:.3f}", "bold"), f" ({found.right:,} of {found.labelled:,} with a label)"
        )
    layers = ", ".join(asked["target_layers"])
    plural = "s" if len(asked["target_layers"]) > 1 else ""
    yield line(f"target layer{plural} ", (layers, "bold"), f", chosen by {results.about.get('chosen_by', '')}")
    if found.verdicts:
        counts = ", ".join(f"{name} {count:,}" for name, count in found.verdicts.most_common())
        yield line("verdicts ", counts)
    for reason, count in found.remarks.most_common(MOST_CAUSES):
        yield line("without a map ", (f"{count:,}", "bold"), f": {reason}")
    if means := found.means():
        yield indented(_figures(means))
    for text in dict.fromkeys(results.about.get("notes", ())):
        yield note(text)
    for text in faults[:MOST_CAUSES]:
        yield note(text, "not drawn")
    if found.failed:
        yield line((f"{found.failed:,} of {found.pictures:,} pictures failed", "bold red"))
        for cause, count in found.causes.most_common(MOST_CAUSES):
            yield line(f"  {count:,} x ", found.examples[cause])
    for text in saved:
        yield line("saved ", text)
    yield hint(Hint("See what came out", f"review {results.out}"))


def _figures(means: dict[str, dict[str, float]]) -> Any:
    table = plain_table("method", *means)
    for method in dict.fromkeys(method for methods in means.values() for method in methods):
        table.add_row(method, *(f"{methods[method]:.3f}" if method in methods else "" for methods in means.values()))
    return table


def interrupted(out: str) -> Parts:
    """Yield what a user who stopped a run wants to know."""
    yield note(f"What is done is in {out}. Run the same command again to go on.", "stopped")
