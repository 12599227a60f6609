"""One forward pass and one truncated backward pass per target yield every method, layer and smoothing of a batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import product
from time import perf_counter
from typing import TYPE_CHECKING, Any

from camctl.errors import CamctlError, Hint, InputError, SpoiltModelError, as_value
from camctl.pipeline.costs import Cost, counted
from camctl.pipeline.method_selection import AUTO, FURTHER, black_box_method, usual_method
from camctl.pipeline.refusals import refusal

if TYPE_CHECKING:
    from torch import Tensor

    from camctl.engine.cam import Drawn, Maps
    from camctl.engine.capture import Recorder
    from camctl.engine.predictions import Predictions
    from camctl.pipeline.plan import Plan
    from camctl.pipeline.scene import LayerGroup, Scene
    from camctl.plugin import Aggregate, Capture, Method, Question
    from camctl.values.cam import Smoothing
    from camctl.values.target import Target

    Choice = Callable[[Predictions], Sequence[Target | CamctlError]]
    """From a picture's predictions the targets to explain; an error stands for one that cannot be."""
    Step = Callable[[str, int, int], None] | None
    """Called with what is being drawn, maps done and all of them."""
    Key = tuple[int, int, int, int]
    """Indices of target, layer group, smoothing and method."""
    GroupKey = tuple[int, int, int]
    """The same without the target."""

MEASURED = "{} measures best if a class token alone is read, and is the default then; for GradCAM"

AUGMENTED: tuple[Smoothing, ...] = ("aug", "both")
EIGEN: tuple[Smoothing, ...] = ("eigen", "both")

PLANES = 4
"""Number of dimensions of a convolutional layer's output."""

UNEVEN = 1e-3
"""Largest deviation of a channel's gradient over the grid that is rounding, as a share of the layer's largest."""


@dataclass(frozen=True, kw_only=True)
class Manner:
    """Which maps of a scene are made, and how."""

    methods: Sequence[Method]
    smoothings: Sequence[Smoothing] = ("none",)
    aggregate: Aggregate = "mean"
    options: Mapping[str, Any] = field(default_factory=dict)


class Clock:
    """Milliseconds and counts by kind of work."""

    def __init__(self) -> None:
        self.milliseconds: dict[str, float] = {}
        self.counts: dict[str, int] = {}

    def add(self, what: str, milliseconds: float, count: int = 1) -> None:
        """Add time spent."""
        self.milliseconds[what] = self.milliseconds.get(what, 0.0) + milliseconds
        self.counts[what] = self.counts.get(what, 0) + count

    def include(self, other: Clock) -> None:
        """Add what another clock has recorded."""
        for what, milliseconds in other.milliseconds.items():
            self.add(what, milliseconds, other.counts[what])

    @contextmanager
    def timed(self, what: str, count: int = 1) -> Iterator[None]:
        """Add the time that a block takes."""
        start = perf_counter()
        try:
            yield
        finally:
            self.add(what, (perf_counter() - start) * 1e3, count)


@dataclass(frozen=True)
class Passed:
    """What the passes yield: the picture's predictions, and each map or the error that stands for it."""

    predictions: Predictions
    targets: tuple[Target | CamctlError, ...]
    maps: Mapping[Key, Drawn | CamctlError]
    notes: tuple[str, ...] = ()
    """The method that `auto` stands for, if it is not the one that people expect, and which run of a layer it took."""

    def drawn(self) -> Iterator[tuple[Key, Drawn, Target]]:
        """Yield the maps that were drawn, with their targets."""
        for key, drawn in self.maps.items():
            target = self.targets[key[0]]
            if not isinstance(drawn, CamctlError) and not isinstance(target, CamctlError):
                yield key, drawn, target


