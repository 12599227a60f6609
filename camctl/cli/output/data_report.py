"""The words of `camctl run` on a data set: what became of the pictures, and where the rows are."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from camctl.cli.output.sink import Parts, hint, indented, line, note, plain_table
from camctl.errors import Hint
from camctl.results.review import baselines_of, better_of
from camctl.results.tally import MAP, PICTURE, Figures, Pictures

if TYPE_CHECKING:
    from collections.abc import Sequence

    from camctl.results import Results

MOST_CAUSES = 5
"""Largest number of causes of errors that are told."""


class Tally:
    """What became of the pictures of a data set, counted from its rows, which are read once."""

    def __init__(self, results: Results) -> None:
        import pyarrow.compute as pc

        better = better_of(results)
        self.total, self.rows = results.status.total, len(results)
        self._pictures, self._figures = Pictures(self.total), Figures(better, (), self.total)
        self.remarks: Counter[str] = Counter()
        """Why pictures have no map although nothing failed."""
        for table in results.batches(list(dict.fromkeys([*PICTURE, *MAP, *better, "reason"]))):
            self._pictures.add(table)
            self._figures.add(table, self._pictures.own_class)
            without = table.filter(pc.and_(pc.is_null(table.column("verdict")), pc.is_null(table.column("error"))))
            for pair in pc.value_counts(without.column("reason").drop_null()).to_pylist():
                self.remarks[pair["values"]] += pair["counts"]
        judged = self._pictures.judged
        self.labelled = int(judged.sum())
        self.right = int((self._pictures.label == self._pictures.predicted)[judged].sum())
        self.pictures, self.failed = int(self._pictures.seen.sum()), int(self._pictures.failed.sum())
        self.verdicts: Counter[str] = Counter()
        baselines = baselines_of(results)  # what they draw says nothing about the network
        for (method, verdict), count in self._figures.verdicts.items():
            if method not in baselines:
                self.verdicts[verdict] += count

    @property
    def accuracy(self) -> float | None:
        """Share of the labelled pictures whose label is predicted; None without labels."""
        return self.right / self.labelled if self.labelled else None

    def means(self) -> dict[str, dict[str, float]]:
        """Return the mean figure of each metric and method."""
        figures = self._figures
        totals, counts = figures.sums.sum(2), figures.counts.sum(2)
        return {
            metric: {
                method: float(totals[code, place] / counts[code, place])
                for method, code in figures.methods.items()
                if counts[code, place]
            }
            for place, metric in enumerate(figures.names)
        }

    @property
    def causes(self) -> Counter[str]:
        """What failed, and for how many pictures."""
        return self._pictures.causes

    def to_dict(self) -> dict[str, Any]:
        """Return the counts as `--json` prints them."""
        return {
            "total": self.total,
            "pictures": self.pictures,
            "rows": self.rows,
            "failed": self.failed,
            "errors": dict(self.causes.most_common()),
            "accuracy": self.accuracy,
            "verdicts": dict(self.verdicts.most_common()),
            "without_map": dict(self.remarks.most_common()),
            "figures": self.means(),
        }


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
    names = results.about.get("layers") or asked["target_layers"]
    layers, plural = ", ".join(names), "s" if len(names) > 1 else ""
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
            yield line(f"  {count:,} x ", cause)
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
