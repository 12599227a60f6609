"""Arithmetic of the package grad-cam on a capture, for the methods of `library.py`.

grad-cam clears gradients, swaps layers, keeps aliases and swallows errors of its model. So its classes are made without
layers, on a `_Model`, and are given activations and gradients that come from the capture.

Imported only when such a method is used, since grad-cam takes seconds to import.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pytorch_grad_cam
import torch
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget, FinerWeightedTarget
from torch import Tensor, nn

from camctl.errors import Hint, InputError
from camctl.methods.gradients import layer_gradients

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from camctl.methods.gradients import Score
    from camctl.plugin import Capture

silent = np.errstate(all="ignore")
"""Divisions by zero are left to the verdict."""


class _Model(nn.Module):
    """The user's model without being its parent: `eval`, `zero_grad` and hooks have no effect on it."""

    def __init__(self, capture: Capture) -> None:
        super().__init__()
        # grad-cam reads the device from the first parameter.
        self.anchor = nn.Parameter(torch.empty(0, device=capture.activations.device), requires_grad=False)
        self.capture = capture

    def forward(self, inputs: Tensor) -> Tensor:
        """Inputs (M, 3, h, w) -> logits (M, classes), float32."""
        return self.capture.forward(inputs.to(self.capture.inputs.dtype)).float()


class _GradCam(pytorch_grad_cam.GradCAM):
    """grad-cam's GradCAM on other inputs of the capture's model."""

    def forward(self, inputs: Tensor, targets: Sequence[Any], eigen_smooth: bool = False) -> NDArray[np.float32]:  # noqa: FBT001, FBT002 - as grad-cam has it
        """Maps (M, h, w), 0..1."""
        capture = self.model.capture
        grid, gradients, _ = layer_gradients(
            capture, lambda logits: targets[0](logits).sum(), inputs=inputs.to(capture.inputs.dtype)
        )
        passes = self.activations_and_grads
        passes.activations, passes.gradients = [grid.detach()], [gradients.clone()]
        self.target_layers = [None]
        maps: NDArray[np.float32] = self.aggregate_multi_layers(
            self.compute_cam_per_layer(inputs, targets, eigen_smooth)
        )
        return maps


@silent
def maps(kind: str, capture: Capture, **options: Any) -> Tensor:
    """Signed maps (N, H, W) by grad-cam's class `kind`, before ReLU and scaling."""
    activations = capture.activations
    if activations.shape[2:] == (1, 1):  # nothing to decompose, as the verdict will say
        return activations.new_zeros(activations[:, 0].shape)
    cam = _made(kind, capture, **options)

    def image(*arrays: NDArray[np.float32]) -> Tensor:
        return _tensor(cam.get_cam_image(None, None, None, *arrays, eigen_smooth=False), activations)

    return _of_finite(capture, image, activations[:, 0])


def oriented(maps: Tensor) -> Tensor:
    """Maps (N, H, W) of arbitrary sign, negated if needed so that their largest absolute value is positive."""
    return torch.where(maps.amax((1, 2), keepdim=True) < -maps.amin((1, 2), keepdim=True), -maps, maps)


@silent
def refinecam(capture: Capture) -> Tensor:
    """Evidence (N, C, H, W) by grad-cam's GradCAMPlusPlus."""
    cam = _made("GradCAMPlusPlus", capture)

    def weights(*arrays: NDArray[np.float32]) -> Tensor:
        return _tensor(cam.get_cam_weights(None, None, None, *arrays), capture.activations)

    found = _of_finite(capture, weights, capture.activations[:, :, 0, 0])
    return found[:, :, None, None] * capture.activations


def shapleycam(capture: Capture, score: Score) -> Tensor:
    """Evidence (N, C, H, W): the weights are gradients minus half the Hessian times the activations."""
    leaf, gradients, to_grid = layer_gradients(capture, score, whole=True, twice=True)
    if not gradients.requires_grad:  # the score is linear in the layer: grad-cam then takes a Hessian of zero
        gradients = gradients.requires_grad_()
    cam = _made("ShapleyCAM", capture)
    cam.activations_and_grads.reshape_transform = to_grid
    with torch.enable_grad():
        return _weighted(capture, cam.get_cam_weights(None, None, None, leaf, gradients))


def finercam(capture: Capture, alpha: float, ranks: Sequence[int]) -> Tensor:
    """Evidence (N, C, H, W): Grad-CAM of FinerCAM's score.

    grad-cam chooses the classes to compare with for each view, and confuses a class of exactly the same logit with the
    target; here they are chosen once a picture, from the mean over its views, and never the target.
    """
    means = capture.logits.unflatten(0, (-1, capture.views)).mean(1)
    columns = capture.targets[:: capture.views, None]
    distances = (means - means.gather(1, columns)).abs().scatter(1, columns, -1)
    nearest = distances.argsort(stable=True)[:, ranks].tolist()
    finer = [
        FinerWeightedTarget(target, others, alpha)
        for target, others in zip(columns[:, 0].tolist(), nearest, strict=True)
    ]

    def score(logits: Tensor) -> Tensor:
        parts = logits.split(capture.views)
        return torch.stack([one(part).sum() for one, part in zip(finer, parts, strict=True)]).sum()

    _, gradients, _ = layer_gradients(capture, score)
    return _weighted(capture, _numpy(gradients).mean((2, 3)))


