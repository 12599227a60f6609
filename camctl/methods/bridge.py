"""Arithmetic of the package grad-cam on a capture, for the methods of `library.py`.

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

from camctl.errors import InputError
from camctl.methods.gradients import layer_gradients
from camctl.methods.stage import borrowed, wrong_options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from camctl.methods.gradients import Score
    from camctl.plugin import Capture


def by_weights(kind: str, capture: Capture, **options: Any) -> Tensor:
    """Evidence (N, C, H, W): channel weights by grad-cam's class `kind`, times the activations."""
    if not _finite(capture):
        return capture.activations * float("nan")
    with borrowed(kind, capture, **options) as cam:
        weights = cam.get_cam_weights(*_arguments(capture, cam))
    return evidence(capture, weights)


def by_image(kind: str, capture: Capture, **options: Any) -> Tensor:
    """Signed maps (N, H, W) by grad-cam's class `kind`, before ReLU and scaling."""
    activations = capture.activations
    if not _finite(capture):
        return activations.sum(1) * float("nan")
    if activations.shape[2:] == (1, 1):  # nothing to decompose, as the verdict will say
        return activations.new_zeros(activations[:, 0].shape)
    with borrowed(kind, capture, **options) as cam:
        image = cam.get_cam_image(*_arguments(capture, cam), eigen_smooth=False)
    return _tensor(image, activations)


def evidence(capture: Capture, weights: NDArray[Any]) -> Tensor:
    """Channel weights (N, C) -> evidence (N, C, H, W)."""
    return _tensor(weights, capture.activations)[:, :, None, None] * capture.activations


def oriented(maps: Tensor) -> Tensor:
    """Maps (N, H, W) of arbitrary sign, negated if needed so that their largest absolute value is positive."""
    return torch.where(maps.amax((1, 2), keepdim=True) < -maps.amin((1, 2), keepdim=True), -maps, maps)


def masked_scores(capture: Capture, view: int, channels: Tensor, batch_size: int) -> Tensor:
    """Score-CAM's scores: the target's logit for one view's input masked by each of these channels.

    grad-cam builds all C masked inputs at once, gigabytes for a ResNet-50: it is given `batch_size` channels at a
    time, and its scores are recorded before its softmax.
    """
    scores: list[Tensor] = []
    index = int(capture.targets[view])

    def score(logits: Tensor) -> Tensor:
        scores.append(logits[index].detach())
        return logits[index]

    activations = capture.activations[view : view + 1, channels]
    inputs = capture.inputs[view : view + 1].float()
    with borrowed("ScoreCAM", capture) as cam:
        cam.batch_size = batch_size
        # Scores need no hook: the layer's activations are those of the capture.
        cam.model = lambda batch: capture.forward(batch.to(capture.inputs.dtype)).float()
        for part in activations.split(batch_size, 1):
            cam.get_cam_weights(inputs, None, [score], _numpy(part), None)
    return torch.stack(scores)


def shapley_weights(capture: Capture, score: Score) -> NDArray[Any]:
    """ShapleyCAM's channel weights (N, C): gradients minus half the Hessian times the activations."""
    leaf, gradients, to_grid = layer_gradients(capture, score, whole=True, twice=True)
    if not gradients.requires_grad:  # the score is linear in the layer: grad-cam then takes a Hessian of zero
        gradients = gradients.requires_grad_()
    with torch.enable_grad(), borrowed("ShapleyCAM", capture) as cam:
        cam.activations_and_grads.reshape_transform = to_grid
        weights: NDArray[Any] = cam.get_cam_weights(None, None, None, leaf, gradients)
    return weights


def finer_weights(capture: Capture, alpha: float, ranks: Sequence[int]) -> NDArray[Any]:
    """Grad-CAM's channel weights (N, C) for FinerCAM's score.

    grad-cam chooses the classes to compare with for each view, and confuses a class of exactly the same logit with the
    target; here they are chosen once, from the mean over views, and never the target.
    """
    logits = capture.logits.mean(0)
    target = int(capture.targets[0])
    distance = (logits - logits[target]).abs()
    distance[target] = -1
    nearest = distance.argsort(stable=True)
    finer = FinerWeightedTarget(target, [int(nearest[rank]) for rank in ranks], alpha)
    _, gradients, _ = layer_gradients(capture, lambda logits: torch.stack([finer(view) for view in logits]).sum())
    with borrowed("GradCAM", capture) as cam:
        weights: NDArray[Any] = cam.get_cam_weights(None, None, None, None, _numpy(gradients))
    return weights


