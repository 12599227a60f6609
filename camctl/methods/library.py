"""Methods of the package grad-cam on camctl's captures, most of them computed by it (`bridge.py`).

grad-cam's other classes are methods of camctl's own, or do not explain a classifier: `SobelCAM` filters the picture's
edges without a model, `GuidedBackpropReLUModel` and `DeepFeatureFactorization` compute no class activation map, and the
ablation of Faster R-CNN needs boxes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from camctl.errors import InputError
from camctl.methods.remarks import blind_on_lite0, weak_on_class_tokens
from camctl.plugin import Capture, Cost, Evidence, method

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor, nn


def _any_model(_module: nn.Module) -> str:
    """Accept every model. grad-cam is imported here already, so that its import is not in a method's time."""
    from camctl.methods import bridge  # noqa: F401

    return ""


@method(
    name="ScoreCAM",
    summary="Weights each channel by the score of the picture seen through it; no gradients.",
    paper="Wang et al., 2020, arXiv:1910.01279",
    formula="ReLU( sum_c w_c A_c ),  w = softmax over c of the logit of (input x upsampled A_c, stretched to 0..1)",
    needs={"activations", "rescoring"},
    cost=Cost(text="1 forward a channel; top_channels=N makes it N"),
)
def scorecam(capture: Capture, *, batch_size: int | None = None, top_channels: int | None = None) -> Evidence:
    """Evidence (N, C, H, W).

    `batch_size`: channels in one forward pass; more take more memory. None is 8, or 64 on a GPU. `top_channels`:
    number of channels to score, those that vary most over the grid; the others get no weight. None scores all. Known as
    Faster Score-CAM, which has no paper.
    """
    import torch
    from torch.nn.functional import interpolate

    activations = capture.activations
    at_once = (8 if activations.device.type == "cpu" else 64) if batch_size is None else batch_size
    _at_least("batch_size", at_once, 1)
    count = activations.shape[1]
    if top_channels is not None:
        _at_least("top_channels", top_channels, 1)
        count = min(count, top_channels)
    # A stable order, so that the choice is the same on every machine.
    spread = activations.flatten(2).std(2, correction=0)
    selected = spread.argsort(stable=True, dim=1, descending=True)[:, :count].sort(1)[0]
    weights = torch.zeros_like(activations[:, :, 0, 0])
    for view, channels in enumerate(selected):
        scores = []
        for part in activations[view, channels].split(at_once):
            masks = interpolate(part[:, None], capture.inputs.shape[2:], mode="bilinear", align_corners=True)
            least, most = masks.amin((2, 3), keepdim=True), masks.amax((2, 3), keepdim=True)
            seen = capture.inputs[view].float() * ((masks - least) / (most - least + 1e-8))
            with torch.no_grad():
                logits = capture.forward(seen.to(capture.inputs.dtype), row=view).float()
            scores.append(logits[:, capture.targets[view]])
        weights[view, channels] = torch.cat(scores).softmax(0)
    return weights[:, :, None, None] * activations


def _why_no_full_gradient(module: nn.Module) -> str:
    """Why FullGrad cannot work on a model: no biases of plain 2-D layers, or norms without statistics."""
    from camctl.methods import bridge

    layers = [part for part in module.modules() if bridge.has_bias(part)]
    if not layers:
        return "it sums the gradients at the biases of Conv2d and BatchNorm2d layers, and there are none."
    if any(getattr(layer, "running_var", layer) is None for layer in layers):
        return "it reads the running mean and variance of every BatchNorm2d, and one keeps none."
    return ""


@method(
    name="FullGrad",
    summary="Sums the gradients of the input and of every convolution's bias; knows no target layer.",
    paper="Srinivas and Fleuret, 2019, arXiv:1905.00780",
    formula="|G_x x| + sum over layers and channels of |G b|, each stretched to 0..1",
    needs={"rescoring"},
    cost=Cost(text="1 forward, 1 whole backward"),
    reduction="none",
    remarks=(
        (
            "Sums sizes, which have no sign: on demo:resnet .08 of its light lies on the asked object (10 questions; "
            "GradCAM .93, a blob in the middle .17)."
        ),
    ),
    cannot=_why_no_full_gradient,
)
def fullgrad(capture: Capture) -> Evidence:
    """Non-negative maps (N, h, w) at the input's size; the same for every target layer."""
    from camctl.methods import bridge

    return bridge.fullgrad(capture)


