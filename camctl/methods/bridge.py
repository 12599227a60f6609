"""Arithmetic of the package grad-cam on a capture, for the methods of `library.py`.

grad-cam clears gradients, swaps layers, keeps aliases and swallows errors of its model. So its classes are made without
layers, on a `_Model`, and are given activations and gradients that come from the capture.

Imported only when such a method is used, since grad-cam takes seconds to import.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import numpy as np
import pytorch_grad_cam
import torch
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget, FinerWeightedTarget
from torch import Tensor, nn

from camctl.errors import Hint, InputError
from camctl.methods.gradients import layer_gradients

if TYPE_CHECKING:
    from collections.abc import Sequence

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
    if not _finite(capture):
        return activations.sum(1) * float("nan")
    if activations.shape[2:] == (1, 1):  # nothing to decompose, as the verdict will say
        return activations.new_zeros(activations[:, 0].shape)
    cam = _made(kind, capture, **options)
    image = cam.get_cam_image(None, None, None, _numpy(activations), _numpy(capture.gradients), eigen_smooth=False)
    return _tensor(image, activations)


def oriented(maps: Tensor) -> Tensor:
    """Maps (N, H, W) of arbitrary sign, negated if needed so that their largest absolute value is positive."""
    return torch.where(maps.amax((1, 2), keepdim=True) < -maps.amin((1, 2), keepdim=True), -maps, maps)


@silent
def refinecam(capture: Capture) -> Tensor:
    """Evidence (N, C, H, W) by grad-cam's GradCAMPlusPlus."""
    if not _finite(capture):
        return capture.activations * float("nan")
    cam = _made("GradCAMPlusPlus", capture)
    arrays = _numpy(capture.activations), _numpy(capture.gradients)
    return _weighted(capture, cam.get_cam_weights(None, None, None, *arrays))


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
    target; here they are chosen once, from the mean over views, and never the target.
    """
    logits = capture.logits.mean(0)
    target = int(capture.targets[0])
    distance = (logits - logits[target]).abs()
    distance[target] = -1
    nearest = distance.argsort(stable=True)
    finer = FinerWeightedTarget(target, [int(nearest[rank]) for rank in ranks], alpha)
    _, gradients, _ = layer_gradients(capture, lambda logits: finer(logits).sum())
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
        inputs.grad, *gradients = torch.autograd.grad(score, [inputs, *outputs], allow_unused=True)
    pairs = [(layer, grad) for layer, grad in zip(layers, gradients, strict=True) if grad is not None]
    cam = _made("FullGrad", capture)
    cam.bias_data = [_numpy(cam.get_bias_data(layer)) for layer, _ in pairs]
    cam.activations_and_grads.gradients = [gradient.float().clone() for _, gradient in pairs]
    return _tensor(cam.compute_cam_per_layer(inputs, None, eigen_smooth=False)[:, 0], capture.activations)


@silent
def sess(capture: Capture, **options: Any) -> Tensor:
    """SESS's non-negative maps (N, h, w) at the input's size: grad-cam's GradCAM over scales and windows."""
    if not _finite(capture):
        return capture.activations.sum(1) * float("nan")
    height, width = capture.inputs.shape[2:]
    targets = [ClassifierOutputTarget(int(index)) for index in capture.targets]
    try:
        cam = _made("SESS", capture, base_method=_GradCam, **options)
        views = zip(capture.inputs.float().split(1), targets, strict=True)
        return _tensor(
            np.stack([cam.forward_single_image(view, target) for view, target in views]), capture.activations
        )
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


def _finite(capture: Capture) -> bool:
    """Whether the capture is finite: numpy's decompositions raise for NaN, which the verdict reports."""
    return bool(torch.isfinite(capture.activations).all() and torch.isfinite(capture.gradients).all())


def _numpy(tensor: Tensor) -> NDArray[np.float32]:
    array: NDArray[np.float32] = tensor.detach().float().cpu().numpy()
    return array


def _tensor(array: NDArray[Any], like: Tensor) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array, np.float32)).to(like.device)
