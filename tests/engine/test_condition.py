"""A model's condition: every kind of change is seen, and nothing else."""

import pytest
import torch

from camctl.engine.model_state import changes, condition
from tests.models import TinyCnn, pictures, seeded


def test_a_forward_pass_in_eval_mode_changes_nothing():
    module = seeded(TinyCnn())
    before = condition(module)
    module(pictures())
    assert changes(before, condition(module)) == ()


CHANGES = {
    "fc.weight": lambda module: module.fc.weight.data.add_(1e-6),
    "block1.bn1.running_mean": lambda module: module.block1.bn1.running_mean.mul_(2),
    "training mode": lambda module: module.block2.train(),
    "requires_grad": lambda module: module.fc.bias.requires_grad_(False),
    "gradients of parameters": lambda module: module(pictures()).sum().backward(),
    "hooks": lambda module: module.pool.register_forward_pre_hook(lambda *_: None),
    "extra": lambda module: module.register_buffer("extra", torch.zeros(2), persistent=False),
}


@pytest.mark.parametrize("word", CHANGES)
def test_a_change_is_told_by_name(word):
    module = seeded(TinyCnn())
    before = condition(module)
    CHANGES[word](module)
    assert changes(before, condition(module)) == (word,)


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float64])
def test_any_precision_is_looked_at(kind):
    module = seeded(TinyCnn()).to(kind)
    before = condition(module)
    module.fc.bias.data[0] = 7
    assert changes(before, condition(module)) == ("fc.bias",)
