"""What a results folder says as a whole: accuracy, verdicts, figures, classes in trouble, maps that stand out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

ALIKE = 0.9
"""Mean correlation of maps of different pictures above which they hardly depend on the picture."""

AT_BORDER = 0.5
"""Share of the heat beyond an even map's, of all that can be, from which on a mean map lies on its border."""

Interval = tuple[float, float] | None


@dataclass(frozen=True, kw_only=True)
class MeanFigure:
    """The mean of a figure, its 95 % interval over pictures, and the baseline that it does not beat."""

    mean: float
    interval: Interval
    count: int
    not_above: str = ""


@dataclass(frozen=True, kw_only=True)
class MethodSummary:
    """What one method did."""

    name: str
    baseline: bool
    maps: int
    verdicts: Mapping[str, int]
    figures: Mapping[str, MeanFigure]
    likeness: float | None
    """Mean correlation of maps of different pictures."""


@dataclass(frozen=True, kw_only=True)
class ClassSummary:
    """The pictures of one class: of its label, or, without labels, those that the model takes for it."""

    index: int
    name: str
    pictures: int
    judged: int
    right: int
    figures: Mapping[str, float]
    border: float | None
    """Share of the mean map of the class that lies on its outermost cells."""
    even: float | None
    """The same of a map that is even."""
    mean: NDArray[np.float64] | None = field(repr=False)
    """Mean map for the class of the first method, (height, width), whose sum is 1."""

    @property
    def accuracy(self) -> float | None:
        """Share of the pictures with a label whose first prediction is the label."""
        return self.right / self.judged if self.judged else None

    @property
    def at_border(self) -> bool:
        """Whether the mean map lies on its border."""
        return self.border is not None and self.even is not None and _beyond(self.border, self.even) > AT_BORDER


@dataclass(frozen=True, kw_only=True)
class Listed:
    """A picture that a list of the summary names."""

    row: int
    id: str
    label: str | None
    predicted: str | None
    method: str | None
    value: float


@dataclass(frozen=True, kw_only=True)
class Summary:
    """All that `camctl review` tells.

    `differing` are the pictures whose first prediction is not their label, the surest first; their value is its score.
    `unlike` are the maps most unlike the mean map of their class; their value is the correlation with it.
    """

    model: str
    data: str
    total: int
    pictures: int
    rows: int
    failed: int
    causes: Mapping[str, int]
    unknown: int
    """Number of pictures whose label the model does not know."""
    judged: int
    right: int
    interval: Interval
    """95 % interval of the accuracy."""
    better: Mapping[str, str]
    methods: tuple[MethodSummary, ...]
    classes: tuple[ClassSummary, ...]
    names: Mapping[int, str]
    confusion: Mapping[tuple[int, int], int]
    """(label, prediction) -> number of pictures."""
    differing: tuple[Listed, ...]
    unlike: tuple[Listed, ...]
    alike: NDArray[np.float32] = field(repr=False)
    """Correlation of each row's map with the mean map of its class; NaN where there is none."""

    @property
    def complete(self) -> bool:
        """Whether every picture has its rows."""
        return self.pictures == self.total

    @property
    def accuracy(self) -> float | None:
        """Share of the pictures with a known label whose first prediction is the label."""
        return self.right / self.judged if self.judged else None

    @property
    def verdicts(self) -> dict[str, int]:
        """Number of maps with each verdict, without those of baselines."""
        counts: Counter[str] = Counter()
        for method in self.methods:
            counts.update({} if method.baseline else method.verdicts)
        return dict(counts.most_common())

    @property
    def confused(self) -> list[tuple[int, int, int]]:
        """Label, prediction and number of pictures of each kind of mistake, the most frequent first."""
        pairs = [(label, guess, count) for (label, guess), count in self.confusion.items() if label != guess]
        return sorted(pairs, key=lambda pair: (-pair[2], pair[0], pair[1]))

    def warnings(self) -> Iterator[str]:
        """Yield what is wrong with the results as a whole, a sentence each."""
        if not self.complete:
            yield f"The run is not finished: {self.pictures:,} of {self.total:,} pictures have rows."
        if self.unknown:
            count = f"{self.unknown:,} {'picture has a label' if self.unknown == 1 else 'pictures have labels'}"
            yield f"{count} that the model does not know: no prediction can be right."
        for method in self.methods:
            if not method.baseline and method.likeness is not None and method.likeness > ALIKE:
                yield (
                    f"The maps of {method.name} hardly change with the picture: on different ones they are alike by "
                    f"{method.likeness:.2f} on average (correlation; 1: the same map)."
                )
        edgy = [item.name for item in self.classes if item.at_border]
        if edgy:
            more = f" and {len(edgy) - 3} more" if len(edgy) > 3 else ""  # noqa: PLR2004
            yield f"The model looks at the border of the picture for {', '.join(edgy[:3])}{more}."

    def to_dict(self) -> dict[str, Any]:
        """Return everything as `camctl review --json` prints it."""
        classes = [
            {**asdict(item), "accuracy": item.accuracy, "at_border": item.at_border, "mean": _rounded(item.mean)}
            for item in self.classes
        ]
        confusion = [
            {"label": self.names.get(label, str(label)), "predicted": self.names.get(guess, str(guess)), "pictures": n}
            for label, guess, n in self.confused
        ]
        own = ("model", "data", "total", "pictures", "rows", "failed", "causes", "unknown", "judged", "right")
        return {
            **{name: getattr(self, name) for name in own},
            "complete": self.complete,
            "accuracy": self.accuracy,
            "accuracy_interval": self.interval,
            "verdicts": self.verdicts,
            "better": dict(self.better),
            "methods": [asdict(method) for method in self.methods],
            "classes": classes,
            "confusion": confusion,
            "differing": [asdict(item) for item in self.differing],
            "unlike": [asdict(item) for item in self.unlike],
            "warnings": list(self.warnings()),
        }


def _rounded(mean: NDArray[np.float64] | None) -> list[list[float]] | None:
    return None if mean is None else [[round(value, 5) for value in line] for line in mean.tolist()]


def _beyond(share: float, even: float) -> float:
    """Return how much of what an even map has elsewhere lies on the border as well: 0 for an even map, 1 for all."""
    return (share - even) / (1 - even) if even < 1 else 0.0
