"""Drive the engine the way the pipeline does, and grad-cam the way its users do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from pytorch_grad_cam.activations_and_gradients import ActivationsAndGradients
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch import Tensor, nn

from camctl.engine.cam import Drawn, draw, fetch
from camctl.engine.capture import Recorder, reaches_grid
from camctl.engine.layout import LayoutHints
from camctl.engine.maps import augment
from camctl.plugin import ClassQuestion

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from camctl.plugin import Aggregate, Method, Question

    Forward = Callable[[Tensor], Tensor]


def drawn(  # noqa: PLR0913
    module: nn.Module,
    inputs: Tensor,
    layers: Sequence[str],
    methods: Sequence[Method],
    target: int | Question,
    *,
    forward: Forward | None = None,
    hints: LayoutHints | None = None,
    aug_smooth: bool = False,
    eigen_smooth: bool = False,
    aggregate: Aggregate = "mean",
    options: Mapping[str, Any] | None = None,
) -> list[Drawn]:
    """One map a method, out of one forward and one backward pass."""
    gradients = any("gradients" in method.needs for method in methods)
    views = 6 if aug_smooth else 1
    with Recorder(module, layers, hints or LayoutHints(), gradients=gradients, views=views) as recorder:
        recorder.forward(augment(inputs) if aug_smooth else inputs, forward or module)
        question = ClassQuestion(target) if isinstance(target, int) else target
        raw = recorder.backward(question, last=True) if gradients else None
        captures = recorder.captures(question, raw)
        reached = [reaches_grid(g, seen.layout) for g, seen in zip(raw or (), recorder.seen, strict=raw is not None)]
        maps = [
            draw(
                captures,
                method,
                reached,
                aggregate=method.aggregate or aggregate,
                eigen_smooth=eigen_smooth,
                options=options,
            )
            for method in methods
        ]
        return [each[0] for each in fetch(maps)]


class UnaliasedActivations(ActivationsAndGradients):
    """grad-cam's hooks with one repair: what is kept is a copy, not the tensor that the net goes on to overwrite."""

    def save_activation(self, module, input, output):  # noqa: A002 - named so in grad-cam
        super().save_activation(module, input, output.clone() if self.detach else output)


def by_hand(
    cam: Any, inputs: Tensor, target: int | Forward, *, aug_smooth: bool = False, eigen_smooth: bool = False
) -> NDArray[np.float32]:
    """What a user of grad-cam gets from `cam` for one input and a class, or a target of grad-cam's: (h, w), 0..1."""
    base = getattr(cam, "base_cam", cam)
    for one in getattr(cam, "base_cam_per_layer", [base]):
        hooks = one.activations_and_grads
        hooks.release()
        one.activations_and_grads = UnaliasedActivations(
            one.model, one.target_layers, hooks.reshape_transform, hooks.detach
        )
    wanted = [target if callable(target) else ClassifierOutputTarget(target)]
    arguments = {"aug_smooth": True} if aug_smooth else {}
    result = cam(inputs, wanted, eigen_smooth=eigen_smooth, **arguments)[0]
    for one in getattr(cam, "base_cam_per_layer", [base]):
        one.activations_and_grads.gradients.clear()  # it cannot let go of gradients that are views
        one.activations_and_grads.release()
        one.model.zero_grad()
    return stretched(result)


def with_positive_score(module: nn.Module) -> nn.Module:
    """The same net with every logit 10 higher: no answer changes, and dividing by a score turns no sign around."""
    head = getattr(module, "fc", None) or module.head
    with torch.no_grad():
        head.bias += 10
    return module


def stretched(cam: NDArray[Any]) -> NDArray[np.float32]:
    """To 0..1."""
    cam = np.asarray(cam, np.float64)
    span = np.ptp(cam)
    return np.float32((cam - cam.min()) / span) if span else np.float32(cam * 0)


def tokens_to_grid(extra: int, height: int, width: int) -> Forward:
    """The reshape transform that users of grad-cam write by hand."""

    def transform(tokens: Tensor) -> Tensor:
        n, _, channels = tokens.shape
        return tokens[:, extra:].reshape(n, height, width, channels).permute(0, 3, 1, 2)

    return transform


def difference(ours: Tensor, theirs: NDArray[Any]) -> float:
    """Largest absolute difference of two maps (h, w)."""
    return float(np.abs(ours.numpy() - theirs).max())


def snapshot(module: nn.Module) -> dict[str, Any]:
    """Everything of a module that must be found again as it was."""
    parts = list(module.named_modules())
    return {
        "parts": [(name, id(part), part.training) for name, part in parts],
        "hooks": [
            (name, len(part._forward_hooks), len(part._forward_pre_hooks), len(part._backward_hooks))
            for name, part in parts
        ],
        "requires_grad": [(name, p.requires_grad) for name, p in module.named_parameters()],
        "grads": [(name, None if p.grad is None else p.grad.clone()) for name, p in module.named_parameters()],
        "state": [(name, id(t), t.clone()) for name, t in module.state_dict(keep_vars=True).items()],
    }


def same(before: Any, after: Any) -> bool:
    """Whether two snapshots are equal, tensors by value."""
    if isinstance(before, Tensor) and isinstance(after, Tensor):
        return torch.equal(before, after)
    if isinstance(before, dict):
        return before.keys() == after.keys() and all(same(before[key], after[key]) for key in before)
    if isinstance(before, (list, tuple)):
        return len(before) == len(after) and all(same(a, b) for a, b in zip(before, after, strict=True))
    return bool(before == after)