def has_bias(layer: nn.Module) -> bool:
    """Whether FullGrad uses a layer: one of these two classes, and no subclass, as in grad-cam."""
    return type(layer) in (nn.Conv2d, nn.BatchNorm2d) and getattr(layer, "bias", None) is not None


@silent
def fullgrad(capture: Capture) -> Tensor:
    """FullGrad's non-negative maps (N, h, w) at the input's size, over all layers with a bias.

    grad-cam pairs biases in the order of registration with gradients in the order of execution, and stops at a layer
    that never runs; here each gradient is paired with its own layer.
    """
    layers: list[nn.Module] = []
    outputs: list[Tensor] = []

    def record(layer: nn.Module, _args: object, output: Tensor) -> Tensor:
        layers.append(layer)
        outputs.append(output)
        return output.clone()

    inputs = capture.inputs.detach().float().requires_grad_()
    with ExitStack() as hooks, torch.enable_grad():
        for part in filter(has_bias, capture.module.modules()):
            hooks.callback(part.register_forward_hook(record).remove)
        logits = capture.forward(inputs.to(capture.inputs.dtype)).float()
        score = logits.gather(1, capture.targets[:, None]).sum()
        of_inputs, *gradients = torch.autograd.grad(score, [inputs, *outputs], allow_unused=True)
    pairs = [(layer, grad) for layer, grad in zip(layers, gradients, strict=True) if grad is not None]
    cam = _made("FullGrad", capture)
    cam.bias_data = [_numpy(cam.get_bias_data(layer)) for layer, _ in pairs]
    maps = []
    for first in range(0, len(inputs), capture.views):  # grad-cam scales all that it is given together
        rows = slice(first, first + capture.views)
        own = inputs.detach()[rows].requires_grad_()
        own.grad = of_inputs[rows]
        cam.activations_and_grads.gradients = [gradient[rows].float().clone() for _, gradient in pairs]
        maps.append(cam.compute_cam_per_layer(own, None, eigen_smooth=False)[:, 0])
    return _tensor(np.concatenate(maps), capture.activations)


@silent
def sess(capture: Capture, **options: Any) -> Tensor:
    """SESS's non-negative maps (N, h, w) at the input's size: grad-cam's GradCAM over scales and windows."""
    height, width = capture.inputs.shape[2:]
    targets = [ClassifierOutputTarget(int(index)) for index in capture.targets]
    try:
        maps = []
        finite = _finite(capture).tolist()
        for row, (view, target) in enumerate(zip(capture.inputs.float().split(1), targets, strict=True)):
            if not finite[row]:
                maps.append(np.full((height, width), np.nan))
                continue
            alone = replace(capture, forward=partial(capture.forward, row=row))
            cam = _made("SESS", alone, base_method=_GradCam, **options)
            maps.append(cam.forward_single_image(view, target))
        return _tensor(np.stack(maps), capture.activations)
    except ValueError as error:
        message = f"SESS cannot work with these options: {error}"
        raise InputError(message, hint=Hint("See", "methods SESS")) from error
    except RuntimeError as error:
        if height == width:
            raise
        message = f"SESS needs square windows of the {height}x{width} input, and '{capture.layer}' fails on them."
        raise InputError(message, hint="Choose a layer with (N, C, H, W), or another method.") from error


def _made(kind: str, capture: Capture, **options: Any) -> Any:
    """An object of grad-cam's class `kind`, without layers to hook."""
    return getattr(pytorch_grad_cam, kind)(_Model(capture), [], **options)


def _weighted(capture: Capture, weights: NDArray[Any]) -> Tensor:
    """Channel weights (N, C) -> evidence (N, C, H, W)."""
    return _tensor(weights, capture.activations)[:, :, None, None] * capture.activations


def _finite(capture: Capture) -> Tensor:
    """Whether each picture is finite, (N,): numpy's decompositions raise for NaN, which the verdict reports."""
    finite = torch.isfinite(capture.activations).flatten(1).all(1)
    return finite & torch.isfinite(capture.gradients).flatten(1).all(1) if capture.gradients.numel() else finite


def _of_finite(capture: Capture, compute: Callable[..., Tensor], like: Tensor) -> Tensor:
    """Activations and gradients of the finite pictures, as arrays -> what is computed of them; NaN for the others."""
    finite = _finite(capture)
    found = torch.full_like(like, float("nan"))
    if finite.any():
        gradients = capture.gradients[finite] if capture.gradients.numel() else capture.gradients
        found[finite] = compute(_numpy(capture.activations[finite]), _numpy(gradients))
    return found


def _numpy(tensor: Tensor) -> NDArray[np.float32]:
    array: NDArray[np.float32] = tensor.detach().float().cpu().numpy()
    return array


def _tensor(array: NDArray[Any], like: Tensor) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array, np.float32)).to(like.device)