@method(
    name="FEM",
    summary="Weights each channel by how often it is unusually active; knows no class.",
    paper="Fuad et al., 2020, IPTA, hal-02963298",
    formula="ReLU( sum_c w_c A_c ),  w_c = share of places with A_c > mean + k deviations",
    needs={"activations"},
    reduction="none",
    signed=False,
    cannot=_any_model,
)
def fem(capture: Capture, *, k: float = 2.0) -> Evidence:
    """Signed maps (N, H, W). `k`: standard deviations above a channel's mean that count as unusual."""
    from camctl.methods import bridge

    return bridge.maps("FEM", capture, k=k)


@method(
    name="KPCA-CAM",
    summary="First kernel principal component of the activations; knows no class.",
    paper="Karmani et al., 2024, arXiv:2410.00267",
    formula="ReLU( first component of kernel PCA over places of A )",
    needs={"activations"},
    reduction="none",
    signed=False,
    cannot=_any_model,
)
def kpcacam(capture: Capture, *, kernel: str = "sigmoid", gamma: float | None = None) -> Evidence:
    """Signed maps (N, H, W); like EigenCAM's, their largest absolute value is positive.

    `kernel`: sigmoid, rbf, poly, cosine or linear. `gamma`: its width, 1/C if None.
    """
    from camctl.methods import bridge

    kernels = ("sigmoid", "rbf", "poly", "cosine", "linear")
    if kernel not in kernels:
        raise InputError(f"KPCA-CAM has no kernel '{kernel}'.", hint=f"Choose from: {', '.join(kernels)}.")
    return bridge.oriented(bridge.maps("KPCA_CAM", capture, kernel=kernel, gamma=gamma))


@method(
    name="ShapleyCAM",
    summary="Grad-CAM with a second-order term: each channel's Shapley value.",
    paper="Cai, 2025, arXiv:2501.06261",
    formula="ReLU( sum_c mean_ij(G - H A / 2)_c A_c ),  H the Hessian of the score",
    needs={"activations", "gradients", "rescoring"},
    cost=Cost(text="1 forward, 2 backward"),
    cannot=_any_model,
)
def shapleycam(capture: Capture, *, rest: bool = False) -> Evidence:
    """Evidence (N, C, H, W).

    `rest`: explain the paper's ReST score, logit plus log-probability. With the plain logit, the result is GradCAM's on
    networks that are piecewise linear after the layer, since their Hessian is zero.
    """
    from torch.nn.functional import cross_entropy

    from camctl.methods import bridge

    def score(logits: Tensor) -> Tensor:
        total = logits.gather(1, capture.targets[:, None]).sum()
        return total - cross_entropy(logits, capture.targets, reduction="sum") if rest else total

    return bridge.shapleycam(capture, score)


@method(
    name="FinerCAM",
    summary="Grad-CAM of what distinguishes the class from the most similar ones.",
    paper="Zhang et al., 2025, arXiv:2501.11309",
    formula="Grad-CAM of  sum_k p_k (y - alpha y_k) / sum_k p_k  over the classes k of the nearest logits",
    needs={"activations", "gradients", "rescoring"},
    cost=Cost(text="1 forward, 1 backward"),
    cannot=_any_model,
)
def finercam(capture: Capture, *, alpha: float = 1.0, comparison_categories: Sequence[int] = (1, 2, 3)) -> Evidence:
    """Evidence (N, C, H, W).

    `alpha`: how strongly the most similar classes are subtracted. `comparison_categories`: which of them, by rank of
    similarity, 1 for the nearest. All views of a picture are compared with the same classes.
    """
    from camctl.methods import bridge

    ranks = [rank for rank in comparison_categories if 0 < rank < capture.logits.shape[1]]
    if not ranks:
        message = f"FinerCAM needs another class to compare with; the model has {capture.logits.shape[1]}."
        raise InputError(message, hint="Set comparison_categories between 1 and the number of classes less one.")
    return bridge.finercam(capture, alpha, ranks)


