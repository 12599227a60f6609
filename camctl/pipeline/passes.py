"""One forward pass and one truncated backward pass per target yield every method, layer and smoothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import product
from time import perf_counter
from typing import TYPE_CHECKING, Any

from camctl.errors import CamctlError, Hint, InputError, SpoiltModelError, as_value
from camctl.pipeline.method_selection import AUTO, usual_method

if TYPE_CHECKING:
    from torch import Tensor

    from camctl.engine.cam import Drawn
    from camctl.engine.capture import Recorder
    from camctl.engine.predictions import Predictions
    from camctl.pipeline.scene import LayerGroup, Scene
    from camctl.plugin import Aggregate, Capture, Method, Question
    from camctl.values.cam import Smoothing
    from camctl.values.target import Target

    Choice = Callable[[Predictions], Sequence[Target | CamctlError]]
    """From a picture's predictions the targets to explain; an error stands for one that cannot be."""
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
    scene: Scene, groups: Sequence[LayerGroup | CamctlError], manner: Manner, choose: Choice, clock: Clock
) -> Passed:
    """Draw everything that is asked of a scene.

    A layer, class or method that fails costs its own maps alone. The clock records `forward`, `backward` (each with
    ` (aug)` for the batch of six views) and `methods`.

    Raises `InputError`: the model fails.
    """
    from camctl.engine.capture import Recorder
    from camctl.engine.maps import PLAIN, augment

    sound = [group for group in groups if not isinstance(group, CamctlError)]
    names = tuple(dict.fromkeys(name for group in sound for method in manner.methods for name in group.of(method)))
    gradients = any("gradients" in method.needs for method in manner.methods)
    maps: dict[Key, Drawn | CamctlError] = {}
    predictions: Predictions | None = None
    targets: Sequence[Target | CamctlError] = ()
    runs: dict[str, str] = {}
    questions: dict[int, Question] = {}
    # The plain view comes first: it decides on the class for all six views of the second pass.
    for augmented in sorted({smoothing in AUGMENTED for smoothing in manner.smoothings}):
        with Recorder(scene.plan.table, names, scene.plan.hints, gradients=gradients) as recorder:
            inputs = augment(scene.inputs) if augmented else scene.inputs
            logits = recorder.forward(inputs, scene.plan.forward, keep_faults=True)
            if predictions is None:
                predictions = scene.plan.predictions(logits[PLAIN if augmented else 0].detach())
                targets = choose(predictions)
                questions = {
                    i: predictions.question(target)
                    for i, target in enumerate(targets)
                    if not isinstance(target, CamctlError)
                }
            maps |= _Pass(scene, groups, manner, recorder, augmented=augmented).draw(targets, questions)
            runs |= recorder.notes
            sign = " (aug)" if augmented else ""
            clock.add(f"forward{sign}", recorder.milliseconds["forward"])
            if gradients and questions:
                clock.add(f"backward{sign}", recorder.milliseconds["backward"], len(questions))
    assert predictions is not None  # noqa: S101 - there is at least one smoothing
    drawn = {key: cam for key, cam in maps.items() if not isinstance(cam, CamctlError)}
    clock.add("methods", sum(cam.milliseconds for cam in drawn.values()), len(drawn))
    automatic = {cam.method.name for key, cam in drawn.items() if manner.methods[key[-1]].name == AUTO}
    notes = [Hint(MEASURED.format(name), method="GradCAM") for name in sorted(automatic - {"GradCAM"})]
    return Passed(predictions, tuple(targets), maps, (*notes, *runs.values()))


