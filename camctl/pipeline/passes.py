"""One forward pass, one truncated backward pass a class: every method, layer and smoothing out of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import TYPE_CHECKING, Any

from camctl.errors import CamctlError, InputError, SpoiltModelError, as_value
from camctl.pipeline.method_selection import AUTO, usual_method

if TYPE_CHECKING:
    from torch import Tensor

    from camctl.engine.cam import Drawn
    from camctl.engine.capture import Recorder
    from camctl.engine.predictions import Predictions
    from camctl.pipeline.scene import LayerGroup, Scene
    from camctl.plugin import Aggregate, Capture, Method
    from camctl.values.explanation import Smoothing, Target

    Key = tuple[int, int, int, int]
    """Places of target, layer group, smoothing and method among those asked for."""

MEASURED = "{} measures best where a class token alone is read, and is the default there; for GradCAM: --method GradCAM"

AUGMENTED: tuple[Smoothing, ...] = ("aug", "both")
EIGEN: tuple[Smoothing, ...] = ("eigen", "both")

PLANES = 4
"""Dimensions of a convolutional layer's output."""

UNEVEN = 1e-3
"""Deviation of a channel's gradient over places, as a share of the layer's largest, that is more than rounding."""


@dataclass(frozen=True, kw_only=True)
class Manner:
    """Which maps are made of a scene, and how."""

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
        """Note time spent."""
        self.milliseconds[what] = self.milliseconds.get(what, 0.0) + milliseconds
        self.counts[what] = self.counts.get(what, 0) + count

    @contextmanager
    def timed(self, what: str, count: int = 1) -> Iterator[None]:
        """Note the time that a block takes."""
        start = perf_counter()
        try:
            yield
        finally:
            self.add(what, (perf_counter() - start) * 1e3, count)


@dataclass(frozen=True)
class Passed:
    """What the passes gave: the picture's classes, and each map or why there is none."""

    classes: Predictions
    targets: tuple[Target | CamctlError, ...]
    maps: Mapping[Key, Drawn | CamctlError]
    notes: tuple[str, ...] = ()
    """Which method `auto` stands for, where it is not the one that people expect."""


def run_passes(
    scene: Scene,
    groups: Sequence[LayerGroup | CamctlError],
    manner: Manner,
    choose: Callable[[Predictions], Sequence[Target | CamctlError]],
    clock: Clock,
) -> Passed:
    """Draw everything that is asked of a scene.

    Parameters
    ----------
    choose: from the picture's classes those to explain; an error stands for one that cannot be.
    clock: takes down `forward`, `backward` (each with ` (aug)` for the batch of six views) and `methods`.

    A layer, class or method that cannot work costs its own maps alone. Raises `InputError` where the model fails.
    """
    from camctl.engine.capture import Recorder
    from camctl.engine.predictions import Predictions
    from camctl.engine.smoothing import PLAIN, augment

    names = tuple(dict.fromkeys(n for group in _sound(groups) for method in manner.methods for n in group.of(method)))
    gradients = any("gradients" in method.needs for method in manner.methods)
    maps: dict[Key, Drawn | CamctlError] = {}
    classes: Predictions | None = None
    targets: Sequence[Target | CamctlError] = ()
    # The plain view first: it has the class for all six views of the second pass.
    for augmented in sorted({smoothing in AUGMENTED for smoothing in manner.smoothings}):
        with Recorder(scene.loaded.module, names, scene.hints, gradients=gradients) as recorder:
            inputs = augment(scene.inputs) if augmented else scene.inputs
            logits = recorder.forward(inputs, scene.forward, keep_faults=True)
            if classes is None:
                classes = Predictions(logits[PLAIN if augmented else 0].detach(), scene.loaded)
                targets = choose(classes)
            drawing = _Pass(scene, groups, manner, recorder, augmented=augmented)
            maps |= drawing.draw(targets)
            sign = " (aug)" if augmented else ""
            clock.add(f"forward{sign}", recorder.milliseconds["forward"])
            if drawing.backwards:
                clock.add(f"backward{sign}", recorder.milliseconds["backward"], drawing.backwards)
    drawn = [one.milliseconds for one in maps.values() if not isinstance(one, CamctlError)]
    clock.add("methods", sum(drawn), len(drawn))
    if classes is None:
        message = "no smoothing was asked for, not even none"
        raise ValueError(message)
    automatic = [one for key, one in maps.items() if manner.methods[key[-1]].name == AUTO]
    usual = {one.method.name for one in automatic if not isinstance(one, CamctlError)}
    notes = tuple(MEASURED.format(name) for name in sorted(usual - {"GradCAM"}))
    return Passed(classes, tuple(targets), maps, notes)