def random_weights(capture: Capture, seed: int) -> NDArray[Any]:
    """RandomCAM's channel weights (N, C), one draw for all views; numpy's global generator is restored."""
    views, channels = capture.activations.shape[:2]
    before = np.random.get_state()  # noqa: NPY002 - the one that grad-cam draws from
    try:
        np.random.seed(seed)  # noqa: NPY002
        with borrowed("RandomCAM", capture) as cam:
            weights = cam.get_cam_weights(None, None, None, None, np.empty((1, channels), np.float32))
    finally:
        np.random.set_state(before)  # noqa: NPY002
    return np.repeat(weights, views, 0)


def channels_to_ablate(activations: Tensor, ratio: float) -> list[int]:
    """Channels of one view's activations (C, H, W) that AblationCAM ablates, by grad-cam's ranking."""
    channels: list[int] = (
        pytorch_grad_cam.AblationLayer().activations_to_be_ablated(_numpy(activations), ratio).tolist()
    )
    return channels


def has_bias(layer: nn.Module) -> bool:
    """Whether FullGrad uses a layer: one of these two classes, and no subclass, as in grad-cam."""
    return type(layer) in (nn.Conv2d, nn.BatchNorm2d) and getattr(layer, "bias", None) is not None


def full_gradient(capture: Capture) -> Tensor:
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
        for part in capture.module.modules():
            if has_bias(part):
                hooks.callback(part.register_forward_hook(record).remove)
        logits = capture.forward(inputs.to(capture.inputs.dtype)).float()
        score = logits.gather(1, capture.targets[:, None]).sum()
        by_input, *gradients = torch.autograd.grad(score, [inputs, *outputs], allow_unused=True)
    pairs = [(layer, grad) for layer, grad in zip(layers, gradients, strict=True) if grad is not None]
    with borrowed("FullGrad", capture) as cam:
        inputs.grad = by_input
        cam.bias_data = [_numpy(cam.get_bias_data(layer)) for layer, _ in pairs]
        cam.activations_and_grads.gradients = [gradient.float().clone() for _, gradient in pairs]
        maps = cam.compute_cam_per_layer(inputs, None, eigen_smooth=False)
    return _tensor(maps[:, 0], capture.activations)


def enhanced(capture: Capture, **options: Any) -> Tensor:
    """SESS's non-negative maps (N, h, w) at the input's size: grad-cam's GradCAM over scales and windows."""
    if not _finite(capture):
        return capture.activations.sum(1) * float("nan")
    maps = []
    with torch.enable_grad(), borrowed("SESS", capture, **options) as cam:
        for view, target in zip(capture.inputs.float(), _targets(capture), strict=True):
            try:
                maps.append(cam.forward_single_image(view[None], target))
            except ValueError as error:
                raise wrong_options("SESS", error) from error
            except RuntimeError as error:
                height, width = view.shape[1:]
                if height == width:
                    raise
                message = (
                    f"SESS needs square windows of the {height}x{width} input, and '{capture.layer}' fails on them."
                )
                raise InputError(message, hint="Choose a layer with (N, C, H, W), or another method.") from error
    return _tensor(np.stack(maps), capture.activations)


def _targets(capture: Capture) -> Sequence[Any]:
    return [ClassifierOutputTarget(int(index)) for index in capture.targets]


def _arguments(capture: Capture, cam: Any) -> tuple[Any, ...]:
    """Arguments of grad-cam's `get_cam_weights` and `get_cam_image`: inputs, layer, targets, activations, gradients."""
    gradients = capture.gradients if capture.gradients.numel() else capture.activations
    return (
        capture.inputs.float(),
        cam.target_layers[0],
        _targets(capture),
        _numpy(capture.activations),
        _numpy(gradients),
    )


def _finite(capture: Capture) -> bool:
    """Whether the capture is finite: numpy's decompositions raise for NaN, which the verdict reports."""
    return bool(torch.isfinite(capture.activations).all() and torch.isfinite(capture.gradients).all())


def _numpy(tensor: Tensor) -> NDArray[np.float32]:
    array: NDArray[np.float32] = tensor.detach().float().cpu().numpy()
    return array


def _tensor(array: NDArray[Any], like: Tensor) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array, np.float32)).to(like.device)
