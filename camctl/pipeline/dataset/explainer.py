"""One model and a data set: batches of prepared pictures in, rows out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from itertools import chain, islice
from typing import TYPE_CHECKING

from camctl.errors import CamctlError, Hint, InputError, SpoiltModelError, one_line, out_of_memory
from camctl.pipeline.batching import why_alone
from camctl.pipeline.dataset.pictures import Batch, Pictures
from camctl.pipeline.dataset.rows import Explained, Rows
from camctl.pipeline.layer_selection import BEST, MOST_PICTURES, best_layer, fused_layers
from camctl.pipeline.manner import Clock
from camctl.pipeline.metrics import measure
from camctl.pipeline.passes import run_batch
from camctl.pipeline.plan import plan_of
from camctl.pipeline.refusals import able_methods, left_out, named_methods
from camctl.pipeline.run import verified
from camctl.pipeline.scene import Scene, scene_of
from camctl.values.picture import Picture
from camctl.workers import cores

if TYPE_CHECKING:
    import pyarrow as pa

    from camctl.datasets import Data
    from camctl.engine.predictions import Predictions
    from camctl.pipeline.dataset.request import DatasetRequest
    from camctl.pipeline.manner import Choice
    from camctl.pipeline.plan import Plan
    from camctl.pipeline.scene import LayerGroup
    from camctl.plugin import LoadedModel
    from camctl.values.regions import AnyRegion
    from camctl.values.request import ClassName, Name
    from camctl.values.target import Target

ON_CPU, ON_GPU = 16, 256
"""Number of pictures that go through the model together, if nobody says how many; halved where memory ends."""

MOST_WORKERS = 16
"""Largest number of processes that read pictures if nobody says how many."""

TOO_LARGE = "The picture is too large for the memory:"


class Explainer:
    """Explains the pictures of a data set with one model, which is shown the first of them.

    `group` are layers that were chosen before; by default they are chosen here.

    Raises `InputError`: no picture can be read, or the model cannot be asked for this.
    """

    def __init__(
        self,
        loaded: LoadedModel,
        data: Data,
        request: DatasetRequest,
        *,
        group: LayerGroup | None = None,
        batch_size: int | None,
        workers: int | None,
    ) -> None:
        from camctl.engine.model_state import untouched

        self.request, self.data = request, data
        self.plan: Plan = plan_of(loaded, request.family)
        self.pictures = Pictures(data, loaded, self.plan.meter, request.reading)
        manner, self.measuring = request.manner(), request.measuring(boxes=data.has_boxes)
        able, refused = able_methods(manner.methods, self.plan, named_methods(request.methods, manner.methods))
        self.manner = replace(manner, methods=able)
        scenes = list(islice(self._scenes(), MOST_PICTURES if request.layers == (BEST,) and group is None else 1))
        with untouched(self.plan.table):  # a forward pass in training mode draws random numbers and moves statistics
            logits = self.plan.forward(scenes[0].inputs).detach()
        self.predictions: Predictions = self.plan.predictions(logits, [scenes[0].place])[0]
        for name in request.classes_named():
            self.predictions.check(name)  # a mistake in the words is told at once, and not picture by picture
        self.labels = self._labels()
        self._absent: dict[int, str] = {}
        """Picture -> why it has nothing to explain."""
        self.notes: list[str] = [*data.notes, *self._label_notes(), *left_out(refused)]
        """What is told about the run, a sentence each."""
        self.group = group or self._layers(scenes)
        cuda = scenes[0].inputs.is_cuda
        self.batch_size = batch_size or (ON_GPU if cuda else ON_CPU)
        self.usual_size = scenes[0].inputs.numel()
        if self.batch_size > 1 and (note := why_alone(self.plan, scenes[0])):
            self.batch_size = 1
            self.notes.append(note)
        self.workers = _workers(cuda=cuda) if workers is None else workers

    def rows(self) -> Rows:
        """Return what makes rows of what is explained."""
        return Rows(
            data=self.data,
            schema=self.request.schema(self.data),
            metrics=self.request.better(self.data),
            group=self.group,
            smoothing=self.request.smooth,
            label_index=self.labels.get,
        )

    def __call__(self, indices: Sequence[int]) -> Iterator[pa.Table]:
        """Yield the rows of these pictures, in their order.

        The rows of one batch are made while the model runs the next one.
        """
        from camctl.engine.model_state import untouched

        table = self.rows().table
        with untouched(self.plan.table), ThreadPoolExecutor(1) as pool:
            pending: Future[pa.Table] | None = None
            for chunk in self.pictures.chunks(indices, self.batch_size, self.workers):
                explained = [Explained(index=index, error=fault) for index, fault in chunk.faults.items()]
                for batch in chunk.batches:
                    explained += self._explained(batch)
                following = pool.submit(table, sorted(explained, key=lambda picture: picture.index))
                if pending is not None:
                    yield pending.result()
                pending = following
            if pending is not None:
                yield pending.result()

    # ------------------------------------------------------------------------------------ before the first batch

    def _scenes(self) -> Iterator[Scene]:
        """Yield the pictures that can be read, in their order. Raises `InputError` if there is none."""
        fault: CamctlError | None = None
        none = True
        for index in range(len(self.data)):
            try:
                yield scene_of(self.plan, self.pictures.picture(index))
                none = False
            except CamctlError as error:
                fault = fault or error
        if none:
            why = f": {fault.message}" if fault else "."
            raise InputError(f"No picture of {self.data.name} can be read{why}", hint=fault.hint if fault else "")

    def _layers(self, scenes: Sequence[Scene]) -> LayerGroup:
        if self.request.layers == (BEST,):
            group = best_layer(scenes, self.manner, self._choice(0), self.measuring.metrics)
            self.notes.append(group.note)
            return group
        from camctl.engine.unanswerable import AbsentError

        absent: CamctlError | None = None
        for scene in chain(scenes, self._scenes()):  # the first may lack what is asked for
            try:
                return fused_layers(scene, self.request.layers, self.manner.aggregate)
            except AbsentError as error:
                absent = error
        assert absent is not None  # noqa: S101 - there is a first scene
        raise absent

    def _labels(self) -> dict[str, int]:
        """Return the index of each label that is a class of the model. Raises `InputError` if all are needed."""
        import pyarrow.compute as pc

        labels = pc.unique(self.data.rows.column("label")).drop_null().to_pylist()
        known: dict[str, int] = {}
        for label in labels:
            try:
                known[label] = self.predictions.index_of(label)
            except CamctlError:
                continue
        if self.request.by_label and not known:
            if not labels:
                message = f"The labels of {self.data.name} are asked for, and it has none."
                hint = "Put the pictures of each class into a folder of its name, or give a list with a column 'label'."
                raise InputError(message, hint=hint)
            message = f"No label of {self.data.name} is a class of the model: {_few(labels)}."
            raise InputError(message, hint=Hint("Give the model's classes the names of the labels", labels="FILE"))
        return known

    def _label_notes(self) -> Iterator[str]:
        import pyarrow.compute as pc

        if self.plan.output.kind in {"values", "embedding"}:
            return  # it has no classes
        labels = pc.unique(self.data.rows.column("label")).drop_null().to_pylist()
        if unknown := [label for label in labels if label not in self.labels]:
            yield f"{len(unknown)} of {len(labels)} labels are no class of the model: {_few(unknown)}."

    def _choice(self, index: int) -> Choice:
        """Return what chooses the targets of one picture; that it lacks what is asked for is no error."""
        if not self.request.by_label:
            return partial(self._chosen, index)
        label = self.data.entries[index].label
        if label is None:
            return _refusing(InputError("It has no label, and its label is asked for."))
        known = self.labels.get(label)
        return partial(self._chosen, index, label=label if known is None else known)

    def _chosen(
        self, index: int, predictions: Predictions, label: Name | None = None
    ) -> Sequence[Target | CamctlError]:
        from camctl.engine.unanswerable import AbsentError

        try:
            return self.request.choose(predictions, label)
        except AbsentError as error:
            self._absent[index] = f"{error.message.partition(':')[0].rstrip('.')}."
            return ()

    # ------------------------------------------------------------------------------------ a batch

    def _explained(self, batch: Batch) -> list[Explained]:
        """Explain a batch; one that fails is run picture by picture, one that is too large for the memory in halves."""
        from camctl.engine.memory import empty_cache

        if len(batch.pictures) > self.batch_size:
            return [one for part in _parts(batch, self.batch_size) for one in self._explained(part)]
        try:
            return self._together(batch)
        except SpoiltModelError:
            raise
        except CamctlError as error:
            if len(batch.pictures) == 1:
                (picture,) = batch.pictures
                return [Explained(index=picture.index, about=picture, error=error.message)]
            return [one for part in _parts(batch, 1) for one in self._explained(part)]
        except Exception as error:
            if not out_of_memory(error):
                raise
            if len(batch.pictures) == 1:
                if batch.inputs.numel() <= self.usual_size:
                    raise  # others of its size fit: something else fills the memory now
                (picture,) = batch.pictures
                return [Explained(index=picture.index, about=picture, error=f"{TOO_LARGE} {one_line(error)}")]
            self.batch_size = len(batch.pictures) // 2
        empty_cache()
        return self._explained(batch)

    def _together(self, batch: Batch) -> list[Explained]:
        from camctl.engine.view import beside

        inputs = beside(batch.inputs, self.plan.table.parameters)
        scenes = [
            Scene(plan=self.plan, picture=Picture.blank("", about.size), inputs=part, view=about.view)
            for about, part in zip(batch.pictures, inputs.split(1), strict=True)
        ]
        choices = [self._choice(about.index) for about in batch.pictures]
        outcomes = run_batch(scenes, [self.group], self.manner, choices, Clock())
        explained = []
        for about, scene, outcome in zip(batch.pictures, scenes, outcomes, strict=True):
            if isinstance(outcome, CamctlError):
                explained.append(Explained(index=about.index, about=about, error=outcome.message))
            else:
                explained.append(self._measured(scene, Explained(index=about.index, about=about, passed=outcome)))
        return explained

    def _measured(self, scene: Scene, explained: Explained) -> Explained:
        """Verify and measure the maps of a picture, if that is asked for."""
        passed = explained.passed
        assert passed is not None  # noqa: S101 - it was just made
        if not passed.targets:
            return replace(explained, remark=self._absent.pop(explained.index, ""))
        try:
            if self.request.verifies:
                passed = verified(scene, self.manner, passed, Clock())
            if not self.measuring.metrics:
                return replace(explained, passed=passed)
            box = self.data.entries[explained.index].box
            regions: dict[ClassName, AnyRegion] = {} if box is None else {None: (box[0], box[1], box[2], box[3])}
            measuring = replace(self.measuring, regions=regions)
            figures, faults = measure(scene, [self.group], self.manner, passed, measuring)
        except CamctlError as error:
            return replace(explained, error=error.message)
        self.notes += [text for fault in faults if (text := fault.message) not in self.notes]
        return replace(explained, passed=passed, figures=figures)


def _parts(batch: Batch, size: int) -> Iterator[Batch]:
    for start in range(0, len(batch.pictures), size):
        yield Batch(batch.pictures[start : start + size], batch.inputs[start : start + size])


def _refusing(error: CamctlError) -> Choice:
    def refuse(_predictions: Predictions) -> Sequence[Target | CamctlError]:
        raise error

    return refuse


def _few(names: Sequence[str]) -> str:
    """Return the first names of many."""
    shown = ", ".join(f"'{name}'" for name in names[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more"  # noqa: PLR2004


def _workers(*, cuda: bool) -> int:
    """Return how many processes read pictures: all cores feed a GPU, one is enough beside a model on them."""
    return min(cores(), MOST_WORKERS) if cuda else 1