def run_passes(
    scene: Scene,
    groups: Sequence[LayerGroup | CamctlError],
    manner: Manner,
    choose: Choice,
    clock: Clock,
    step: Step = None,
) -> Passed:
    """Draw everything that is asked of a scene: a batch of one picture. Raises what stands for it in `run_batch`."""
    (passed,) = run_batch([scene], groups, manner, [choose], clock, step)
    if isinstance(passed, CamctlError):
        raise passed
    return passed


def run_batch(
    scenes: Sequence[Scene],
    groups: Sequence[LayerGroup | CamctlError],
    manner: Manner,
    choices: Sequence[Choice],
    clock: Clock,
    step: Step = None,
) -> list[Passed | CamctlError]:
    """Draw everything that is asked of the scenes of one model, whose inputs have one size, in one batch.

    A layer, class or method that fails costs its own maps alone, and a picture whose targets cannot be found (an error
    stands for it then) itself alone. The clock records `forward`, `backward` (each with ` (aug)` for the six views)
    and `methods`. `step` is called with a text, maps done and all of them.

    Raises `InputError`: the model fails.
    """
    import torch

    from camctl.engine.capture import Recorder
    from camctl.engine.maps import FACTORS, PLAIN, augment

    plan = scenes[0].plan
    sound = [group for group in groups if not isinstance(group, CamctlError)]
    names = tuple(dict.fromkeys(name for group in sound for method in manner.methods for name in group.of(method)))
    gradients = not plan.loaded.opaque and any("gradients" in method.needs for method in manner.methods)
    inputs = scenes[0].inputs if len(scenes) == 1 else torch.cat([scene.inputs for scene in scenes])
    asked: list[_Asked] = []
    outlines: dict[Key, Maps | CamctlError] = {}
    runs: dict[str, str] = {}
    # The plain view comes first: it decides on the class for all six views of the second pass.
    for augmented in sorted({smoothing in AUGMENTED for smoothing in manner.smoothings}):
        views = 2 * len(FACTORS) if augmented else 1
        with Recorder(plan.table, names, plan.hints, gradients=gradients, views=views) as recorder:
            logits = recorder.forward(augment(inputs) if augmented else inputs, plan.forward, keep_faults=True)
            if not asked:
                plain = logits.detach().unflatten(0, (-1, views))[:, PLAIN if augmented else 0]
                places = [scene.place for scene in scenes]
                asked = [
                    _Asked.of(predictions, choose)
                    for predictions, choose in zip(plan.predictions(plain, places), choices, strict=True)
                ]
            slots = _slots(asked)
            outlines |= _Pass(plan, groups, manner, recorder, augmented=augmented, step=step).draw(slots)
            runs |= recorder.notes
            watches, sign = recorder.watches, " (aug)" if augmented else ""
            clock.add(f"forward{sign}", watches["forward"].milliseconds)
            if gradients and slots:
                clock.add(f"backward{sign}", watches["backward"].milliseconds, len(slots))
    return _passed(asked, outlines, manner, clock, tuple(runs.values()))


@dataclass(frozen=True)
class _Asked:
    """What is asked of one picture: the model's predictions, the targets, and the questions; or why nothing can be."""

    predictions: Predictions
    targets: tuple[Target | CamctlError, ...] = ()
    error: CamctlError | None = None

    @classmethod
    def of(cls, predictions: Predictions, choose: Choice) -> _Asked:
        try:
            return cls(predictions, tuple(choose(predictions)))
        except CamctlError as error:
            return cls(predictions, error=as_value(error))

    def questions(self) -> list[Question | None]:
        """Return the question of each target; None for one that is an error."""
        return [
            None if isinstance(target, CamctlError) else self.predictions.question(target) for target in self.targets
        ]


def _slots(asked: Sequence[_Asked]) -> list[list[Question]]:
    """Return one question of each picture, for each of the most targets that one has.

    What a picture lacks is filled with a question of the same kind, whose answers have the same shape; its map is not
    read.
    """
    from camctl.plugin import ClassQuestion

    own = [picture.questions() for picture in asked]
    slots = []
    for slot in range(max(map(len, own))):
        there = [questions[slot] if slot < len(questions) else None for questions in own]
        first = next((question for question in there if question is not None), ClassQuestion(0))
        slots.append([question or first for question in there])
    return slots


