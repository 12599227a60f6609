"""`--verify`: two more forward passes tell a map that points at its class from one that points away."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import camctl
from camctl import registry
from camctl.demo.scenes import render, scene
from camctl.engine.inversion import hidden, judge_inversion, lead
from camctl.errors import InputError
from camctl.plugin import method
from tests.test_probe_cost import counted

INVERTED = "inverted"


@method(name="MinusGradCAM", summary="GradCAM's evidence with its sign turned.", paper="", needs={"activations", "gradients"})
def minus_gradcam(capture):
    return -capture.gradients.mean((2, 3), keepdim=True) * capture.activations


@pytest.fixture(scope="module")
def swin():
    return camctl.load("demo:swin")


@pytest.fixture(scope="module")
def cat():
    """A scene with one object, of the class that it is asked for."""
    return render(scene(3, classes=["cat"]), 128)


@pytest.fixture
def minus(monkeypatch):
    """GradCAM's name stands for its opposite."""
    (found,) = registry.pick("method", ["camctl[gradcam]"])
    turned = replace(found, plugin=minus_gradcam)
    monkeypatch.setattr("camctl.pipeline.explaining.pick_methods", lambda *_, **__: [turned.plugin])


def test_the_demos_map_is_ok_and_its_opposite_is_inverted(swin, cat, minus):
    (plain,) = camctl.explain(swin, cat, targets="cat").maps
    (asked,) = camctl.explain(swin, cat, targets="cat", verify=True).maps

    assert plain.verdict == "ok"
    assert asked.verdict == INVERTED
