"""Every map out of one forward pass: a backward pass for each target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import product
from typing import TYPE_CHECKING

from camctl.errors import CamctlError, Hint, InputError, SpoiltModelError, as_value
from camctl.pipeline.costs import Cost, counted
from camctl.pipeline.method_selection import AUTO, FURTHER, black_box_method, usual_method
from camctl.pipeline.refusals import refusal

if TYPE_CHECKING:
    from torch import Tensor

    from camctl.engine.cam import Maps
    from camctl.engine.capture import Recorder
    from camctl.pipeline.manner import GroupKey, Key, Manner, Step
    from camctl.pipeline.plan import Plan
    from camctl.pipeline.scene import LayerGroup
    from camctl.plugin import Capture, Method, Question
    from camctl.values.cam import Smoothing

AUGMENTED: tuple[Smoothing, ...] = ("aug", "both")
EIGEN: tuple[Smoothing, ...] = ("eigen", "both")

PLANES = 4
"""Number of dimensions of a convolutional layer's output."""

UNEVEN = 1e-3
"""Largest deviation of a channel's gradient over the grid that is rounding, as a share of the layer's largest."""


class Pass:
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
