"""Ablation-CAM."""

from __future__ import annotations

from typing import TYPE_CHECKING

from camctl.errors import InputError
from camctl.plugin import Capture, Cost, method

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

HALF = 0.5
"""Largest ratio: grad-cam ablates the channels at both ends of a ranking, above one half some of them twice."""

VISIBLE = 0.01
"""Share of the principal component's largest value above which a place counts, as in grad-cam."""

FAR = 1e7
"""Distance of an ablated channel below a signed layer's least value, as in grad-cam."""


@method(
    name="AblationCAM",
    summary="Weights each channel by how much the score drops without it; no gradients.",
    paper="Desai and Ramaswamy, 2020, WACV",
    formula="ReLU( sum_c w_c A_c ),  w_c = (y - y without A_c) / |y|",
    needs={"activations", "replay"},
    cost=Cost(text="2 forwards, and what follows the layer once a channel"),
)
def ablationcam(capture: Capture, *, batch_size: int = 32, ratio_channels_to_ablate: float = 1.0) -> Tensor:
    """Evidence (N, C, H, W).

    A channel is ablated in the grid only, extra tokens keep it. As in grad-cam, it is set to zero if the layer's least
    value is zero (after a ReLU), else far below it. The paper divides by the score, which inverts the map if that is
    negative; here the score's absolute value is used.
    `batch_size`: channels in one batch, over all pictures; more take more memory.
    `ratio_channels_to_ablate`: above 0 and up to 0.5 ablates that ratio of the channels at both ends of a ranking by
    their share in the first principal component; 1 ablates all.
    """
    import torch

    if batch_size < 1:
        message = f"batch_size must be 1 or more, not {batch_size}."
        raise InputError(message, hint="Omit batch_size for its default.")
    if ratio_channels_to_ablate != 1 and not 0 < ratio_channels_to_ablate <= HALF:
        message = f"AblationCAM cannot ablate a ratio of {ratio_channels_to_ablate} of the channels."
        raise InputError(message, hint="Set ratio_channels_to_ablate to 1, or above 0 and up to 0.5.")
    activations = capture.activations
    views, channels = activations.shape[:2]
    least = activations.amin((1, 2, 3))[:, None, None, None, None]
    value = torch.where(least == 0, 0.0, least - FAR)
    channels_ablated = _selected(activations, ratio_channels_to_ablate)
    plain = capture.logits.gather(1, capture.targets[:, None])
    scores = plain.expand(views, channels).clone()
    for part in channels_ablated.split(max(1, batch_size * capture.views // views), 1):
        without = torch.zeros(*part.shape, channels, device=part.device, dtype=torch.bool).scatter_(
            2, part[..., None], 1
        )
        grids = torch.where(without[..., None, None], value, activations[:, None])
        logits = capture.replay(grids.flatten(0, 1)).unflatten(0, (views, -1))
        scores.scatter_(1, part, logits.gather(2, capture.targets[:, None, None].expand(-1, part.shape[1], 1))[..., 0])
    scale = torch.where(plain == 0, 1.0, plain.abs())
    return ((plain - scores) / scale)[:, :, None, None] * activations


def _selected(activations: Tensor, ratio: float) -> Tensor:
    """Indices (N, K) of the channels to ablate."""
    import torch

    views, channels = activations.shape[:2]
    if ratio == 1:
        return torch.arange(channels, device=activations.device).expand(views, -1)
    count = int(channels * ratio)
    ranked = [_ranked(view) for view in activations.float().cpu().numpy()]
    selected = [[*ranks[::-1][:count], *ranks[:count]] for ranks in ranked]
    return torch.tensor(selected, device=activations.device, dtype=torch.int64)


def _ranked(activations: NDArray[np.float32]) -> list[int]:
    """Channels (C, H, W) by their share in the first principal component, the least first; as in grad-cam."""
    import numpy as np

    with np.errstate(all="ignore"):  # a constant channel has no share
        places = np.nan_to_num(activations, nan=0.0).reshape(len(activations), -1).T
        places = places - places.mean(0)
        component = np.abs(places @ np.linalg.svd(places, full_matrices=True)[2][0])
        component = component - component.min()
        shown = component / component.max() > VISIBLE
        channels = np.abs(activations.reshape(len(activations), -1))
        channels = channels - channels.min(1, keepdims=True)
        channels = channels / channels.max(1, keepdims=True)
        return [int(index) for index in np.argsort((shown * channels).sum(1) / channels.sum(1))]
