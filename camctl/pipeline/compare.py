"""Several models, pictures, layers, classes, smoothings and methods side by side: the maps of `camctl compare`."""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any, TypeVar

from camctl.errors import CamctlError, Hint, InputError, SpoiltModelError, as_value
from camctl.pipeline.batching import Together, drawn_together, why_alone
from camctl.pipeline.cells import Runs, path_of
from camctl.pipeline.layer_selection import BEST, MOST_PICTURES, best_layer, check_layers, layer_groups
from camctl.pipeline.load import loaded_of
from camctl.pipeline.manner import Clock, Manner
from camctl.pipeline.method_selection import pick_methods, pick_metrics, usual_aggregate
from camctl.pipeline.metrics import Measuring, regions_of
from camctl.pipeline.pairs import both_ways
from camctl.pipeline.passes import run_passes
from camctl.pipeline.plan import plan_of
from camctl.pipeline.refusals import able_methods
from camctl.pipeline.request import Request
from camctl.pipeline.run import Run, finish
from camctl.pipeline.sanity import Whole, randomised
from camctl.pipeline.scene import scene_of
from camctl.pipeline.watching import watcher
from camctl.values.cam import Cam
from camctl.values.comparison import Comparison, Spent
from camctl.values.picture import read_picture
from camctl.values.reading import AS_FOUND, Reading
from camctl.values.request import DETECTED, NO_EVALUATION, AnyClasses, Classes, Evaluation, Family, is_index

if TYPE_CHECKING:
    from camctl.pipeline.layer_selection import Groups
    from camctl.pipeline.load import AnyModel
    from camctl.pipeline.plan import Plan
    from camctl.pipeline.sanity import Randomised
    from camctl.pipeline.scene import LayerGroup, Scene
    from camctl.plugin import Aggregate, LoadedModel
    from camctl.values.cam import Smoothing
    from camctl.values.picture import AnyPicture
    from camctl.values.questions import Likeness

    Progress = Callable[[str, int, int], None]

Result = TypeVar("Result")

WHOLE_PICTURES = 8
"""With more pictures than this, maps keep each scaled down to `KEPT_SIDE` pixels, to save memory."""

KEPT_SIDE = 1600

FEWEST, TOGETHER = 4, 8
"""Number of pictures from which on they are drawn in batches, and of a batch: it takes three passes to know whether the
model can."""


@dataclass(frozen=True)
class PendingModel:
    """A model that is loaded when its turn comes, and released after it."""

    name: str
    load: Callable[[], LoadedModel]