@method(
    name="SegEigenCAM",
    summary="First principal component of activations times absolute gradients.",
    paper="Chung and Ying, 2025, doi:10.3390/app15137562",
    formula="ReLU( (|G| A) v ),  v the first principal direction, signed so that the largest value is positive",
    needs={"activations", "gradients"},
    reduction="none",
    signed=False,
    remarks=(
        blind_on_lite0(".97"),
        "Its sign is its largest value's: on demo:resnet it shows the background (peak on the object in .00 of 60).",
    ),
    cannot=_any_model,
)
def segeigencam(capture: Capture) -> Evidence:
    """Signed maps (N, H, W)."""
    from camctl.methods import bridge

    return bridge.maps("SegEigenCAM", capture)


@method(
    name="RandomCAM",
    summary="Weights channels at random: an example of a map that explains nothing.",
    paper="no paper; from the package grad-cam",
    formula="ReLU( sum_c w_c A_c ),  w_c uniform in -1..1",
    needs={"activations"},
)
def randomcam(capture: Capture, *, seed: int = 0) -> Evidence:
    """Evidence (N, C, H, W), the same for every class; `seed` draws the weights, which all views share."""
    import numpy as np
    import torch

    _at_least("seed", seed, 0)
    # As grad-cam draws from numpy's global generator.
    weights = np.random.RandomState(seed % 2**32).uniform(-1, 1, capture.activations.shape[1])
    return torch.from_numpy(weights).to(capture.activations)[:, None, None] * capture.activations


@method(
    name="RefineCAM",
    summary="Product of Grad-CAM++ over several layers, fine and free of noise: for the layers auto:3.",
    paper="arXiv:2605.14641",
    formula="product over layers of Grad-CAM++, each stretched to 0..1",
    needs={"activations", "gradients"},
    aggregate="product",
    signed=False,
    remarks=(weak_on_class_tokens(vit=".33", t2t=".27"),),
    cannot=_any_model,
)
def refinecam(capture: Capture) -> Evidence:
    """Evidence (N, C, H, W) of one layer, Grad-CAM++'s; the fusion by product makes it RefineCAM."""
    from camctl.methods import bridge

    return bridge.refinecam(capture)


@method(
    name="SESS",
    summary="Grad-CAM of many windows at many scales, weighted by their scores; finds small and repeated objects.",
    paper="Tursun et al., 2022, arXiv:2207.01769",
    formula="blur( mean over windows of p(window) Grad-CAM(window) )",
    needs={"activations", "gradients", "rescoring"},
    cost=Cost(text="244 forwards at twelve scales"),
    reduction="none",
    cannot=_any_model,
)
def sess(  # noqa: PLR0913
    capture: Capture,
    *,
    num_scales: int = 12,
    scale_step_ratio: float = 2 / 7,
    window_size: int | None = None,
    step_size: int | None = None,
    pre_filter_ratio: float = 0.0,
    theta: float = 0.0,
    pool: str = "mean",
    smooth: bool = True,
    batch_size: int = 32,
) -> Evidence:
    """Non-negative maps (N, h, w) at the input's size.

    `num_scales`: number of sizes that the picture is enlarged to, each `scale_step_ratio` windows larger than the one
    before; `window_size`, `step_size`: size and step of the sliding window in pixels (the input's shorter side if
    None); `pre_filter_ratio`: share of the windows, those of the lowest scores, to skip; `theta`: threshold below which
    values are ignored; `pool`: mean or max over windows; `smooth`: blur the result; `batch_size`: windows in one
    forward pass.
    """
    from camctl.methods import bridge

    _at_least("batch_size", batch_size, 1)
    return bridge.sess(
        capture,
        num_scales=num_scales,
        scale_step_ratio=scale_step_ratio,
        window_size=window_size,
        step_size=step_size,
        pre_filter_ratio=pre_filter_ratio,
        theta=theta,
        pool=pool,
        smooth=smooth,
        batch_size=batch_size,
    )


def _at_least(option: str, value: int, least: int) -> None:
    if value < least:
        raise InputError(f"{option} must be {least} or more, not {value}.", hint=f"Omit {option} for its default.")
