"""Several models, pictures, layers, classes, smoothings and methods side by side: the maps of `camctl compare`."""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from camctl.errors import CamctlError, InputError, SpoiltModelError, as_value
from camctl.pipeline.best_layer import MOST_PICTURES, best_layer
from camctl.pipeline.cells import Ran, Run, lay_out, path_of
from camctl.pipeline.explain import cams, explanation
from camctl.pipeline.layer_selection import BEST, check_layers, layer_groups
from camctl.pipeline.load import loaded_of
from camctl.pipeline.method_selection import pick_methods, pick_metrics, usual_aggregate
from camctl.pipeline.metrics import Measured, Measuring, measure
from camctl.pipeline.passes import Clock, run_passes
from camctl.pipeline.regions import regions_of
from camctl.pipeline.request import Asked
from camctl.pipeline.sanity import Whole, undo
from camctl.pipeline.scene import set_scene
from camctl.pipeline.verification import verified
from camctl.values.comparison import Comparison, Spent
from camctl.values.explanation import is_index
from camctl.values.picture import read_picture
from camctl.values.request import DETECTED, NO_EVALUATION, AnyClasses, Classes, Evaluation, Family

if TYPE_CHECKING:
    from camctl.pipeline.layer_selection import Groups
    from camctl.pipeline.load import AnyModel
    from camctl.pipeline.passes import Key
    from camctl.pipeline.sanity import Undone
    from camctl.pipeline.scene import Scene
    from camctl.plugin import Aggregate, LoadedModel
    from camctl.values.explanation import Cam, Smoothing
    from camctl.values.picture import AnyPicture

    Progress = Callable[[str, int, int], None]

WHOLE_PICTURES = 8
"""With more pictures than this, each is kept at no more than `KEPT_SIDE` pixels a side, for memory's sake."""

KEPT_SIDE = 1600


@dataclass(frozen=True)
class PendingModel:
    """A model that is loaded when its turn comes, and let go after it."""

    name: str
    load: Callable[[], LoadedModel]


def compare(  # noqa: PLR0913
    models: AnyModel | PendingModel | Sequence[AnyModel | PendingModel],
    images: AnyPicture | Sequence[AnyPicture],
    *,
    methods: Sequence[str] = ("GradCAM",),
    method_options: Mapping[str, Any] | None = None,
    targets: AnyClasses = None,
    target_layers: Sequence[str] | str | None = None,
    smooth: Sequence[Smoothing] | Smoothing = ("none",),
    aggregate: Aggregate = "mean",
    evaluation: Evaluation = NO_EVALUATION,
    family: Family = DETECTED,
    progress: Progress | None = None,
) -> Comparison:
    """Explain pictures by every combination of what is given several of, and measure what each map is worth.

    A model and picture cost one forward pass and one backward pass a class, for all methods, layers and smoothings;
    `aug` and `both` share one more forward pass, of six views.

    Parameters
    ----------
    models: as `explain` takes them; a `PendingModel` or a text is loaded when its turn comes, one at a time.
    methods: names as in `camctl methods`, or `seed` (mmpretrain's six), `fast` (no further passes), `all`.
    targets: as in `explain`; every target is drawn by itself and, where classes to contrast it with are given, in
        contrast with them.
    target_layers: each is a map of its own; a pattern gives one a match, `A+B` one of both, `auto:N` N usable layers
        from shallow to deep, `best` the one of the best figure (the first of `evaluation.metrics`, else ADCC).
        None takes what the head reads, or the norm that feeds a class token's last attention.
    smooth: `none`, `eigen`, `aug`, `both`.
    evaluation: metrics, objects, baselines, verification and sanity.
    family: what is known of the models' family.
    progress: called as `progress(text, done, total)`.

    A model, picture, layer, class or method that fails costs its own cells, which say why; `Comparison.faults` has
    the errors. Raises `InputError` for what the user can mend, or where nothing could be drawn.
    """
    given = list(models) if isinstance(models, Sequence) and not isinstance(models, str) else [models]
    shown = list(images) if isinstance(images, (list, tuple)) else [images]
    layers = [target_layers] if isinstance(target_layers, str) else list(target_layers or ())
    check_layers(layers)
    classes, metrics = Classes.of(targets), evaluation.metrics
    regions = regions_of(evaluation.boxes, evaluation.masks)
    asked = Asked(
        methods=pick_methods(methods, method_options, baselines=evaluation.baselines),
        wanted=classes.names,
        topk=classes.topk,
        versus=classes.versus,
        strength=classes.strength,
        layers=tuple(dict.fromkeys(layers)),
        smoothings=(smooth,) if isinstance(smooth, str) else tuple(dict.fromkeys(smooth)),
        family=family,
        measuring=Measuring(
            metrics=pick_metrics(metrics, evaluation.options, region=bool(regions)),
            options=evaluation.options,
            regions=regions,
            several=len(given) > 1,
        ),
        aggregate=aggregate,
        options=dict(method_options or {}),
        several=len(given) > 1,
        verify=bool(metrics) if evaluation.verify is None else evaluation.verify,
        sanity=evaluation.sanity,
    )
    if not given or not shown or not asked.smoothings:
        message = "A comparison needs a model, a picture and a smoothing (none is one)."
        raise InputError(message, hint="See: camctl compare --help")
    asked.check_cells(len(given), len(shown))
    return lay_out(_Comparing(given, shown, asked, progress or (lambda _text, _done, _total: None)).run())


