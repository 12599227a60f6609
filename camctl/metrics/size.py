"""How much of the picture a map shows, and how unevenly: coverage and sparsity."""

from __future__ import annotations

from typing import TYPE_CHECKING

from camctl.plugin import Case, metric

if TYPE_CHECKING:
    from torch import Tensor


@metric(
    name="Coverage",
    summary="Mean of the map: how much of the picture it shows.",
    paper="the complexity of Poppi et al., 2021, arXiv:2104.10252",
    formula="mean_ij M",
    better="neither",
    rewards="Nothing: it does not say whether the right part is shown; an empty and a full map explain nothing.",
)
def coverage(case: Case) -> float:
    """Mean, 0..1."""
    return float(_values(case).mean())


@metric(
    name="Sparsity",
    summary="Gini index of the map's values: 0 for a constant map, near 1 if a few pixels have all of it.",
    paper="Hurley and Rickard, 2008, arXiv:0811.4706; on explanations Chalasani et al., 2018, arXiv:1810.06583",
    formula="sum_k (2k - n - 1) M_(k) / (n sum_k M_(k)),  M_(1) <= ... <= M_(n) the n values in order",
    better="neither",
    rewards="As a goal, a single bright pixel anywhere.",
)
def sparsity(case: Case) -> float:
    """Gini index, 0..1 - 1/n. NaN if the map is all zeros."""
    import torch

    values = _values(case).flatten().sort().values
    n = values.numel()
    ranks = torch.arange(1, n + 1, dtype=values.dtype)
    return float(((2 * ranks - n - 1) * values).sum() / (n * values.sum()))


def _values(case: Case) -> Tensor:
    """The map in double precision on the CPU: sums over many pixels need it, and some devices lack it."""
    return case.values.cpu().double()
