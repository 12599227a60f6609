"""What is asked of every picture of a data set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from camctl.errors import InputError
from camctl.pipeline.manner import Manner
from camctl.pipeline.method_selection import pick_methods, pick_metrics, usual_aggregate
from camctl.pipeline.metrics import Measuring
from camctl.results import schema
from camctl.values.questions import Region
from camctl.values.reading import AS_FOUND, Reading
from camctl.values.request import DETECTED, NO_EVALUATION, Classes, Evaluation, Family

if TYPE_CHECKING:
    import pyarrow as pa

    from camctl.datasets import Data
    from camctl.engine.predictions import Predictions
    from camctl.plugin import Aggregate
    from camctl.values.cam import Smoothing
    from camctl.values.questions import Asked
    from camctl.values.request import Name
    from camctl.values.target import Target

LABEL = "label"
"""Name of the class that stands for each picture's own label."""


@dataclass(frozen=True, kw_only=True)
class DatasetRequest:
    """What is asked of every picture, in names: it is stored, and sent to other processes."""

    methods: tuple[str, ...]
    method_options: Mapping[str, Any] = field(default_factory=dict)
    classes: Classes = field(default_factory=Classes)
    layers: tuple[str, ...] = ()
    smooth: Smoothing = "none"
    aggregate: Aggregate = "mean"
    evaluation: Evaluation = NO_EVALUATION
    family: Family = DETECTED
    reading: Reading = AS_FOUND

    @property
    def by_label(self) -> bool:
        """Whether the pictures' own labels are asked for."""
        return any(map(_is_label, (*self.classes.names, *self.classes.versus)))

    def classes_named(self) -> list[Asked]:
        """Return the classes that are asked for of every picture."""
        return [name for name in self.classes.names if not _is_label(name)]

    @property
    def verifies(self) -> bool:
        """Whether the model is asked about its maps."""
        asked = self.evaluation.verify
        return bool(self.evaluation.metrics) if asked is None else asked

    def manner(self) -> Manner:
        """Return which maps are made, and how. Raises `InputError` for unknown names."""
        methods = pick_methods(self.methods, self.method_options, baselines=self.evaluation.baselines)
        return Manner(
            methods=methods,
            smoothings=(self.smooth,),
            aggregate=usual_aggregate(methods, self.aggregate),
            options=self.method_options,
        )

    def measuring(self, *, boxes: bool) -> Measuring:
        """Return the metrics; `boxes`: whether the data set knows where objects are. Raises `InputError`."""
        try:
            metrics = pick_metrics(self.evaluation.metrics, self.evaluation.options, region=boxes)
        except InputError as error:
            if boxes or "where the object is" not in error.message:
                raise
            hint = "Give a list whose columns x0, y0, x1 and y1 are its box in pixels of each picture."
            raise InputError(error.message, hint=hint) from None
        return Measuring(metrics=metrics, options=self.evaluation.options, several=True)

    def better(self, data: Data) -> dict[str, str]:
        """Return for each metric whether higher or lower figures are better."""
        metrics = self.measuring(boxes=data.has_boxes).metrics
        return {metric.found.name: metric.plugin.better for metric in metrics}

    def schema(self, data: Data) -> pa.Schema:
        """Return the columns of the results."""
        return schema(self.better(data), data.columns)

    def choose(self, predictions: Predictions, label: Name | None = None) -> Sequence[Target]:
        """Return the targets of one picture; its label takes the place of the name `label`. Raises `InputError`."""
        from camctl.engine.predictions import choose

        if label is None:
            return choose(predictions, self.classes)

        def own(name: Asked) -> Any:
            if _is_label(name):
                return replace(name, name=label) if isinstance(name, Region) else label
            return name

        names, versus = tuple(map(own, self.classes.names)), tuple(map(own, self.classes.versus))
        return choose(predictions, replace(self.classes, names=names, versus=versus))

    def to_dict(self) -> dict[str, Any]:
        """Return the request as it is stored: a run is continued by the same one alone."""
        evaluation = self.evaluation
        return {
            "methods": list(self.methods),
            "method_options": dict(self.method_options),
            "classes": self.classes.to_dict(),
            "layers": list(self.layers),
            "smooth": self.smooth,
            "aggregate": self.aggregate,
            "metrics": list(evaluation.metrics) if not isinstance(evaluation.metrics, str) else [evaluation.metrics],
            "metric_options": dict(evaluation.options),
            "baselines": evaluation.baselines,
            "verify": self.verifies,
            "family": asdict(self.family),
            "reading": asdict(self.reading),
        }


def _is_label(name: Asked) -> bool:
    own = name.name if isinstance(name, Region) else name
    return isinstance(own, str) and own.casefold() == LABEL
