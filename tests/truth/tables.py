"""Tables in Markdown of the rows of games, every figure with a bootstrap interval."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from tests.truth.games import Row

DRAWS, SEED = 2000, 0
FEWEST = 5
"""Minimum number of groups for an interval."""


def interval(rows: Sequence[Row], value: Callable[[Row], float | None]) -> str:
    """Mean and its 95 % percentile interval, `.98 (.96, .99)`; whole groups are drawn, since their rows are alike."""
    sums: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for row in rows:
        figure = value(row)
        if figure is not None:
            sums[row.group][0] += figure
            sums[row.group][1] += 1
    if not sums:
        return ""
    table = np.array(list(sums.values()))
    mean = table[:, 0].sum() / table[:, 1].sum()
    if len(table) < FEWEST:
        return f"{mean:.2f}"
    draws = np.random.default_rng(SEED).integers(len(table), size=(DRAWS, len(table)))
    means = table[draws].sum(1)
    low, high = np.percentile(means[:, 0] / means[:, 1], (2.5, 97.5))
    return f"{mean:.2f} ({low:.2f}, {high:.2f})"


def share(row: Row) -> float:
    """Share of the map's sum that lies on the object; 0 if no map was drawn."""
    return row.share or 0.0


def hit(row: Row) -> float:
    """Whether the map's peak lies on the object; 0 if no map was drawn."""
    return float(bool(row.hit))


def by_rule(rows: Sequence[Row], methods: Collection[str]) -> list[str]:
    """Make a row for each of `methods` and a column for each layer rule: peak / share of the light."""
    rules = {rule: _layers(of) for rule, of in _split(rows, lambda row: row.rule).items()}
    head = " | ".join(f"{rule}: {layer}" for rule, layer in rules.items())
    lines = [f"| method | {head} |", "|---|" + "---|" * len(rules)]
    for method, of in _split(rows, lambda row: row.method).items():
        if method in methods:
            cells = [_cell([row for row in of if row.rule == rule], layer) for rule, layer in rules.items()]
            lines.append(f"| {method} | " + " | ".join(cells) + " |")
    return lines


def _cell(rows: Sequence[Row], usual: str) -> str:
    """Figures of a method at a rule, or the verdict if no map was drawn; a layer is named if it is not `usual`."""
    if not rows:
        return ""
    missing = [row.verdict for row in rows if row.share is None]
    if len(missing) == len(rows):
        verdict = Counter(missing).most_common(1)[0][0]
        return "refuses" if verdict == "none" else f"`{verdict}`"
    parts = [f"{interval(rows, hit)} / {interval(rows, share)}"]
    if missing:
        parts.append(f"no map {len(missing) / len(rows):.0%}")
    if _layers(rows) != usual:
        parts.append(f"at {_layers(rows)}")
    return "; ".join(parts)


def of_metrics(rows: Sequence[Row]) -> list[str]:
    """Make a row for each method and a column for each metric of camctl."""
    names = list(dict.fromkeys(name for row in rows for name in row.figures))
    lines = ["| method | layer | " + " | ".join(names) + " |", "|---|---|" + "---|" * len(names)]
    for method, of in _split(rows, lambda row: row.method).items():
        if any(row.figures for row in of):
            cells = [interval(of, lambda row, name=name: row.figures.get(name)) for name in names]
            lines.append(f"| {method} | {_layers(of)} | " + " | ".join(cells) + " |")
    return lines


def of_verdicts(rows: Sequence[Row]) -> list[str]:
    """Make a row for each kind of map and network: the share of verdicts that are `ok`, and the other verdicts."""
    lines = ["| maps | network | maps | `ok` | other verdicts |", "|---|---|---|---|---|"]
    whole = [replace(row, net="all") for row in rows]
    for (kind, net), of in _split([*rows, *whole], lambda row: (row.rule, row.net)).items():
        counts = Counter(row.verdict for row in of)
        others = ", ".join(f"`{name}` {count}" for name, count in counts.most_common() if name != "ok")
        lines.append(f"| {kind} | {net} | {len(of)} | {interval(of, lambda row: row.verdict == 'ok')} | {others} |")
    return lines


def of_sanity(rows: Sequence[Row]) -> list[str]:
    """Make a row for each method, a column for each stage: the median rank correlation with the whole network's map."""
    stages = list(dict.fromkeys(row.rule for row in rows))
    lines = ["| method | " + " | ".join(stages) + " | |", "|---|" + "---|" * (len(stages) + 1)]
    for method, of in _split(rows, lambda row: row.method).items():
        figures = {row.rule: f"{row.figures['correlation']:.2f}" for row in of}
        lines.append(
            f"| {method} | " + " | ".join(figures.get(stage, "") for stage in stages) + f" | {of[0].verdict} |"
        )
    return lines


def _layers(rows: Iterable[Row]) -> str:
    """The layers used most often."""
    counts = Counter("+".join(row.layers) for row in rows if row.layers)
    return "".join(f"`{name}`" for name, _ in counts.most_common(1))


def _split(rows: Iterable[Row], key: Callable[[Row], object]) -> dict:
    groups = defaultdict(list)
    for row in rows:
        groups[key(row)].append(row)
    return dict(groups)
