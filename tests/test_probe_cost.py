"""What finding the target layer costs in forward passes of the real model: none where an adapter knows it."""

from __future__ import annotations

from contextlib import contextmanager

import numpy as np
import pytest

import camctl
from tests.models import TinyCnn, TinyVit, loaded, of_mmpretrain, seeded

SIZE = (64, 64)


class VisionTransformer(TinyVit):
    """By its class and parts the adapter `vit` knows it."""

    num_extra_tokens = 1


@contextmanager
def counted(module):
    """Batch sizes of the module's forward passes, filled while the block runs."""
    passes = []
    handle = module.register_forward_pre_hook(lambda _module, args: passes.append(len(args[0])))
    try:
        yield passes
    finally:
        handle.remove()


def pictures(count=1):
    return [np.random.default_rng(seed).integers(0, 255, (*SIZE, 3), dtype=np.uint8) for seed in range(count)]


def known(family):
    """Of mmpretrain, as its source calls it: for the logits alone."""
    module = of_mmpretrain(family)
    return loaded(module, SIZE, forward=lambda x: module(x, mode="tensor"))


def unknown():
    return loaded(seeded(TinyCnn()), SIZE)


@pytest.mark.parametrize("family", ["cnn", "vit", "swin", "t2t"])
def test_where_an_adapter_knows_the_model_the_one_forward_pass_is_the_maps_own(family):
    model = known(family)
    with counted(model.module) as passes:
        (cam,) = camctl.explain(model, pictures()[0]).maps

    assert cam.chosen_by.startswith("adapter ")
    assert passes == [1]


def test_where_none_does_the_probe_costs_one_more_forward_pass():
    model = unknown()
    with counted(model.module) as passes:
        (cam,) = camctl.explain(model, pictures()[0]).maps

    assert cam.chosen_by == "probe"
    assert passes == [1, 1]


def test_several_methods_and_classes_share_the_probe_as_they_share_the_pass():
    model = unknown()
    with counted(model.module) as passes:
        maps = camctl.explain(
            model, pictures()[0], methods=["GradCAM", "LayerCAM", "EigenCAM"], targets=camctl.Classes(topk=3)
        ).maps

    assert len(maps) == 9
    assert passes == [1, 1]


def test_a_layer_that_the_user_names_is_not_looked_for():
    model = unknown()
    with counted(model.module) as passes:
        camctl.explain(model, pictures()[0], target_layers="block1")

    assert passes == [1]


def test_a_comparison_of_several_pictures_runs_a_known_model_once_for_each():
    model = known("vit")
    with counted(model.module) as passes:
        found = camctl.compare(model, pictures(3), methods=["GradCAM", "LayerCAM"])

    assert len(found.cells) == 6
    assert passes == [1, 1, 1]


def test_a_comparison_of_several_pictures_pays_for_the_probe_once_a_model():
    model = unknown()
    with counted(model.module) as passes:
        found = camctl.compare(model, pictures(3), methods=["GradCAM", "LayerCAM"])

    assert len(found.cells) == 6
    assert passes == [1, 1, 1, 1]


def test_advice_on_a_worthless_map_is_worth_a_probe_and_is_asked_for_once():
    model = loaded(seeded(VisionTransformer(size=SIZE)), SIZE)
    with counted(model.module) as passes:
        # Behind the last attention only the class token is read.
        maps = camctl.explain(model, pictures()[0], methods=["GradCAM", "LayerCAM"], target_layers="norm").maps

    assert {cam.verdict for cam in maps} == {"zero-gradient"}
    assert {cam.hint for cam in maps} == {"Try another layer: --target-layers layers.1.ln1"}
    assert passes == [1, 1]
