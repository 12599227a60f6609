"""Rows of games -> tables in Markdown, every figure with a bootstrap interval."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from tests.truth.games import Row

DRAWS, SEED = 2000, 0
FEWEST = 5
"""Groups below which an interval would say nothing."""


def interval(rows: Sequence[Row], value: Callable[[Row], float | None]) -> str:
    """Mean and its 95 % percentile interval, `.98 (.96, .99)`; whole groups are drawn, since their rows are alike."""
    sums: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for one in rows:
        figure = value(one)
        if figure is not None:
            sums[one.group][0] += figure
            sums[one.group][1] += 1
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


def share(one: Row) -> float:
    """Of the light, what lies right; a map that is not drawn points nowhere."""
    return one.share or 0.0


def hit(one: Row) -> float:
    """Whether the peak lies right; a map that is not drawn points nowhere."""
    return float(bool(one.hit))


def by_rule(rows: Sequence[Row]) -> list[str]:
    """A row a method, a column a layer rule: peak, then share of the light; a layer of its own is named."""
    rules = list(dict.fromkeys(one.rule for one in rows))
    layers = {rule: _layers(rows, rule) for rule in rules}
    lines = [
        "| method | " + " | ".join(f"{rule}: {layers[rule]}" for rule in rules) + " |",
        "|---|" + "---|" * len(rules),
    ]
    for method, of in _split(rows, lambda one: one.method).items():
        cells = []
        for rule in rules:
            some = [one for one in of if one.rule == rule]
            drawn = sum(one.share is not None for one in some)
            notes = [f"no map {1 - drawn / len(some):.0%}"] if 0 < drawn < len(some) else []
            if (own := _layers(some)) not in {"", layers[rule]}:
                notes.append(f"at {own}")
            alone = "no map" if some else ""
            figures = f"{interval(some, hit)} / {interval(some, share)}"
            cells.append("; ".join([figures, *notes]) if drawn else alone)
        if any("/" in cell for cell in cells):
            lines.append(f"| {method} | " + " | ".join(cells) + " |")
    return lines


def of_metrics(rows: Sequence[Row]) -> list[str]:
    """A row a method, a column a metric of camctl."""
    names = list(dict.fromkeys(name for one in rows for name in one.figures))
    lines = ["| method | layer | " + " | ".join(names) + " |", "|---|---|" + "---|" * len(names)]
    for method, of in _split(rows, lambda one: one.method).items():
        if any(one.figures for one in of):
            cells = [interval(of, lambda one, name=name: one.figures.get(name)) for name in names]
            lines.append(f"| {method} | {_layers(of)} | " + " | ".join(cells) + " |")
    return lines


def of_verdicts(rows: Sequence[Row]) -> list[str]:
    """A row a kind of map and network: how often its verdict is `ok`, and which others fell."""
    lines = ["| maps | network | maps | `ok` | other verdicts |", "|---|---|---|---|---|"]
    whole = [replace(one, net="all") for one in rows]
    for (kind, net), of in _split([*rows, *whole], lambda one: (one.rule, one.net)).items():
        counts = Counter(one.verdict for one in of)
        others = ", ".join(f"`{name}` {count}" for name, count in counts.most_common() if name != "ok")
        lines.append(f"| {kind} | {net} | {len(of)} | {interval(of, lambda one: one.verdict == 'ok')} | {others} |")
    return lines


def _layers(rows: Iterable[Row], rule: str | None = None) -> str:
    """The layers that were used most often."""
    counts = Counter("+".join(one.layers) for one in rows if one.layers and rule in {None, one.rule})
    return "".join(f"`{name}`" for name, _ in counts.most_common(1))


def _split(rows: Iterable[Row], key: Callable[[Row], object]) -> dict:
    found = defaultdict(list)
    for one in rows:
        found[key(one)].append(one)
    return dict(found)
