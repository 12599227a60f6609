"""Untrained networks are told by the statistics of their weights; a trained one never is."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import camctl
from camctl.kit.untrained import looks_untrained


def plain() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 16, 3), nn.ReLU(), nn.Flatten(), nn.Linear(16 * 36, 10))


def normed() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 16, 3), nn.BatchNorm2d(16), nn.ReLU(), nn.Flatten(), nn.Linear(16 * 36, 10))


def tokens() -> nn.Module:
    layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
    return nn.Sequential(nn.Conv2d(3, 16, 2, 2), nn.Flatten(2), nn.Linear(16, 16), nn.TransformerEncoder(layer, 2))


MAKERS = [plain, normed, tokens]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("make", MAKERS)
def test_new_networks_look_untrained(make, seed):
    torch.manual_seed(seed)
    net = make()
    assert looks_untrained(net)
    assert looks_untrained(net.half())


def test_new_networks_of_torchvision_look_untrained():
    from torchvision.models import get_model

    for name in ("resnet18", "mobilenet_v3_small", "shufflenet_v2_x0_5"):
        assert looks_untrained(get_model(name, weights=None)), name


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("make", [plain, normed])
def test_a_few_steps_of_training_are_seen(make, seed):
    torch.manual_seed(seed)
    net = make()
    optimiser = torch.optim.Adam(net.parameters(), lr=1e-3)
    for _ in range(10):
        loss = nn.functional.cross_entropy(net(torch.randn(8, 3, 8, 8)), torch.randint(10, (8,)))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert not looks_untrained(net)


@pytest.mark.parametrize("name", ["resnet", "vit", "swin", "t2t"])
def test_the_demo_networks_are_trained(name):
    assert not looks_untrained(camctl.load(f"demo:{name}").module)


def test_what_tells_nothing_is_not_called_untrained():
    assert not looks_untrained(nn.Sequential(nn.ReLU()))
    assert not looks_untrained(nn.Linear(2, 2))
    sharp = nn.Conv2d(3, 8, 3)
    nn.init.dirac_(sharp.weight)
    assert not looks_untrained(sharp)