def compare(  # noqa: PLR0913
    models: AnyModel | PendingModel | Sequence[AnyModel | PendingModel],
    images: AnyPicture | Sequence[AnyPicture],
    *,
    methods: Sequence[str] | str = ("GradCAM",),
    method_options: Mapping[str, Any] | None = None,
    targets: AnyClasses = None,
    target_layers: Sequence[str] | str | None = None,
    smooth: Sequence[Smoothing] | Smoothing = ("none",),
    aggregate: Aggregate = "mean",
    evaluation: Evaluation = NO_EVALUATION,
    family: Family = DETECTED,
    reading: Reading = AS_FOUND,
    progress: Progress | None = None,
) -> Comparison:
    """Explain pictures by every combination of what there are several of, and measure each map.

    A model and picture cost one forward pass and one backward pass per target, for all methods, layers and smoothings;
    `aug` and `both` share one more forward pass, of six views. A model, picture, layer, class or method that fails
    costs its own cells, which say why; `Comparison.faults` has the errors.

    Parameters
    ----------
    models
        As `explain` takes them; a `PendingModel` or a text is loaded when its turn comes, one at a time.
    images
        Pictures as `explain` takes them.
    methods
        Names as in `camctl methods`, or `seed` (mmpretrain's six), `fast` (no further passes), `all`.
    method_options
        Options of the methods that have options of these names.
    targets
        As `explain` takes them; None takes the best class of every model and picture. The likeness of a pair is drawn
        both ways: pictures are those of all pairs. With classes to contrast with,
        every target is drawn alone and in contrast with them.
    target_layers
        Each asks for a map of its own; a pattern for one per match, `A+B` for one of both, `auto:N` for N usable layers
        from shallow to deep, `best` for the one of the best figure (the first metric, else ADCC). None takes what the
        head reads, or the norm that feeds a class token's last attention.
    smooth
        One or several of `none`, `eigen`, `aug` and `both`.
    aggregate
        How the layers of one map are fused, as in `explain`.
    evaluation
        Metrics, objects, baselines, verification and sanity.
    family
        What is known about the models' family.
    reading
        How the numbers of pictures are read.
    progress
        Called as `progress(text, done, total)`; without it a notebook shows a bar.

    Returns
    -------
    Comparison
        A cell for every combination.

    Raises
    ------
    InputError
        Something that the user can mend, or nothing was drawn.

    Examples
    --------
    >>> import camctl
    >>> from camctl.demo.scenes import render, scene
    >>> pixels = render(scene(11, classes=["cat"]), 128)
    >>> comparison = camctl.compare("demo:resnet", pixels, methods=["GradCAM", "LayerCAM"], targets="cat")
    >>> comparison.axis("method").labels
    ('GradCAM', 'LayerCAM')
    >>> comparison.cell({"method": "LayerCAM"}).cam.verdict
    'ok'
    """
    pending = list(models) if isinstance(models, Sequence) and not isinstance(models, str) else [models]
    pictures = list(images) if isinstance(images, (list, tuple)) else [images]
    layers = (target_layers,) if isinstance(target_layers, str) else tuple(dict.fromkeys(target_layers or ()))
    check_layers(layers)
    manner = Manner(
        methods=pick_methods(methods, method_options, baselines=evaluation.baselines),
        smoothings=(smooth,) if isinstance(smooth, str) else tuple(dict.fromkeys(smooth)),
        aggregate=aggregate,
        options=dict(method_options or {}),
    )
    regions = regions_of(evaluation.boxes, evaluation.masks)
    metrics = pick_metrics(evaluation.metrics, evaluation.options, region=bool(regions))
    measuring = Measuring(metrics=metrics, options=evaluation.options, regions=regions, several=len(pending) > 1)
    classes = Classes.of(targets)
    if classes.threshold is not None:
        message = "A threshold passes other classes for each picture, and a comparison has the same for all."
        raise InputError(message, hint="Name the classes, or give the number of the best.")
    questions: list[Likeness] = []
    if not regions:  # which lie on the given picture alone
        pictures, questions = both_ways(pictures, classes.names)
        classes = replace(classes, names=questions[:1]) if questions else classes
    request = Request(
        classes=classes,
        manner=manner,
        layers=layers,
        measuring=measuring,
        verify=bool(evaluation.metrics) if evaluation.verify is None else evaluation.verify,
        sanity=evaluation.sanity,
    )
    if not pending or not pictures or not manner.smoothings:
        message = "A comparison needs at least one model, one picture and one smoothing ('none' counts as one)."
        raise InputError(message)
    request.check_cells(len(pending), len(pictures))
    return _Comparing(
        pending, pictures, request, family, watcher(progress) or (lambda _text, _done, _total: None), reading, questions
    ).comparison()