def _sound(groups: Sequence[LayerGroup | CamctlError]) -> list[LayerGroup]:
    return [group for group in groups if not isinstance(group, CamctlError)]


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
        self.smoothings = [
            (place, smoothing)
            for place, smoothing in enumerate(manner.smoothings)
            if (smoothing in AUGMENTED) == augmented
        ]
        self.why_not = [_why_not(method, scene) for method in manner.methods]
        self.vit_like = scene.hints.tokens
        self.backwards = 0
        self._of_no_class: dict[tuple[int, int, int], Drawn] = {}
        """Maps that are the same for every class, by group, smoothing and method."""

    def draw(self, targets: Sequence[Target | CamctlError]) -> dict[Key, Drawn | CamctlError]:
        """Every map of this pass."""
        maps: dict[Key, Drawn | CamctlError] = {}
        last = max((i for i, target in enumerate(targets) if not isinstance(target, CamctlError)), default=-1)
        for i, target in enumerate(targets):
            drawn = (
                dict.fromkeys(self._keys(), target)
                if isinstance(target, CamctlError)
                else self._of_target(target, last=i == last)
            )
            maps |= {(i, *key): one for key, one in drawn.items()}
        return maps

    def _keys(self) -> list[tuple[int, int, int]]:
        return [
            (group, smoothing, method)
            for group in range(len(self.groups))
            for smoothing, _ in self.smoothings
            for method in range(len(self.manner.methods))
        ]

    def _of_target(self, target: Target, *, last: bool) -> dict[tuple[int, int, int], Drawn | CamctlError]:
        from camctl.engine.capture import reaches_places
        from camctl.engine.question import Versus

        recorder = self.recorder
        versus = Versus.of(target)
        gradients = recorder.backward(target.index, last=last, versus=versus) if recorder.gradients else None
        self.backwards += recorder.gradients
        captures = {capture.layer: capture for capture in recorder.captures(target.index, gradients, versus)}
        reached: dict[str, bool | None] = dict.fromkeys(captures)
        if gradients is not None:
            pairs = zip(gradients, recorder.seen, strict=True)
            reached = {seen.name: reaches_places(gradient, seen.layout) for gradient, seen in pairs}
        maps: dict[tuple[int, int, int], Drawn | CamctlError] = {}
        for m, wanted in enumerate(self.manner.methods):
            method = self._usual(gradients or ()) if wanted.name == AUTO else wanted
            kept: dict[str, Tensor] = {}
            for g, group in enumerate(self.groups):
                for s, smoothing in self.smoothings:
                    key = (g, s, m)
                    if key in self._of_no_class:
                        maps[key] = replace(self._of_no_class[key], milliseconds=0.0)
                        continue
                    one = self._map(method, self.why_not[m], group, smoothing, captures, reached, kept)
                    maps[key] = one
                    if not isinstance(one, CamctlError) and self._same_for_all(method):
                        self._of_no_class[key] = one
        return maps

    def _usual(self, gradients: Sequence[Tensor]) -> Method:
        """What `auto` stands for: a class token alone is read where the gradient differs from patch to patch.

        Where patches are averaged all have the same gradient. With `--vit-like` it is GradCAM, as in mmpretrain's tool.
        """
        pairs = zip(gradients, self.recorder.seen, strict=True)
        grids = [seen.layout.to_grid(gradient).float() for gradient, seen in pairs if seen.layout.extra_tokens]
        uneven = any(bool(grid.std((2, 3)).max() > UNEVEN * grid.abs().max()) for grid in grids)
        return usual_method(class_token=uneven and not self.vit_like)

    def _same_for_all(self, method: Method) -> bool:
        """Whether a map is the next class's too; a class whose score is no number has a verdict of its own."""
        return (
            not method.discriminative
            and "gradients" not in method.needs
            and bool(self.recorder.logits.isfinite().all())
        )

    def _map(
        self,
        method: Method,
        why_not: CamctlError | None,
        group: LayerGroup | CamctlError,
        smoothing: Smoothing,
        captures: Mapping[str, Capture],
        reached: Mapping[str, bool | None],
        kept: dict[str, Tensor],
    ) -> Drawn | CamctlError:
        """One map, or the error that stands for it."""
        from camctl.engine.cam import draw

        if why_not is not None:
            return why_not
        if isinstance(group, CamctlError):
            return group
        names = group.of(method)
        if method.aggregate == "product" and len(names) == 1:
            message = f"{method.name} is a product of several layers' maps, and is given one."
            return InputError(message, hint="Give it several: --target-layers auto:3, of camctl compare A+B.")
        if fault := next((self.recorder.faults[name] for name in names if name in self.recorder.faults), None):
            return as_value(fault)
        try:
            drawn = draw(
                [_given(captures[name], method, group) for name in names],
                method,
                [reached[name] for name in names],
                aggregate=method.aggregate or self.manner.aggregate,
                eigen_smooth=smoothing in EIGEN,
                options=self.manner.options,
                kept=kept,
            )
            return self._warned(drawn, [captures[name] for name in names]) if group.chosen_by == "you" else drawn
        except SpoiltModelError:
            raise
        except CamctlError as error:
            return as_value(error)

    def _warned(self, drawn: Drawn, captures: Sequence[Capture]) -> Drawn:
        """The map, with a warning where its method needs one sign and the named convolutional layer has both."""
        from camctl.engine.verdict import OK, both_signs

        if drawn.verdict is not OK or drawn.method.signed:
            return drawn
        planes = {seen.name for seen in self.recorder.seen if seen.output.ndim == PLANES}
        warnings = [both_signs(capture) for capture in captures if capture.layer in planes]
        return replace(drawn, verdict=next((one for one in warnings if one is not OK), OK))


def _given(capture: Capture, method: Method, group: LayerGroup) -> Capture:
    """What a method sees of a layer: the positive part where it needs one sign and a ReLU follows the layer."""
    if method.signed or not group.rectified:
        return capture
    return replace(capture, activations=capture.activations.clamp(min=0))


def _why_not(method: Method, scene: Scene) -> CamctlError | None:
    """Why a method makes no map of this model."""
    try:
        reason = method.cannot(scene.loaded.module)
    except CamctlError as error:
        return as_value(error)
    if not reason:
        return None
    return InputError(f"{method.name} cannot work on this model: {reason}", hint="See others: camctl methods")