def _passed(
    asked: Sequence[_Asked],
    outlines: Mapping[Key, Maps | CamctlError],
    manner: Manner,
    clock: Clock,
    notes: tuple[str, ...],
) -> list[Passed | CamctlError]:
    """Bring the maps of a batch to the host, and return them by picture."""
    from camctl.engine.cam import fetch

    # One map stands for several targets if it is the same for all of them.
    distinct = {id(maps): maps for maps in outlines.values() if not isinstance(maps, CamctlError)}
    count = len(asked) * sum(not isinstance(maps, CamctlError) for maps in outlines.values())
    fetched = dict(zip(distinct, fetch(list(distinct.values())), strict=True))
    clock.add("methods", sum(each.milliseconds for found in fetched.values() for each in found), count)
    named = {maps.method.name for maps in distinct.values()} - {method.name for method in manner.methods}
    if named:
        named -= {"GradCAM", black_box_method().name}
    chosen = [Hint(MEASURED.format(name), method="GradCAM") for name in sorted(named)]
    passed: list[Passed | CamctlError] = []
    for b, picture in enumerate(asked):
        if picture.error is not None:
            passed.append(picture.error)
            continue
        maps: dict[Key, Drawn | CamctlError] = {}
        for key, outline in outlines.items():
            if key[0] < len(picture.targets):
                target = picture.targets[key[0]]
                whole = outline if isinstance(outline, CamctlError) else fetched[id(outline)][b]
                maps[key] = target if isinstance(target, CamctlError) else whole
        passed.append(Passed(picture.predictions, picture.targets, maps, (*chosen, *notes)))
    return passed


