"""Remove and debias: the score while pixels are imputed from their surroundings."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

from camctl.errors import InputError
from camctl.kit.quiet import quiet
from camctl.metrics.curves import order
from camctl.plugin import Case, Cost, metric

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

SEED = 0
"""Seed of the noise on imputed pixels."""


@metric(
    name="ROAD",
    summary="Difference of the score without the pixels of lowest and without those of highest value.",
    paper="Rong et al., 2022, arXiv:2202.00449",
    formula="mean_p (O_least(p) - O_most(p)) / 2,  O the score with a share p replaced by noisy linear imputation",
    better="higher",
    needs={"scores"},
    cost=Cost(
        text="18 forwards (2 x steps), 18 linear systems: seconds a map, so only by name",
        by_name=True,
    ),
    rewards="Maps of one compact blob: pixels imputed in its middle are far from any that is left.",
)
def road(case: Case, *, steps: int = 9) -> float:
    """Difference, -0.5..0.5: grad-cam's `ROADCombined`, with its imputation and noise.

    `steps`: number of shares of the pixels to impute, evenly spaced between none and all: 9 are 10 % to 90 %. Equal
    values are imputed in the order of `camctl.metrics.curves.order`; with grad-cam's thresholds a plateau is imputed as
    a whole. NaN if a score is NaN.
    """
    import torch

    if steps < 1:
        raise InputError(f"steps must be 1 or more, not {steps}.", hint="Omit steps for its default.")
    rank = order(case).argsort().reshape(case.values.shape)
    total = rank.numel()
    counts = [ceil((total - 1) * step / (steps + 1)) for step in range(1, steps + 1)]
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(SEED)
        without_least = _score(case, [rank < count for count in counts])
        without_most = _score(case, [rank >= total - count for count in counts])
    return (without_least - without_most) / 2


def _score(case: Case, masks: Sequence[Tensor]) -> float:
    """Mean score of inputs with only the pixels of each mask (h, w) left, the others imputed."""
    import torch

    picture = case.inputs[0].cpu().float()
    scores = [case.score_of(_imputed(picture, mask).to(case.inputs)) for mask in masks]
    return float(torch.cat(scores).double().mean())


def _imputed(picture: Tensor, mask: Tensor) -> Tensor:
    """Impute the pixels outside a mask with the weighted mean of their neighbours and noise: (1, C, h, w)."""
    with quiet():  # NumPy warns about how grad-cam reads a tensor
        from pytorch_grad_cam.metrics.road import NoisyLinearImputer

        filled: Tensor = NoisyLinearImputer()(picture, mask.float())
    return filled[None]
