"""CAM."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any

from camctl.errors import Hint, InputError
from camctl.plugin import Capture, ClassQuestion, method

if TYPE_CHECKING:
    from torch import Tensor, nn

CLOSE, ROUGH = 1e-4, 0.05
"""Relative tolerance for a head to equal one linear layer on the mean; in half precision."""


def _heads(module: nn.Module) -> list[tuple[str, Any]]:
    """Names and modules of linear layers, and of 1 x 1 convolutions."""
    from torch import nn

    return [
        (name, part)
        for name, part in module.named_modules()
        if isinstance(part, nn.Linear) or (isinstance(part, nn.Conv2d) and part.kernel_size == (1, 1))
    ]


def _why_no_head(module: nn.Module) -> str:
    return "" if _heads(module) else "it uses the weights of the head's linear layer, and there is none."


@method(
    name="CAM",
    summary="Weights each channel by the head's weight for the class; for a pooled layer and a linear head.",
    paper="Zhou et al., 2015, arXiv:1512.04150",
    formula="ReLU( sum_c w_c A_c ),  y = b + sum_c w_c mean_ij(A_c)",
    needs={"activations"},
    discriminative=True,
    cannot=_why_no_head,
    signed=False,
)
def cam(capture: Capture) -> Tensor:
    """Evidence (N, C, H, W), if the score is one linear layer on the mean over the target layer's grid.

    That is verified numerically. Raises `InputError` for other heads.
    """
    if not all(isinstance(question, ClassQuestion) for question in capture.questions):
        message = "CAM uses the head's weights for one class of the whole picture, and is asked something else."
        raise InputError(message, hint="Use GradCAM, which is the same map on the networks that CAM works on.")
    pooled = capture.activations.mean((2, 3))
    # A picture whose scores are not numbers verifies nothing; its verdict says why.
    sound = capture.logits.isfinite().all(1)
    for _, head in reversed(_heads(capture.module)):
        weights: Tensor = head.weight.float().flatten(1)
        if weights.shape != (capture.logits.shape[1], pooled.shape[1]):
            continue
        bias = 0.0 if head.bias is None else head.bias.float()
        if not sound.any() or _close((pooled @ weights.T + bias)[sound], capture.logits[sound], head.weight):
            evidence = weights[capture.targets][:, :, None, None] * capture.activations
            return evidence.where(sound[:, None, None, None], float("nan"))
    if not sound.all():
        return capture.activations * float("nan")
    names = _pooled_layers(capture)
    if not names:
        message = "CAM needs a head that is one linear layer on the mean over the grid, and this model's is not."
        raise InputError(message, hint="Use GradCAM, which is the same map on the networks that CAM works on.")
    message = f"CAM needs the layer that the head averages, and '{capture.layer}' is not it."
    raise InputError(message, hint=Hint("Name it", target_layers=names[-1]))


def _close(one: Tensor, other: Tensor, precise: Tensor) -> bool:
    from torch import float32, float64

    share = CLOSE if precise.dtype in {float32, float64} else ROUGH
    return bool((one - other).abs().max() <= share * other.abs().max())


def _pooled_layers(capture: Capture) -> list[str]:
    """Names of the layers whose mean over the grid is the input of the head's linear layer, in execution order."""
    from torch import Tensor, no_grad

    means: dict[str, list[Tensor]] = {}
    read: list[tuple[Tensor, Any]] = []
    heads = {id(part) for _, part in _heads(capture.module)}
    # Dimensions of the grid in (N, L, C) or (N, C, L), and in (N, C, H, W) or (N, H, W, C).
    places = {3: ((1,), (2,)), 4: ((2, 3), (1, 2))}

    def see(name: str, part: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        if not isinstance(output, Tensor):
            return
        scores = output.flatten(1).float()
        if id(part) in heads and scores.shape == capture.logits.shape and _close(scores, capture.logits, output):
            read.append((args[0].flatten(1), part))
        means[name] = [
            output.mean(dims)
            for dims in places.get(output.ndim, ())
            if max(output.shape[dimension] for dimension in dims) > 1
        ]

    with no_grad(), ExitStack() as hooks:
        for name, part in capture.module.named_modules():
            hooks.callback(part.register_forward_hook(partial(see, name)).remove)
        capture.forward(capture.inputs)
    return [
        name
        for name, candidates in means.items()
        for mean in candidates
        for seen, head in read
        if mean.shape == seen.shape and _close(mean.float(), seen.float(), head.weight)
    ]
