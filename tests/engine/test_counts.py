"""What a map costs besides arithmetic, counted: passes, hooks, walks through the model, waits for the device, copies.

Nothing here looks at a clock. Before the maps come to the host, what asks a tensor for its value would wait for a GPU.
"""

from __future__ import annotations

import traceback
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

import camctl
from camctl import registry
from camctl.engine import cam, layout, predictions
from camctl.pipeline.plan import plan_of

WAITS = ("_local_scalar_dense", "nonzero", "masked_select", "unique", "is_nonzero")
"""Operations whose result the host waits for."""

EIGHT = ("GradCAM", "GradCAM++", "XGradCAM", "EigenCAM", "EigenGradCAM", "LayerCAM", "HiResCAM", "GradCAMElementWise")


class Waits(TorchDispatchMode):
    """Counts the operations that wait for the device, by place, until the maps are on the host."""

    def __init__(self):
        super().__init__()
        self.places, self.over = Counter(), False

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if not self.over and any(wait in str(func) for wait in WAITS):
            # Predictions are on the host already.
            own = [frame for frame in traceback.extract_stack() if "camctl" in Path(frame.filename).parts]
            if own[-1].filename != predictions.__file__:
                self.places[f"{Path(own[-1].filename).name} {own[-1].name}"] += 1
        return func(*args, **(kwargs or {}))


class Counted(nn.Module):
    """A small convolutional net that counts its forward passes."""

    input_size = (32, 32)
    class_names = tuple("abcdefghijkl")

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.stem = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.norm = nn.BatchNorm2d(8)
        self.act = nn.ReLU()
        self.fc = nn.Linear(8, 12)
        self.rows = []

    def forward(self, x):
        self.rows.append(len(x))
        return self.fc(self.act(self.norm(self.stem(x))).mean((2, 3)))


@pytest.fixture
def net():
    module = Counted().eval()
    for parameter in module.parameters():
        parameter.requires_grad_(False)
    return camctl.load(module)


@pytest.fixture
def pixels():
    return np.random.default_rng(0).integers(0, 255, (32, 32, 3), np.uint8)


@pytest.fixture
def counted(monkeypatch):
    """Call something with all counts on; what is counted is in the result."""

    def call(function):
        counts, waits = Counter(), Waits()

        def counting(owner, name, label):
            before = getattr(owner, name)

            def counted(*args, **kwargs):
                counts[label] += 1
                return before(*args, **kwargs)

            patch.setattr(owner, name, counted)

        def on_host(tensors):
            waits.over = True
            counts["copies of maps"] += 1
            return before(tensors)

        before = cam._on_host
        with monkeypatch.context() as patch:
            patch.setattr(cam, "_on_host", on_host)
            counting(registry, "match_adapter", "adapters looked for")
            counting(layout, "_is_attention", "layouts found")
            counting(nn.Module, "register_forward_hook", "hooks")
            counting(nn.Module, "eval", "walks into eval mode")
            counting(torch.autograd, "grad", "backward passes")
            with waits:
                function()
        return counts, waits.places

    return call


@pytest.mark.parametrize(
    ("methods", "targets", "backward"),
    [
        (["GradCAM"], ["a"], 1),
        (EIGHT, ["a"], 1),
        (["GradCAM", "EigenCAM"], list("abcdefghij"), 10),
        (["EigenCAM"], ["a"], 0),
    ],
    ids=["one", "eight methods", "ten classes", "no gradients"],
)
def test_a_picture_costs_one_pass_and_two_waits(net, pixels, counted, methods, targets, backward):
    def explain():
        camctl.explain(net, pixels, methods=methods, targets=targets, target_layers=["norm"])

    explain()  # what is found once a model
    net.module.rows.clear()
    counts, waits = counted(explain)
    assert net.module.rows == [1]
    assert counts == Counter({"copies of maps": 1, "hooks": 1, "backward passes": backward}) - Counter()
    assert sum(waits.values()) <= 1, waits


def test_what_is_known_of_a_model_does_not_grow_with_its_pictures(net, pixels):
    camctl.explain(net, pixels)
    plan = plan_of(net)
    sizes = len(plan.table.layouts), len(plan.surveys)
    for _ in range(3):
        camctl.explain(net, pixels)
    assert (len(plan_of(net).table.layouts), len(plan_of(net).surveys)) == sizes
    assert plan_of(net).hints is plan.hints


def test_eight_pictures_cost_the_waits_of_one(net, pixels, counted):
    pictures = [np.roll(pixels, number, 0) for number in range(8)]

    def compare():
        camctl.compare(net, pictures, methods=["GradCAM", "LayerCAM"], targets=["a", "b"], target_layers=["norm"])

    compare()
    net.module.rows.clear()
    counts, waits = counted(compare)
    assert sum(net.module.rows) == 8
    assert counts["copies of maps"] <= len(net.module.rows)
    assert sum(waits.values()) <= len(net.module.rows), waits


def test_advice_on_maps_that_are_worthless_costs_no_probe_for_the_next_picture(net, pixels):
    with torch.no_grad():
        net.module.fc.weight.copy_(-net.module.fc.weight.abs())  # after the activation all evidence is negative

    def explain():
        return camctl.explain(net, pixels, targets=list("abcdefghij"), methods=["GradCAM"], target_layers=["act"])

    assert {cam.verdict for cam in explain().maps} == {"negative-only"}
    net.module.rows.clear()
    explain()
    assert net.module.rows == [1]