class _Pass:
    """All maps out of one forward pass: of the plain views, or of the six of each picture together."""

    def __init__(
        self,
        plan: Plan,
        groups: Sequence[LayerGroup | CamctlError],
        manner: Manner,
        recorder: Recorder,
        *,
        augmented: bool,
        step: Step = None,
    ) -> None:
        self.groups, self.manner, self.recorder = groups, manner, recorder
        self.smoothings = [i for i, name in enumerate(manner.smoothings) if (name in AUGMENTED) == augmented]
        self.refusals = [refusal(method, plan) for method in manner.methods]
        self.vit_like, self.opaque = plan.hints.tokens, plan.loaded.opaque
        self._shared: dict[GroupKey, Maps] = {}
        """Maps that are the same for every target."""
        self._step, self._done, self._total = step, 0, 0
        self._several = False
        """Whether there are several targets."""

    def draw(self, slots: Sequence[Sequence[Question]]) -> dict[Key, Maps | CamctlError]:
        """Draw every map of this pass; a slot has one question for each picture."""
        maps: dict[Key, Maps | CamctlError] = {}
        self._several = len(slots) > 1
        self._total = len(slots) * len(self.manner.methods)
        for i, questions in enumerate(slots):
            answered = self._answered(questions, last=i == len(slots) - 1)
            maps |= {(i, *key): cam for key, cam in answered.items()}
        return maps

    def _answered(self, questions: Sequence[Question], *, last: bool) -> dict[GroupKey, Maps | CamctlError]:
        from camctl.engine.capture import reaches_grid

        recorder = self.recorder
        gradients = recorder.backward(questions, last=last) if recorder.gradients else None
        captures = {capture.layer: capture for capture in recorder.captures(questions, gradients)}
        reached: dict[str, Tensor] = {}
        if gradients is not None:
            pairs = zip(gradients, recorder.seen, strict=True)
            reached = {seen.name: reaches_grid(gradient, seen.layout) for gradient, seen in pairs}
        maps: dict[GroupKey, Maps | CamctlError] = {}
        for m, named in enumerate(self.manner.methods):
            method = self._usual(gradients or ()) if named.name == AUTO else named
            evidence: dict[str, Tensor] = {}
            given: Mapping[str, Capture] = captures
            if self._step:
                self._step(method.name, self._done, self._total)
                self._done += 1
                if not FURTHER.isdisjoint(method.needs) and not self.refusals[m]:
                    given = counted(captures, self._cost(method, captures), self._step)
            for g, s in product(range(len(self.groups)), self.smoothings):
                key = (g, s, m)
                if key in self._shared:
                    maps[key] = self._shared[key]
                    continue
                maps[key] = drawn = self.refusals[m] or self._maps(method, key, given, reached, evidence)
                if not isinstance(drawn, CamctlError) and self._same_for_all(method):
                    self._shared[key] = drawn
        return maps

    def _cost(self, method: Method, captures: Mapping[str, Capture]) -> Cost:
        """Return what a method's maps of one target cost here."""
        names = {name for group in self.groups if not isinstance(group, CamctlError) for name in group.of(method)}
        asked = [capture for name, capture in captures.items() if name in names]
        return Cost.of(method, asked, self.recorder.watches["forward"].milliseconds, self.manner.options)

    def _usual(self, gradients: Sequence[Tensor]) -> Method:
        """Return the method that `auto` stands for.

        A class token alone is read if the gradient differs from patch to patch; averaged patches all have the same
        gradient. With `--vit-like` it is GradCAM, as in mmpretrain's tool.
        """
        if self.opaque:
            return black_box_method()
        pairs = zip(gradients, self.recorder.seen, strict=True)
        grids = [seen.layout.to_grid(gradient).float() for gradient, seen in pairs if seen.layout.extra_tokens]
        uneven = any(bool(grid.std((2, 3)).max() > UNEVEN * grid.abs().max()) for grid in grids)
        return usual_method(class_token=uneven and not self.vit_like)

    def _same_for_all(self, method: Method) -> bool:
        """Return whether a map is the next target's too; a score that is not a number has a verdict of its own."""
        return self._several and not method.discriminative and "gradients" not in method.needs and self._sound

    @cached_property
    def _sound(self) -> bool:
        """Whether all scores are numbers; on a GPU to ask is to wait."""
        return bool(self.recorder.logits.isfinite().all())

    def _maps(
        self,
        method: Method,
        key: GroupKey,
        captures: Mapping[str, Capture],
        reached: Mapping[str, Tensor],
        evidence: dict[str, Tensor],
    ) -> Maps | CamctlError:
        """Draw one map of each picture; return the error of their layers or of the method."""
        from camctl.engine.cam import draw

        group = self.groups[key[0]]
        if isinstance(group, CamctlError):
            return group
        names = group.of(method)
        if method.aggregate == "product" and len(names) == 1:
            message = f"{method.name} multiplies the maps of several layers, and is given one layer."
            return InputError(message, hint=Hint("Name several layers", target_layers="auto:3"))
        planes = {seen.name for seen in self.recorder.seen if seen.output.ndim == PLANES}
        one_sign = not method.signed and "activations" in method.needs
        try:
            for name in names:
                if name in self.recorder.faults:
                    raise self.recorder.faults[name]
            return draw(
                [_input(captures[name], method, group) for name in names],
                method,
                [reached[name] for name in names if name in reached],
                aggregate=method.aggregate or self.manner.aggregate,
                eigen_smooth=self.manner.smoothings[key[1]] in EIGEN,
                options=self.manner.options,
                evidence=evidence,
                warn=[name in planes and group.chosen_by == "you" and one_sign for name in names],
                has_graph=self.recorder.has_graph,
            )
        except SpoiltModelError:
            raise
        except CamctlError as error:
            return as_value(error)


def _input(capture: Capture, method: Method, group: LayerGroup) -> Capture:
    """Return what a method sees of a layer: the positive part if it needs one sign and a ReLU follows the layer."""
    if method.signed or not group.rectified:
        return capture
    return replace(capture, activations=capture.activations.clamp(min=0))
