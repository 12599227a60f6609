"""Makes the summary of a results folder: one pass counts, a second one finds the maps that stand out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from camctl.ranking.chance import interval_of_lead, interval_of_sums
from camctl.results import mean_maps, tally
from camctl.results.mean_maps import MeanMaps, border
from camctl.results.schema import BETTER
from camctl.results.summary import ClassSummary, Interval, Listed, MeanFigure, MethodSummary, Summary
from camctl.results.tally import Figures, Pictures, samples_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from camctl.results.results import Results

LISTED = 50
"""Number of pictures that each list of a summary names."""


def baselines_of(results: Results) -> list[str]:
    """Return the names of the methods that look at no class and no network."""
    return [str(name) for name in results.about.get("baselines") or ()]


def better_of(results: Results) -> dict[str, str]:
    """Return for each figure whether `higher` or `lower` is better, or `neither`."""
    return {item.name: item.metadata[BETTER].decode() for item in results.columns if BETTER in (item.metadata or {})}


def summarise(results: Results) -> Summary:
    """Return the summary of a results folder; its rows are read twice, and never all at once."""
    better, baselines, total = better_of(results), baselines_of(results), results.status.total
    pictures, figures, maps = Pictures(total), Figures(better, baselines, total), MeanMaps(baselines)
    columns = dict.fromkeys([*tally.PICTURE, *tally.MAP, *better, *mean_maps.COLUMNS])
    for table in results.batches(list(columns)):
        pictures.add(table)
        figures.add(table, pictures.own_class)
        maps.add(table)
    names = pictures.names | dict(enumerate(results.about.get("class_names") or ()))
    judged, surest = pictures.judged, differing(pictures, LISTED)
    alike = _alike(results, maps)
    lowest = _lowest(alike)
    methods = tuple(_method(name, figures, maps, better) for name in _in_order(figures))
    return Summary(
        model=str(results.start.get("model", "")),
        data=str((results.start.get("data") or {}).get("name", "")),
        total=total,
        pictures=int(pictures.seen.sum()),
        rows=len(results),
        failed=int(pictures.failed.sum()),
        causes=dict(pictures.causes.most_common()),
        unknown=int(pictures.unknown.sum()),
        judged=int(judged.sum()),
        right=int((pictures.label == pictures.predicted)[judged].sum()),
        interval=_accuracy_interval(pictures, total),
        better=better,
        methods=methods,
        classes=tuple(_classes(pictures, figures, maps, better, names)),
        names=names,
        confusion=_confusion(pictures),
        differing=_listed(results, pictures.row[surest], pictures.score[surest], names),
        unlike=_listed(results, lowest, alike[lowest], names),
        alike=alike,
    )


def _in_order(figures: Figures) -> list[str]:
    """Return the methods in the order of the rows, baselines last."""
    return sorted(figures.methods, key=lambda name: name in figures.baselines)


def _accuracy_interval(pictures: Pictures, total: int) -> Interval:
    import numpy as np

    index = np.flatnonzero(pictures.judged)
    if not len(index):
        return None
    sample = samples_of(index, total)
    right = (pictures.label == pictures.predicted)[index]
    return interval_of_sums(np.bincount(sample, right).astype(np.float64), np.bincount(sample))


def _method(name: str, figures: Figures, maps: MeanMaps, better: Mapping[str, str]) -> MethodSummary:
    code, baseline = figures.methods[name], name in figures.baselines
    means = {}
    for place, figure in enumerate(figures.names):
        sums, counts = figures.sums[code, place], figures.counts[code, place]
        if counts.sum():
            means[figure] = MeanFigure(
                mean=float(sums.sum() / counts.sum()),
                interval=interval_of_sums(sums, counts),
                count=int(counts.sum()),
                not_above="" if baseline else _not_above(figures, code, place, better[figure]),
            )
    return MethodSummary(
        name=name,
        baseline=baseline,
        maps=figures.maps[name],
        verdicts={kind: count for (method, kind), count in sorted(figures.verdicts.items()) if method == name},
        figures=means,
        likeness=maps.likeness(name),
    )


def _not_above(figures: Figures, code: int, place: int, better: str) -> str:
    """Return a baseline that a method does not lead by more than chance; empty if there is none."""
    sign = {"higher": 1, "lower": -1}.get(better, 0)
    for name, other in figures.methods.items():
        if not sign or name not in figures.baselines:
            continue
        mine, theirs = ((figures.sums[one, place], figures.counts[one, place]) for one in (code, other))
        lead = interval_of_lead(mine, theirs)
        if lead is not None and min(sign * lead[0], sign * lead[1]) <= 0:
            return name
    return ""


def _classes(
    pictures: Pictures,
    figures: Figures,
    maps: MeanMaps,
    better: Mapping[str, str],
    names: Mapping[int, str],
) -> list[ClassSummary]:
    """Return the classes, the one in the most trouble first: by accuracy, then by the first figure."""
    import numpy as np

    own, judged = pictures.own_class, pictures.judged
    right = judged & (pictures.label == pictures.predicted)
    size = int(own.max(initial=-1)) + 1
    counts = [np.bincount(own[mask & (own >= 0)], minlength=size) for mask in (pictures.seen, judged, right)]
    drawing = [name for name in _in_order(figures) if name not in figures.baselines]
    classes = []
    for index in np.flatnonzero(counts[0]).tolist():
        share, even, mean = _at_border(maps, drawing, index)
        measured = {name: figures.of_class(name, index) for name in figures.names}
        classes.append(
            ClassSummary(
                index=index,
                name=names.get(index, str(index)),
                pictures=int(counts[0][index]),
                judged=int(counts[1][index]),
                right=int(counts[2][index]),
                figures={name: value for name, value in measured.items() if value is not None},
                border=share,
                even=even,
                mean=mean,
            )
        )
    return sorted(classes, key=_trouble(better))


def _trouble(better: Mapping[str, str]) -> Callable[[ClassSummary], tuple[float, float, int]]:
    """Return the key by which classes are sorted; a class without a value comes after those with one."""
    first = next(((name, -1 if way == "lower" else 1) for name, way in better.items()), None)

    def key(item: ClassSummary) -> tuple[float, float, int]:
        accuracy = 2.0 if item.accuracy is None else item.accuracy
        figure = item.figures.get(first[0]) if first else None
        return accuracy, float("inf") if figure is None or first is None else first[1] * figure, -item.pictures

    return key


def _at_border(
    maps: MeanMaps, methods: Sequence[str], index: int
) -> tuple[float | None, float | None, NDArray[np.float64] | None]:
    """Return the share of a class's mean map on its border, that of an even map, and the map; means over methods."""
    means = [mean for name in methods if (mean := maps.mean(name, index)) is not None]
    if not means:
        return None, None, None
    masks = [border((mean.shape[0], mean.shape[1])) for mean in means]
    shares = [float(mean[mask].sum()) for mean, mask in zip(means, masks, strict=True)]
    even = [float(mask.mean()) for mask in masks]
    return sum(shares) / len(shares), sum(even) / len(even), means[0]


