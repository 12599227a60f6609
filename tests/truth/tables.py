"""Rows of games -> tables in Markdown, every figure with a bootstrap interval."""

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


def by_rule(rows: Sequence[Row], methods: Collection[str]) -> list[str]:
    """A row for each of `methods`, a column a layer rule: peak / share of the light; a method's own layer is named."""
    rules = {rule: _layers(of) for rule, of in _split(rows, lambda one: one.rule).items()}
    head = " | ".join(f"{rule}: {layer}" for rule, layer in rules.items())
    lines = [f"| method | {head} |", "|---|" + "---|" * len(rules)]
    for method, of in _split(rows, lambda one: one.method).items():
        if method in methods:
            cells = [_cell([one for one in of if one.rule == rule], layer) for rule, layer in rules.items()]
            lines.append(f"| {method} | " + " | ".join(cells) + " |")
    return lines


def _cell(rows: Sequence[Row], usual: str) -> str:
    """Figures of a method at a rule, whose `usual` layer stands in the head; of no map, the verdict."""
    if not rows:
        return ""
    missing = [one.verdict for one in rows if one.share is None]
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


def of_sanity(rows: Sequence[Row]) -> list[str]:
    """A row a method, a column a stage: the median rank correlation with the map of the whole network."""
    stages = list(dict.fromkeys(one.rule for one in rows))
    lines = ["| method | " + " | ".join(stages) + " | |", "|---|" + "---|" * (len(stages) + 1)]
    for method, of in _split(rows, lambda one: one.method).items():
        figures = {one.rule: f"{one.figures['correlation']:.2f}" for one in of}
        lines.append(
            f"| {method} | " + " | ".join(figures.get(stage, "") for stage in stages) + f" | {of[0].verdict} |"
        )
    return lines


def _layers(rows: Iterable[Row]) -> str:
    """The layers that were used most often."""
    counts = Counter("+".join(one.layers) for one in rows if one.layers)
    return "".join(f"`{name}`" for name, _ in counts.most_common(1))


def _split(rows: Iterable[Row], key: Callable[[Row], object]) -> dict:
    found = defaultdict(list)
    for one in rows:
        found[key(one)].append(one)
    return dict(found)
