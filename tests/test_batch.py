"""A map out of a batch is the map of the picture alone, for every method, family and smoothing."""

from dataclasses import replace

import pytest

import camctl
from camctl import registry
from camctl.demo.scenes import render, scene
from camctl.engine.predictions import choose
from camctl.errors import CamctlError, InputError
from camctl.pipeline.layer_selection import fused_layers
from camctl.pipeline.manner import Clock, Manner
from camctl.pipeline.passes import run_batch, run_passes
from camctl.pipeline.plan import plan_of
from camctl.pipeline.scene import scene_of
from camctl.registry.discovery import find
from camctl.values.picture import read_picture
from camctl.values.request import Classes
from tests.models import TinyCnn, loaded, seeded

METHODS = [found.label for found in find("method") if found.built_in]

MODELS = ["demo:resnet", "demo:vit", "demo:swin", "demo:t2t", "probed"]

QUICK = {"demo:resnet", "probed"}
"""Models of which methods of many passes are compared as well."""

PICTURES = [render(scene(seed), 128) for seed in (11, 12, 13)]

SLOW = {"camctl[sess]", "camctl[scorecam]", "camctl[shapleycam]", "camctl[reciprocam]", "camctl[ablationcam]"}

CLOSE = 1e-5
"""Largest difference of maps, as a share of the map's largest value."""

CLOSE_BY_METHOD = {"camctl[fullgrad]": 5e-3, "camctl[rise]": 1e-4}
"""The same for gradients through the whole network: a ReLU whose input is zero but for rounding lets them through in
a batch and not alone, or the other way round."""


@pytest.fixture(scope="module")
def scenes():
    """The scenes of each model, by its name."""
    made = {}

    def of(name):
        if name not in made:
            model = loaded(seeded(TinyCnn())) if name == "probed" else camctl.load(name)
            plan = plan_of(model)
            made[name] = [scene_of(plan, read_picture(pixels)) for pixels in PICTURES]
        return made[name]

    return of


def choice(index):
    """What asks for two classes, others for each picture."""
    return lambda predictions: predictions.top(3)[index % 2 : index % 2 + 2]


def together_and_alone(scenes, manner, choices=None, groups=None):
    """The maps of a batch, and of each picture alone, by key."""
    choices = choices or [choice(i) for i in range(len(scenes))]
    groups = groups or [fused_layers(scenes[0], (), manner.aggregate)]
    together = run_batch(scenes, groups, manner, choices, Clock())
    alone = [run_passes(scene, groups, manner, choose, Clock()) for scene, choose in zip(scenes, choices, strict=True)]
    return together, alone


def difference(together, alone):
    """Largest difference of two pictures' maps, as a share of the largest value; verdicts and targets are equal."""
    for one, other in zip(together.targets, alone.targets, strict=True):
        assert (one.index, one.label) == (other.index, other.label)
        assert one.score == pytest.approx(other.score, rel=1e-4)
    assert together.maps.keys() == alone.maps.keys()
    largest = 0.0
    for key, one in together.maps.items():
        other = alone.maps[key]
        if isinstance(other, CamctlError):
            assert str(one) == str(other)
            continue
        assert (one.verdict.name, one.method) == (other.verdict.name, other.method)
        scale = float(other.raw.abs().max()) or 1.0
        if not other.verdict.blank:
            largest = max(largest, float((one.raw - other.raw).abs().max()) / scale)
    return largest


@pytest.mark.parametrize(
    ("model", "name"),
    [(model, name) for model in MODELS for name in METHODS if model in QUICK or name not in SLOW],
)
def test_a_map_out_of_a_batch_is_the_map_of_the_picture_alone(scenes, model, name):
    assert largest_difference(scenes(model)[:2], name, "none") <= CLOSE_BY_METHOD.get(name, CLOSE)


@pytest.mark.parametrize("name", [name for name in METHODS if name not in SLOW])
@pytest.mark.parametrize("model", ["demo:resnet", "demo:vit"])
def test_so_is_one_of_six_views(scenes, model, name):
    assert largest_difference(scenes(model)[:2], name, "both") <= CLOSE_BY_METHOD.get(name, CLOSE)


def largest_difference(batch, name, smoothing):
    """Largest difference of the maps of a method, in a batch and alone."""
    manner = Manner(methods=[registry.pick("method", name).plugin], smoothings=(smoothing,))
    together, alone = together_and_alone(batch, manner)
    return max(difference(*pair) for pair in zip(together, alone, strict=True))


def test_a_contrast_a_threshold_and_different_numbers_of_classes_are_each_pictures_own(scenes):
    batch = scenes("demo:resnet")
    manner = Manner(methods=[registry.pick("method", name).plugin for name in ("GradCAM", "ScoreCAM", "FinerCAM")])
    choices = [
        lambda predictions: choose(predictions, Classes(topk=1, versus=("auto:2",))),
        lambda predictions: choose(predictions, Classes(topk=3, versus=("auto",))),
        lambda predictions: choose(predictions, Classes(names=("cat", "dog"), versus=("fish",))),
    ]
    together, alone = together_and_alone(batch, manner, choices)
    assert [len(passed.targets) for passed in together] == [1, 3, 2]
    assert max(difference(*pair) for pair in zip(together, alone, strict=True)) <= CLOSE


def test_a_picture_whose_class_cannot_be_found_costs_itself_alone(scenes):
    batch = scenes("demo:resnet")
    manner = Manner(methods=[registry.pick("method", "GradCAM").plugin])
    group = fused_layers(batch[0], (), "mean")
    choices = [lambda predictions, name=name: [predictions.find(name)] for name in ("cat", "whale", "dog")]
    first, second, third = run_batch(batch, [group], manner, choices, Clock())
    assert isinstance(second, InputError)
    assert [passed.targets[0].label for passed in (first, third)] == ["cat", "dog"]


def test_a_picture_with_nan_costs_itself_alone(scenes):
    batch = scenes("demo:resnet")
    spoilt = replace(batch[1], inputs=batch[1].inputs * float("nan"))
    manner = Manner(methods=[registry.pick("method", name).plugin for name in SPOILT])
    group = fused_layers(batch[0], (), "mean")
    choices = [lambda predictions: predictions.top(1)] * 3
    together = run_batch([batch[0], spoilt, batch[2]], [group], manner, choices, Clock())
    alone = [run_passes(scene, [group], manner, choices[0], Clock()) for scene in (batch[0], batch[2])]
    verdicts = {manner.methods[key[-1]].name: drawn.verdict.name for key, drawn in together[1].maps.items()}
    assert verdicts == dict.fromkeys((method.name for method in manner.methods), "not-finite")
    assert max(difference(*pair) for pair in zip((together[0], together[2]), alone, strict=True)) <= CLOSE


SPOILT = ("GradCAM", "EigenCAM", "CAM", "KPCA-CAM", "FEM", "LayerCAM", "EigenGradCAM")


def test_one_forward_and_one_backward_pass_serve_a_batch(scenes):
    batch = scenes("demo:resnet")
    runs = []
    module = batch[0].plan.loaded.module
    handle = module.register_forward_hook(lambda _module, args, _output: runs.append(len(args[0])))
    manner = Manner(methods=[registry.pick("method", name).plugin for name in ("GradCAM", "LayerCAM", "EigenCAM")])
    clock = Clock()
    group = fused_layers(batch[0], (), "mean")
    runs.clear()
    run_batch(batch, [group], manner, [lambda predictions: predictions.top(1)] * 3, clock)
    handle.remove()
    assert runs == [3]
    assert clock.counts["backward"] == 1
