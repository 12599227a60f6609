"""Cases small enough to work out by hand, and cases of tiny networks."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from camctl.plugin import Case
from tests.models import TinyCnn, pictures, seeded

if TYPE_CHECKING:
    from collections.abc import Callable

TARGET = 3


def grey(values: Any) -> Tensor:
    """A picture (1, 3, h, w) whose three channels are `values`."""
    return torch.as_tensor(values, dtype=torch.float32).expand(1, 3, -1, -1).clone()


def brightness(weights: Any = None) -> Callable[[Tensor], Tensor]:
    """A score that is linear: the mean over pixels and channels, or their sum by `weights` (h, w)."""
    if weights is None:
        return lambda inputs: inputs.float().mean((1, 2, 3))
    return lambda inputs: (inputs.float().mean(1) * torch.as_tensor(weights)).sum((1, 2))


def case(values: Any, picture: Any = None, score_of: Callable[[Tensor], Tensor] | None = None, **fields: Any) -> Case:
    """A map put to the test; of a white picture whose score is its brightness, unless told otherwise."""
    values = torch.as_tensor(values, dtype=torch.float32)
    inputs = grey(torch.ones_like(values)) if picture is None else torch.as_tensor(picture)
    score_of = score_of or brightness()
    if "score" not in fields:
        fields["score"] = float(score_of(inputs)[0])
    given = {"raw": values, "region": None, "map_of": lambda _inputs: values}
    return Case(values=values, inputs=inputs, score_of=score_of, **(given | fields))


def inside(box: tuple[float, float, float, float], size: tuple[int, int]) -> Tensor:
    """The pixels (h, w) whose centre lies in a box; its border is inside."""
    y, x = torch.arange(size[0])[:, None] + 0.5, torch.arange(size[1])[None] + 0.5
    return (x >= box[0]) & (x <= box[2]) & (y >= box[1]) & (y <= box[3])


def softmax_case(module: nn.Module | None = None, seed: int = 1, size: tuple[int, int] = (32, 32)) -> Case:
    """A random map without ties of a tiny network's picture, for class `TARGET`."""
    module = module or seeded(TinyCnn())
    inputs = pictures(size=size, seed=seed).to(next(module.parameters()).dtype)

    @torch.no_grad()
    def score_of(given: Tensor) -> Tensor:
        return module(given).float().softmax(1)[:, TARGET]

    return case(noise(size, seed), inputs, score_of)


def noise(size: tuple[int, int], seed: int = 1) -> Tensor:
    """A map (h, w) whose values are shuffled equal steps from 0 to 1: none are equal."""
    count = size[0] * size[1]
    shuffled = torch.randperm(count, generator=torch.Generator().manual_seed(seed))
    return (shuffled.float() / (count - 1)).reshape(size)


def quantus() -> Any:
    """The package quantus, whose import has warnings of its own to give."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import quantus

    return quantus
