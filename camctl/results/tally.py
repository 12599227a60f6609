"""Counts of a results folder, taken batch by batch: what every picture is, and what every method measured."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from camctl.results.columns import NONE, array_of, codes_of, first_predictions, indices_of, learn_names, numbers_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

PICTURE = ("index", "label", "label_index", "predictions", "target", "target_index", "error")
"""Columns that say what a picture is."""

MAP = ("index", "method", "verdict")
"""Columns that say what a map is, besides the figures."""

SAMPLES = 2048
"""Number of samples of a bootstrap: each picture is one, or of more pictures each is some that are drawn together."""

_SPREAD = 0x9E3779B97F4A7C15
"""Spreads neighbours over all samples: classes lie side by side in a folder."""


def samples_of(index: NDArray[np.int64], total: int) -> NDArray[np.int64]:
    """Return the sample that each picture belongs to."""
    import numpy as np

    if total <= SAMPLES:
        return index
    return ((index.astype(np.uint64) * np.uint64(_SPREAD)) >> np.uint64(53)).astype(np.int64)


class Pictures:
    """What is known of each picture, by its index: a few bytes each."""

    def __init__(self, total: int) -> None:
        import numpy as np

        self.row = np.full(total, NONE, np.int64)
        self.label = np.full(total, NONE, np.int32)
        self.predicted = np.full(total, NONE, np.int32)
        self.score = np.full(total, np.nan, np.float32)
        self.failed = np.zeros(total, bool)
        self.unknown = np.zeros(total, bool)
        self.names: dict[int, str] = {}
        self._causes: Counter[str] = Counter()
        self._first: dict[str, str] = {}
        """Each cause as the first picture has it."""

    def add(self, table: pa.Table) -> None:
        """Take rows."""
        import numpy as np

        index = indices_of(table, "index")
        self.row[index[::-1]] = indices_of(table, "row")[::-1]
        self.label[index] = indices_of(table, "label_index")
        self.predicted[index], self.score[index] = first_predictions(table)
        labelled = np.asarray(array_of(table, "label").is_valid().to_numpy(zero_copy_only=False))
        self.unknown[index] = labelled & (self.label[index] == NONE)
        learn_names(table, self.names)
        errors = table.column("error")
        if errors.null_count < len(errors):
            self._fail(table, index)

    def _fail(self, table: pa.Table, index: NDArray[np.int64]) -> None:
        import numpy as np
        import pyarrow.compute as pc

        errors = array_of(table, "error")
        self.failed[index[np.asarray(errors.is_valid().to_numpy(zero_copy_only=False))]] = True
        # What is quoted is a name: the same cause of many pictures is counted once.
        whole = errors.drop_null()
        for cause, text in zip(
            pc.replace_substring_regex(whole, r"'[^']*'", "'…'").to_pylist(), whole.to_pylist(), strict=True
        ):
            self._causes[cause] += 1
            self._first.setdefault(cause, text)

    @property
    def causes(self) -> Counter[str]:
        """What failed, and for how many pictures; of one picture in its own words."""
        return Counter({self._first[cause] if count == 1 else cause: count for cause, count in self._causes.items()})

    @property
    def seen(self) -> NDArray[np.bool_]:
        """Which pictures have rows."""
        import numpy as np

        return np.asarray(self.row != NONE)

    @property
    def judged(self) -> NDArray[np.bool_]:
        """Which pictures have a label that the model knows, and a prediction."""
        import numpy as np

        return np.asarray((self.label != NONE) & (self.predicted != NONE))

    @property
    def own_class(self) -> NDArray[np.int32]:
        """The class that each picture is counted under: its label's, or else the predicted one."""
        import numpy as np

        return np.where(self.label != NONE, self.label, self.predicted)


class Figures:
    """Sums of figures by method and sample, and by class over all methods that are no baselines."""

    def __init__(self, figures: Mapping[str, str], baselines: Sequence[str], total: int) -> None:
        import numpy as np

        self.names, self.baselines, self._total = tuple(figures), frozenset(baselines), total
        self.methods: dict[str, int] = {}
        self.verdicts: Counter[tuple[str, str]] = Counter()
        self.maps: Counter[str] = Counter()
        self._samples = min(max(total, 1), SAMPLES)
        self.sums = np.zeros((0, len(figures), self._samples))
        self.counts = np.zeros((0, len(figures), self._samples), np.int64)
        self._by_class: dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]] = {}

    def add(self, table: pa.Table, own_class: NDArray[np.int32]) -> None:
        """Take rows; `own_class` is the class of every picture, by its index."""
        import numpy as np

        index, method = indices_of(table, "index"), codes_of(table, "method", self.methods)
        if not self.methods:
            return
        self._count(table, method)
        self._grow()
        sample = samples_of(index, self._total)
        ours = np.array([name not in self.baselines for name in self.methods])
        for place, name in enumerate(self.names):
            values = numbers_of(table, name)
            there = np.isfinite(values) & (method != NONE)
            self._add(place, method[there] * self._samples + sample[there], values[there])
            there &= ours[method]
            self._add_to_classes(name, own_class[index[there]], values[there])

    def _count(self, table: pa.Table, method: NDArray[np.int64]) -> None:
        import numpy as np

        verdicts: dict[str, int] = {}
        verdict = codes_of(table, "verdict", verdicts)
        there = (verdict != NONE) & (method != NONE)
        pairs, counts = np.unique(method[there] * len(verdicts) + verdict[there], return_counts=True)
        names, kinds = list(self.methods), list(verdicts)
        for pair, count in zip(pairs.tolist(), counts.tolist(), strict=True):
            self.verdicts[names[pair // len(kinds)], kinds[pair % len(kinds)]] += count
            self.maps[names[pair // len(kinds)]] += count

    def _grow(self) -> None:
        import numpy as np

        if missing := len(self.methods) - len(self.sums):
            shape = (missing, *self.sums.shape[1:])
            self.sums = np.concatenate([self.sums, np.zeros(shape)])
            self.counts = np.concatenate([self.counts, np.zeros(shape, np.int64)])

    def _add(self, place: int, cells: NDArray[np.int64], values: NDArray[np.float64]) -> None:
        import numpy as np

        size = len(self.methods) * self._samples
        self.sums[:, place] += np.bincount(cells, values, size).reshape(-1, self._samples)
        self.counts[:, place] += np.bincount(cells, minlength=size).reshape(-1, self._samples)

    def _add_to_classes(self, name: str, classes: NDArray[np.int32], values: NDArray[np.float64]) -> None:
        import numpy as np

        there = classes >= 0
        classes, values = classes[there], values[there]
        sums, counts = self._by_class.get(name, (np.zeros(0), np.zeros(0)))
        size = max(len(sums), int(classes.max(initial=-1)) + 1)
        self._by_class[name] = (
            np.pad(sums, (0, size - len(sums))) + np.bincount(classes, values, size),
            np.pad(counts, (0, size - len(counts))) + np.bincount(classes, minlength=size),
        )

    def of_class(self, name: str, index: int) -> float | None:
        """Return the mean of a figure over the pictures of a class; None if none was measured."""
        sums, counts = self._by_class.get(name, ((), ()))
        return float(sums[index] / counts[index]) if index < len(sums) and counts[index] else None