class _Comparing:
    """A comparison in the making."""

    def __init__(
        self,
        models: Sequence[Any],
        images: Sequence[Any],
        request: Request,
        family: Family,
        progress: Progress,
        reading: Reading,
        questions: Sequence[Likeness],
    ) -> None:
        self.reading = reading
        self._questions = questions
        """What each picture is asked, if that differs."""
        self.models, self.images, self.request, self.family, self.progress = models, images, request, family, progress
        self.result = Runs(request=request, paths=[path_of(image) for image in images])
        self._first: tuple[str, tuple[str, ...]] | None = None
        """Name and class names of the first model that knows them."""
        self._wholes: dict[int, Whole] = {}
        """Picture -> the maps of the model whose turn it is, for its sanity."""
        self._alone: dict[int, bool] = {}
        """Model -> whether its scores depend on the other pictures of a batch."""

    def comparison(self) -> Comparison:
        """Load one model after the other, and show it every picture."""
        for m, model in enumerate(self.models):
            self._model(m, model)
            if isinstance(model, (str, PendingModel)):
                gc.collect()  # it was loaded for its turn; hooks and modules refer to each other in circles
        self.progress("Done", 1, 1)
        return self.result.comparison()

    def _model(self, m: int, model: Any) -> None:
        images = range(len(self.images))
        name = model if isinstance(model, str) else getattr(model, "name", "")
        self.result.names.append(name or type(model).__name__)
        clock = Clock()
        try:
            with clock.timed("load"):
                loaded = loaded_of(model.load() if isinstance(model, PendingModel) else model)
                plan = plan_of(loaded, self.family)
            able_methods(self.request.manner.methods, plan, set())
        except CamctlError as error:
            if len(self.models) == 1:
                raise
            self.result.runs |= {(i, m): as_value(error) for i in images}
            return
        self.result.names[m] = loaded.name
        self._note(clock, loaded.name, "")
        self._check_classes(loaded)
        drawn: dict[int, Together | SpoiltModelError] = {}
        for i in images:
            self.progress(f"Running {loaded.name}", m * len(images) + i, len(self.models) * len(images))
            if i % TOGETHER == 0:
                drawn = self._drawn(range(i, min(i + TOGETHER, len(images))), m, plan)
            before = self.result.runs.get((i - 1, m))
            # A spoilt model's weights are not those that were loaded.
            if isinstance(before, SpoiltModelError):
                self.result.runs[i, m] = before
            else:
                work, alone = partial(self._run, i, m, plan, drawn.get(i)), len(self.models) == len(self.images) == 1
                self.result.runs[i, m] = self._tried(work, loaded.name, self.result.paths[i], alone=alone)
        if self._wholes:
            redraw = partial(self._randomised, plan)
            self.result.randomised[m] = self._tried(redraw, loaded.name, "", alone=len(self.models) == 1)
            self._wholes = {}

    def _tried(self, work: Callable[[Clock], Result], model: str, image: str, *, alone: bool) -> Result | CamctlError:
        """Return what a work makes, or its error; errors of what stands alone are raised."""
        clock = Clock()
        try:
            return work(clock)
        except CamctlError as error:
            if alone:
                raise
            return as_value(error)
        finally:
            self._note(clock, model, image)

    def _randomised(self, plan: Plan, clock: Clock) -> Randomised:
        with clock.timed("sanity"):
            progress = partial(self.progress, f"Redrawing {plan.loaded.name}")
            return randomised(plan, self._wholes, self.request.manner, progress)

    def _check_classes(self, loaded: LoadedModel) -> None:
        """Raise `InputError` for an index that means different classes to models that know their classes' names."""
        names = loaded.class_names
        if names is None:
            return
        self._first = self._first or (loaded.name, names)
        first, known = self._first
        classes = self.request.classes
        for index in (int(str(name)) for name in (*classes.names, *classes.versus) if is_index(str(name))):
            there = 0 <= index < min(len(names), len(known))
            if len(names) == len(known) and (not there or _synonyms(names[index]) & _synonyms(known[index])):
                continue
            message = f"The class lists of {first} and {loaded.name} differ: {index} is not one class to both."
            raise InputError(message, hint=Hint("Give classes by name", target_category="NAME"))

    def _drawn(self, images: Sequence[int], m: int, plan: Plan) -> dict[int, Together | SpoiltModelError]:
        """Draw the maps of pictures in one batch, where the model can; those that fail are left to their own runs."""
        if self._questions or len(self.images) < FEWEST or len(images) == 1 or self._alone.get(m):
            return {}
        clock = Clock()
        scenes: dict[int, Scene] = {}
        with clock.timed("prepare", len(images)):
            for i in images:
                with suppress(CamctlError):
                    scenes[i] = scene_of(plan, read_picture(self.images[i], self.reading))
        try:
            groups = self._groups(next(iter(scenes.values())), m, clock) if scenes else []
            if m not in self._alone:
                self._alone[m] = bool(scenes) and bool(why_alone(plan, next(iter(scenes.values()))))
        except CamctlError:
            return {}
        if self._alone[m]:
            return {}
        return drawn_together(scenes, groups, self.request.manner, self.request.choose, clock)

    def _groups(self, scene: Scene, m: int, clock: Clock) -> list[LayerGroup | CamctlError]:
        """Return the layers of each map of a model, which its first picture shows."""
        if m not in self.result.groups:
            with clock.timed("layers"):
                self.result.groups[m] = self._layers(scene)
        return [group for groups in self.result.groups[m] for group in groups]

    def _run(self, i: int, m: int, plan: Plan, drawn: Together | SpoiltModelError | None, clock: Clock) -> Run:
        request, done = self.request, count(1)
        if isinstance(drawn, SpoiltModelError):
            raise drawn
        if drawn is None:
            with clock.timed("prepare"):
                scene = scene_of(plan, read_picture(self.images[i], self.reading))
            groups = self._groups(scene, m, clock)
            runs = len(self.models) * len(self.images)
            at = m * len(self.images) + i
            passed = run_passes(
                scene,
                groups,
                request.manner,
                request.asking(self._questions[i]).choose if self._questions else request.choose,
                clock,
                lambda text, done, total: self.progress(
                    f"Running {plan.loaded.name}: {text}", *((done, total) if runs == 1 else (at, runs))
                ),
            )
        else:
            scene, passed = drawn.scene, drawn.passed
            clock.include(drawn.clock)
            groups = self._groups(scene, m, clock)
        outcome = finish(
            scene,
            groups,
            request.manner,
            passed,
            clock,
            verify=request.verify,
            measuring=request.measuring,
            side=KEPT_SIDE if len(self.images) > WHOLE_PICTURES else None,
            step=lambda total: self.progress(f"Measuring {plan.loaded.name}", next(done), total),
        )
        picture = next((cam.picture for cam in outcome.explanation.maps), scene.picture)
        self.result.pictures.setdefault(i, picture)
        if request.sanity:
            light = replace(scene, picture=self.result.pictures[i])
            cams = {key: cam for key, cam in outcome.maps.items() if isinstance(cam, Cam)}
            self._wholes[i] = Whole(light, groups, outcome.targets, cams)
        return outcome

    def _layers(self, scene: Scene) -> list[Groups]:
        request = self.request
        if request.layers == (BEST,):
            scenes = [scene]
            for image in self.images[1:MOST_PICTURES]:
                with suppress(CamctlError):
                    scenes.append(scene_of(scene.plan, read_picture(image, self.reading)))
            return [[best_layer(scenes, request.manner, request.choose, request.measuring.metrics)]]
        groups = layer_groups(scene, request.layers, usual_aggregate(request.manner.methods, request.manner.aggregate))
        fault = next((group for part in groups for group in part if isinstance(group, CamctlError)), None)
        if fault is not None and not request.measuring.several:
            raise fault
        request.check_cells(len(self.models), len(self.images), sum(map(len, groups)))
        return groups

    def _note(self, clock: Clock, model: str, image: str) -> None:
        self.result.spent += [
            Spent(model=model, image=image, what=what, milliseconds=spent, count=clock.counts[what])
            for what, spent in clock.milliseconds.items()
        ]


def _synonyms(name: str) -> set[str]:
    return {part.strip().casefold() for part in name.split(",")}