class _Comparing:
    """A comparison in the making."""

    def __init__(self, models: Sequence[Any], images: Sequence[Any], asked: Asked, progress: Progress) -> None:
        self.models, self.images, self.asked, self.progress = models, images, asked, progress
        self.ran = Ran(asked=asked, paths=[path_of(image) for image in images])
        self._steps = 0
        self._first: LoadedModel | None = None
        self._wholes: dict[int, Whole] = {}
        """Picture -> the maps of the model whose turn it is, for its sanity."""

    def run(self) -> Ran:
        """Load one model after the other, and show it every picture."""
        for m, model in enumerate(self.models):
            self.ran.names.append(_name_of(model))
            clock = Clock()
            try:
                with clock.timed("load"):
                    loaded = loaded_of(model.load() if isinstance(model, PendingModel) else model)
            except CamctlError as error:
                if len(self.models) == 1:
                    raise
                self.ran.runs |= {(i, m): as_value(error) for i in range(len(self.images))}
                self._steps += len(self.images)
                continue
            self.ran.names[m] = loaded.name
            self._note(clock, loaded.name, "")
            self._check_classes(loaded)
            for i in range(len(self.images)):
                self.progress(f"Running {loaded.name}", self._steps, len(self.models) * len(self.images))
                last = self.ran.runs.get((i - 1, m))  # a spoilt model draws no more maps
                self.ran.runs[i, m] = last if isinstance(last, SpoiltModelError) else self._before(i, m, loaded)
                self._steps += 1
            if self._wholes:
                self.ran.undone[m] = self._undone(loaded)
            if model is not loaded and not hasattr(model, "modules"):
                del loaded  # it was loaded for its turn
                gc.collect()  # hooks and modules hold on to each other in circles
        self.progress("Done", 1, 1)
        return self.ran

    def _undone(self, loaded: LoadedModel) -> Undone | CamctlError:
        """What is left of a model's maps once weights are drawn anew; where it is the one model, errors are raised."""
        clock = Clock()
        try:
            with clock.timed("sanity"):
                return undo(loaded, self._wholes, self.asked.manner, partial(self.progress, f"Redrawing {loaded.name}"))
        except CamctlError as error:
            if len(self.models) == 1:
                raise
            return as_value(error)
        finally:
            self._wholes = {}
            self._note(clock, loaded.name, "")

    def _check_classes(self, loaded: LoadedModel) -> None:
        """An index must mean one class to all models that know what their classes are called."""
        names = loaded.class_names
        if names is None:
            return
        if self._first is None:
            # The module itself is let go; its names stay.
            self._first = replace(loaded, module=None, forward=None, preprocess=None)  # type: ignore[arg-type]
        first = self._first.class_names or ()
        for index in (int(one) for one in (*self.asked.wanted, *self.asked.versus) if is_index(str(one))):
            known = 0 <= index < min(len(names), len(first))
            if len(names) == len(first) and (not known or _synonyms(names[index]) & _synonyms(first[index])):
                continue
            message = (
                f"The class lists of {self._first.name} and {loaded.name} differ: {index} is not one class to both."
            )
            raise InputError(message, hint="Give classes by name: --target-category NAME")

    def _before(self, i: int, m: int, loaded: LoadedModel) -> Run | CamctlError:
        """One model before one picture; where that is all there is, errors are raised."""
        clock = Clock()
        try:
            return self._shown(i, m, loaded, clock)
        except CamctlError as error:
            if len(self.models) == len(self.images) == 1:
                raise
            return as_value(error)
        finally:
            self._note(clock, loaded.name, self.ran.paths[i])

    def _shown(self, i: int, m: int, loaded: LoadedModel, clock: Clock) -> Run:
        asked = self.asked
        with clock.timed("prepare"):
            picture = read_picture(self.images[i])
            scene = set_scene(loaded, picture, asked.family)
        if m not in self.ran.groups:
            with clock.timed("layers"):
                self.ran.groups[m] = self._layers(scene)
        groups = [one for groups in self.ran.groups[m] for one in groups]
        passed = run_passes(scene, groups, asked.manner, asked.choose, clock)
        if asked.verify:
            passed = verified(scene, asked.manner, passed, clock)
        measured = Measured()
        if asked.measuring.metrics:
            with clock.timed("metrics", len(passed.maps)):
                steps = self._counting(f"Measuring {loaded.name}", len(passed.maps))
                measured = measure(scene, groups, asked.manner, passed, asked.measuring, steps)
        drawn = cams(scene, passed, groups, asked.manner)
        if len(self.images) > WHOLE_PICTURES:
            drawn = _on_small_picture(drawn)
        self.ran.pictures.setdefault(i, next((cam.picture for cam in drawn.values()), picture))
        if asked.sanity:
            self._wholes[i] = Whole(replace(scene, picture=self.ran.pictures[i]), groups, passed.targets, drawn)
        faults = {key: one for key, one in passed.maps.items() if isinstance(one, CamctlError)}
        return Run(
            explanation=explanation(scene, passed, drawn.values(), clock, groups),
            targets=passed.targets,
            maps={**drawn, **faults},
            figures=measured.figures,
            faults=measured.faults,
        )

    def _first_scenes(self, scene: Scene) -> list[Scene]:
        """The model before the first pictures, as far as they can be read."""
        scenes = [scene]
        for image in self.images[1:MOST_PICTURES]:
            with suppress(CamctlError):
                scenes.append(set_scene(scene.loaded, read_picture(image), self.asked.family))
        return scenes

    def _layers(self, scene: Scene) -> list[Groups]:
        asked = self.asked
        if self.asked.layers == (BEST,):
            return [[best_layer(self._first_scenes(scene), asked.manner, asked.choose, asked.measuring.metrics)]]
        found = layer_groups(scene, asked.layers, usual_aggregate(asked.methods, asked.aggregate))
        fault = next((one for groups in found for one in groups if isinstance(one, CamctlError)), None)
        if fault is not None and not asked.several:
            raise fault
        asked.check_cells(len(self.models), len(self.images), sum(map(len, found)))
        return found

    def _counting(self, text: str, total: int) -> Callable[[], None]:
        count = 0

        def step() -> None:
            nonlocal count
            count += 1
            self.progress(text, count, total)

        return step

    def _note(self, clock: Clock, model: str, image: str) -> None:
        self.ran.spent += [
            Spent(model=model, image=image, what=what, milliseconds=spent, count=clock.counts[what])
            for what, spent in clock.milliseconds.items()
        ]


def _synonyms(name: str) -> set[str]:
    return {part.strip().casefold() for part in name.split(",")}


def _name_of(model: Any) -> str:
    if isinstance(model, str):
        return model
    return str(getattr(model, "name", "")) or type(model).__name__


def _on_small_picture(drawn: Mapping[Key, Cam]) -> dict[Key, Cam]:
    """The same maps of one picture, on that picture scaled down to `KEPT_SIDE` a side."""
    if not drawn:
        return {}
    first = next(iter(drawn.values()))
    picture = first.picture.at_most(KEPT_SIDE)
    view = first.view.on(first.picture.size, picture.size)
    return {key: replace(cam, picture=picture, view=view) for key, cam in drawn.items()}
