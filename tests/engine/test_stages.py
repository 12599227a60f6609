"""A network in stages: what is random first, and what a stage is called."""

import pytest
import torch
from torch import nn

from camctl.engine.model_copy import replica, run_order, stages
from tests.models import CLASSES, TinyCnn, TinyVit, loaded, of_mmpretrain, seeded


def found(module, size=(32, 32)):
    given = loaded(module)
    copied = replica(given)
    order, classes = run_order(copied, module, copied.forward, torch.rand(1, 3, *size))
    return stages(module, order, classes)


def test_the_head_comes_first_and_the_stem_last():
    names = [one.name for one in found(seeded(TinyCnn()))]
    assert (names[0], names[1].split(".")[0], names[-1]) == ("head", "block2", "stem")


@pytest.mark.parametrize("module", [TinyCnn(), TinyVit()], ids=["cnn", "vit"])
def test_every_weight_is_in_one_stage(module):
    owners = [name for stage in found(module) for name in stage.owners]
    owning = [name for name, part in module.named_modules() if [*part.parameters(recurse=False)]]
    assert sorted(owners) == sorted(owning)


def test_tokens_and_positions_of_a_transformer_belong_to_its_first_stage():
    assert "" in found(TinyVit())[-1].owners


@pytest.mark.parametrize("family", ["cnn", "vit", "swin", "t2t"])
def test_a_network_of_mmpretrain_has_six_stages_and_its_own_head(family):
    module = of_mmpretrain(family)

    class Bare(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = module

        def forward(self, x):
            return self.net.head(self.net.extract_feat(x))

    parts = found(Bare(), (64, 64))
    assert len(parts) == 6
    assert all(name.startswith("net.head") for name in parts[0].owners)


def test_two_heads_that_answer_together_are_one_stage():
    class Distilled(nn.Module):
        def __init__(self):
            super().__init__()
            self.body, self.one, self.two = nn.Conv2d(3, 4, 8, 8), nn.Linear(4, CLASSES), nn.Linear(4, CLASSES)

        def forward(self, x):
            y = self.body(x).mean((2, 3))
            return (self.one(y) + self.two(y)) / 2

    assert found(Distilled())[0].owners == ("one", "two")


def test_a_norm_behind_the_last_matrix_belongs_to_the_head():
    body = nn.Conv2d(3, 4, 8, 8), nn.AdaptiveAvgPool2d(1), nn.Flatten()
    net = nn.Sequential(*body, nn.Linear(4, 5), nn.BatchNorm1d(5)).eval()
    assert found(net)[0].owners == ("3", "4")
