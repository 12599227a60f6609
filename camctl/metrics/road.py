"""Remove and debias: the score's fall and stay while pixels are replaced by what surrounds them."""

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
"""Of the noise on replaced pixels."""


@metric(
    name="ROAD",
    summary="How much more of the score is left without the pixels the map values least than without those it values "
    "most.",
    paper="Rong et al., 2022, arXiv:2202.00449",
    formula="mean_p (O_least(p) - O_most(p)) / 2,  O the score with a share p replaced by noisy linear imputation",
    better="higher",
    needs={"scores"},
    cost=Cost(
        text="18 forwards (2 x steps), 18 linear systems: seconds a map, so by name alone",
        by_name=True,
    ),
    rewards="Maps of one compact blob: what is imputed in its middle is far from any pixel that is left.",
)
def road(case: Case, *, steps: int = 9) -> float:
    """-0.5..0.5; the package grad-cam's `ROADCombined`, whose imputation this is, with that package's noise.

    `steps`: how many shares of the pixels are replaced, evenly spaced between none and all: 9 are 10 % to 90 %. Equal
    values are replaced as `camctl.metrics.curves.order` says: by grad-cam's thresholds a wide plateau goes as a whole.
    NaN where a score is.
    """
    import torch

    if steps < 1:
        raise InputError(f"steps must be 1 or more, not {steps}.", hint="Leave out steps for its default.")
    turn = order(case).argsort().reshape(case.values.shape)
    total = turn.numel()
    counts = [ceil((total - 1) * step / (steps + 1)) for step in range(1, steps + 1)]
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(SEED)
        without_least = _score(case, [turn < count for count in counts])
        without_most = _score(case, [turn >= total - count for count in counts])
    return (without_least - without_most) / 2


def _score(case: Case, kept: Sequence[Tensor]) -> float:
    """Mean score of inputs of which only the pixels `kept` (h, w) are left, the others imputed from them."""
    import torch

    scores = [case.score_of(_imputed(case.inputs[0].cpu().float(), one).to(case.inputs)) for one in kept]
    return float(torch.cat(scores).double().mean())


def _imputed(picture: Tensor, kept: Tensor) -> Tensor:
    """(1, C, h, w): a picture (C, h, w) whose other pixels are the weighted mean of those around them, and noise."""
    with quiet():  # of NumPy, on how the package reads a tensor
        from pytorch_grad_cam.metrics.road import NoisyLinearImputer

        filled: Tensor = NoisyLinearImputer()(picture, kept.float())
    return filled[None]
