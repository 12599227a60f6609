"""Random weights: the same each time, and alive everywhere."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from camctl.kit.random_weights import LIKE_PICTURES, enliven, randomise, settle


class StartsAtZero(nn.Module):
    """A block with everything that networks start at zero."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens = nn.Parameter(torch.zeros(1, 1, 4))
        self.gamma = nn.Parameter(1e-6 * torch.ones(4))
        self.norm = nn.LayerNorm(4)
        self.head = nn.Linear(4, 3)
        self.init_weights()

    def init_weights(self) -> None:
        nn.init.zeros_(self.norm.weight)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, inputs: Tensor) -> Tensor:
        found: Tensor = self.head(self.norm(self.gamma * (inputs + self.tokens)).mean(1))
        return found


class Deep(nn.Module):
    """Thirty convolutions with batch norms: untrained, it fades out."""

    def __init__(self) -> None:
        super().__init__()
        block = [each for _ in range(30) for each in (nn.Conv2d(8, 8, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU())]
        self.body = nn.Sequential(nn.Conv2d(3, 8, 1), *block, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 2))

    def forward(self, inputs: Tensor) -> Tensor:
        found: Tensor = self.body(inputs)
        return found


def test_gradient_flows_through_layers_that_start_at_zero() -> None:
    model = StartsAtZero()
    randomise(model, 0)
    inputs = torch.randn(1, 5, 4, requires_grad=True)
    model(inputs)[0, 0].backward()
    assert inputs.grad is not None
    assert inputs.grad.abs().max() > 1e-4


def test_same_seed_gives_the_same_weights_and_another_gives_others() -> None:
    models = [StartsAtZero() for _ in range(3)]
    for model, seed in zip(models, (1, 1, 2), strict=True):
        randomise(model, seed)
    first, second, other = (nn.utils.parameters_to_vector(model.parameters()) for model in models)
    assert torch.equal(first, second)
    assert not torch.equal(first, other)


def test_random_numbers_of_the_caller_go_on_as_before() -> None:
    model = StartsAtZero()
    torch.manual_seed(3)
    wanted = torch.rand(3)
    torch.manual_seed(3)
    randomise(model, 0)
    assert torch.equal(torch.rand(3), wanted)


def test_biases_stay_as_they_start() -> None:
    model = StartsAtZero()
    randomise(model, 0)
    assert model.head.bias.abs().max() == 0


def test_batch_norms_keep_a_deep_net_alive() -> None:
    model = Deep()
    randomise(model, 0)
    model.eval()

    def spread() -> float:
        return float(model.body[:-3](torch.randn(1, 3, 8, 8, generator=torch.Generator().manual_seed(1))).std())

    with torch.no_grad():
        faded = spread()
        settle(model, model, (3, 8, 8), 0)
        assert spread() > 100 * faded
    assert not any(module.training for module in model.modules())


def test_net_that_cannot_run_on_noise_is_left_as_it_was() -> None:
    model = Deep().eval()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    settle(model, model, (5, 8, 8), 0)
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    assert model.body[2].momentum == 0.1


def test_enlivening_alone_leaves_what_is_alive() -> None:
    model = StartsAtZero()
    nn.init.ones_(model.head.weight)
    enliven(model, 0)

    assert torch.equal(model.head.weight, torch.ones(3, 4))
    assert min(each.detach().abs().max() for each in (model.tokens, model.gamma, model.norm.weight)) > 1e-3


def test_weights_that_are_not_finite_are_drawn_anew() -> None:
    model = StartsAtZero()
    nn.init.constant_(model.head.weight, float("nan"))
    nn.init.constant_(model.head.bias, float("inf"))
    enliven(model, 0)
    assert all(each.isfinite().all() for each in model.parameters())


def test_noise_may_have_all_scales_as_pictures_have() -> None:
    seen: list[Tensor] = []
    for scales in ((), LIKE_PICTURES):
        model = Deep().eval()
        settle(model, lambda noise, model=model: (seen.append(noise), model(noise))[1], (3, 64, 64), 0, scales=scales)  # type: ignore[misc]
    fine, coarse = (float(nn.functional.avg_pool2d(noise, 16).std()) for noise in seen)
    assert coarse > 5 * fine