class _Pass:
    """All maps out of one forward pass: of the plain view, or of the six together."""

    def __init__(
        self,
        scene: Scene,
        groups: Sequence[LayerGroup | CamctlError],
        manner: Manner,
        recorder: Recorder,
        *,
        augmented: bool,
    ) -> None:
        self.groups, self.manner, self.recorder = groups, manner, recorder
        self.smoothings = [i for i, name in enumerate(manner.smoothings) if (name in AUGMENTED) == augmented]
        self.refusals = [refusal(method, scene) for method in manner.methods]
        self.vit_like = scene.plan.hints.tokens
        self._shared: dict[GroupKey, Drawn] = {}
        """Maps that are the same for every target."""

    def draw(
        self, targets: Sequence[Target | CamctlError], questions: Mapping[int, Question]
    ) -> dict[Key, Drawn | CamctlError]:
        """Draw every map of this pass."""
        maps: dict[Key, Drawn | CamctlError] = {}
        keys = list(product(range(len(self.groups)), self.smoothings, range(len(self.manner.methods))))
        for i, target in enumerate(targets):
            if isinstance(target, CamctlError):
                maps |= {(i, *key): target for key in keys}
            else:
                answered = self._answered(questions[i], last=i == max(questions))
                maps |= {(i, *key): cam for key, cam in answered.items()}
        return maps

    def _answered(self, question: Question, *, last: bool) -> dict[GroupKey, Drawn | CamctlError]:
        from camctl.engine.capture import reaches_grid

        recorder = self.recorder
        gradients = recorder.backward(question, last=last) if recorder.gradients else None
        captures = {capture.layer: capture for capture in recorder.captures(question, gradients)}
        reached: dict[str, bool | None] = dict.fromkeys(captures)
        if gradients is not None:
            pairs = zip(gradients, recorder.seen, strict=True)
            reached = {seen.name: reaches_grid(gradient, seen.layout) for gradient, seen in pairs}
        maps: dict[GroupKey, Drawn | CamctlError] = {}
        for m, named in enumerate(self.manner.methods):
            method = self._usual(gradients or ()) if named.name == AUTO else named
            evidence: dict[str, Tensor] = {}
            for g, s in product(range(len(self.groups)), self.smoothings):
                key = (g, s, m)
                if key in self._shared:
                    maps[key] = replace(self._shared[key], milliseconds=0.0)
                    continue
                maps[key] = drawn = self.refusals[m] or self._map(method, key, captures, reached, evidence)
                if not isinstance(drawn, CamctlError) and self._same_for_all(method):
                    self._shared[key] = drawn
        return maps

    def _usual(self, gradients: Sequence[Tensor]) -> Method:
        """Return the method that `auto` stands for.

        A class token alone is read if the gradient differs from patch to patch; averaged patches all have the same
        gradient. With `--vit-like` it is GradCAM, as in mmpretrain's tool.
        """
        pairs = zip(gradients, self.recorder.seen, strict=True)
        grids = [seen.layout.to_grid(gradient).float() for gradient, seen in pairs if seen.layout.extra_tokens]
        uneven = any(bool(grid.std((2, 3)).max() > UNEVEN * grid.abs().max()) for grid in grids)
        return usual_method(class_token=uneven and not self.vit_like)

    def _same_for_all(self, method: Method) -> bool:
        """Return whether a map is the next target's too; a score that is not a number has a verdict of its own."""
        return (
            not method.discriminative
            and "gradients" not in method.needs
            and bool(self.recorder.logits.isfinite().all())
        )

    def _map(
        self,
        method: Method,
        key: GroupKey,
        captures: Mapping[str, Capture],
        reached: Mapping[str, bool | None],
        evidence: dict[str, Tensor],
    ) -> Drawn | CamctlError:
        """Draw one map; return the error of its layers or of the method."""
        from camctl.engine.cam import draw
        from camctl.engine.verdict import NO_GRAPH

        group = self.groups[key[0]]
        if isinstance(group, CamctlError):
            return group
        names = group.of(method)
        if method.aggregate == "product" and len(names) == 1:
            message = f"{method.name} multiplies the maps of several layers, and is given one layer."
            return InputError(message, hint=Hint("Name several layers", target_layers="auto:3"))
        try:
            for name in names:
                if name in self.recorder.faults:
                    raise self.recorder.faults[name]
            drawn = draw(
                [_input(captures[name], method, group) for name in names],
                method,
                [reached[name] for name in names],
                aggregate=method.aggregate or self.manner.aggregate,
                eigen_smooth=self.manner.smoothings[key[1]] in EIGEN,
                options=self.manner.options,
                evidence=evidence,
            )
        except SpoiltModelError:
            raise
        except CamctlError as error:
            return as_value(error)
        if drawn.verdict.name == "zero-gradient" and not self.recorder.has_graph:
            drawn = replace(drawn, verdict=NO_GRAPH)
        return self._warned(drawn, [captures[name] for name in names]) if group.chosen_by == "you" else drawn

    def _warned(self, drawn: Drawn, captures: Sequence[Capture]) -> Drawn:
        """Add a warning if the method needs one sign and the convolutional layer that the user named has both."""
        from camctl.engine.verdict import OK, both_signs

        if drawn.verdict is not OK or drawn.method.signed:
            return drawn
        planes = {seen.name for seen in self.recorder.seen if seen.output.ndim == PLANES}
        warnings = [both_signs(capture) for capture in captures if capture.layer in planes]
        return replace(drawn, verdict=next((warning for warning in warnings if warning is not OK), OK))


def _input(capture: Capture, method: Method, group: LayerGroup) -> Capture:
    """Return what a method sees of a layer: the positive part if it needs one sign and a ReLU follows the layer."""
    if method.signed or not group.rectified:
        return capture
    return replace(capture, activations=capture.activations.clamp(min=0))


def refusal(method: Method, scene: Scene) -> CamctlError | None:
    """Return why a method makes no map of this model."""
    try:
        reason = method.cannot(scene.loaded.module)
    except CamctlError as error:
        return as_value(error)
    if not reason:
        return None
    return InputError(f"{method.name} cannot work on this model: {reason}", hint=Hint("See other methods", "methods"))