def _confusion(pictures: Pictures) -> dict[tuple[int, int], int]:
    import numpy as np

    judged = pictures.judged
    pairs = np.stack([pictures.label[judged], pictures.predicted[judged]], 1)
    unique, counts = np.unique(pairs, axis=0, return_counts=True)
    return {(pair[0], pair[1]): count for pair, count in zip(unique.tolist(), counts.tolist(), strict=True)}


def differing(pictures: Pictures, count: int) -> NDArray[np.int64]:
    """Return the pictures whose first prediction is not their label, the surest first, by their index."""
    import numpy as np

    index = np.flatnonzero(pictures.judged & (pictures.label != pictures.predicted))
    return index[np.argsort(-np.nan_to_num(pictures.score[index], nan=-np.inf), kind="stable")[:count]]


def _alike(results: Results, maps: MeanMaps) -> NDArray[np.float32]:
    """Return for each row how much its map correlates with the mean map of its class; NaN where there is none."""
    import numpy as np

    alike = np.full(len(results), np.nan, np.float32)
    for table in results.batches(mean_maps.COLUMNS):
        rows, values = maps.unlike(table)
        alike[rows] = values
    return alike


def _lowest(values: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return the places of the lowest values, the lowest first."""
    import numpy as np

    there = np.flatnonzero(np.isfinite(values))
    return there[np.argsort(values[there], kind="stable")[:LISTED]]


def _listed(
    results: Results, rows: NDArray[np.int64], values: NDArray[np.floating], names: Mapping[int, str]
) -> tuple[Listed, ...]:
    listed = []
    for number, row, value in zip(rows.tolist(), results.rows(rows.tolist()), values.tolist(), strict=True):
        first = (row["predictions"] or [{"index": None, "label": None}])[0]
        predicted = first["label"] or (None if first["index"] is None else names.get(first["index"]))
        listed.append(
            Listed(row=number, id=row["id"], label=row["label"], predicted=predicted, method=row["method"], value=value)
        )
    return tuple(listed)
