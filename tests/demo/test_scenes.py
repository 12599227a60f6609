"""The embedded demo: scenes that a seed defines, and classifiers that know them."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from camctl.demo.scenes import CLASSES, render, scene
from tests.training.pictures import SIDE, normalised

MODELS = Path(__file__).parents[2] / "camctl" / "demo" / "models"
FAMILIES = ("resnet", "vit", "swin", "t2t")
SHADOW_REACH = 0.035
FRESH_SEEDS = range(11_000_000, 11_000_040)


def test_a_seed_gives_the_same_scene_at_any_size() -> None:
    for seed in range(6):
        assert scene(seed, 2) == scene(seed, 2)
        small, large = render(scene(seed, 2), 112).astype(float), render(scene(seed, 2), 448).astype(float)
        shrunk = large.reshape(112, 4, 112, 4, 3).mean(axis=(1, 3))
        # Sharp edges differ by their smoothing; another seed's picture correlates by 0.5 at most.
        assert np.corrcoef(small.ravel(), shrunk.ravel())[0, 1] > 0.93


def test_another_seed_gives_another_scene() -> None:
    assert scene(3) != scene(4)
    assert not np.array_equal(render(scene(3), 56), render(scene(4), 56))


@pytest.mark.parametrize("label", CLASSES)
def test_every_class_draws_inside_its_box(label: str) -> None:
    side = 200
    for seed in range(4):
        full = scene(seed, classes=[label])
        empty = replace(full, objects=())
        drawn = (render(full, side) != render(empty, side)).any(axis=2)
        rows, columns = np.nonzero(drawn)
        (only,) = full.objects
        x0, y0, x1, y1 = (side * edge for edge in only.box)
        reach = SHADOW_REACH * side
        assert only.label == label
        assert x0 - reach <= columns.min() <= x0 + reach
        assert x1 - reach <= columns.max() <= x1 + reach
        assert y0 - reach <= rows.min() <= y0 + reach
        assert y1 - reach <= rows.max() <= y1 + reach


@pytest.mark.parametrize("count", [2, 3, 4])
def test_boxes_of_one_scene_are_apart_and_inside(count: int) -> None:
    for seed in range(20):
        boxes = [each.box for each in scene(seed, count).objects]
        assert all(0 < edge < 1 for box in boxes for edge in box)
        assert len({each.label for each in scene(seed, count).objects}) == count
        for place, (ax0, ay0, ax1, ay1) in enumerate(boxes):
            for bx0, by0, bx1, by1 in boxes[:place]:
                assert ax1 < bx0 or bx1 < ax0 or ay1 < by0 or by1 < ay0


def test_named_classes_are_drawn_in_order() -> None:
    assert [each.label for each in scene(7, classes=["dog", "car"]).objects] == ["dog", "car"]


@pytest.mark.parametrize(("objects", "classes"), [(0, None), (9, None), (1, ["unicorn"]), (1, [])])
def test_an_impossible_scene_is_refused(objects: int, classes: list[str] | None) -> None:
    with pytest.raises(ValueError, match=r"holds 1 to 4|No such class"):
        scene(1, objects, classes)


@pytest.fixture(scope="module")
def fresh_scenes() -> tuple[torch.Tensor, torch.Tensor]:
    """Scenes that no training run and no published figure has seen, with their labels."""
    scenes = [scene(seed) for seed in FRESH_SEEDS]
    images = normalised(np.stack([render(each, SIDE) for each in scenes]))
    labels = [CLASSES.index(each.objects[0].label) for each in scenes]
    return torch.from_numpy(images), torch.tensor(labels)


@pytest.mark.parametrize("family", FAMILIES)
def test_checkpoint_fits_its_configuration_and_knows_fresh_scenes(
    family: str,
    fresh_scenes: tuple[torch.Tensor, torch.Tensor],
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # mmcv-lite says at import what it lacks
        from tests.training.__main__ import build

        model = build(family).eval()
    path = MODELS / f"{family}.pth"
    stored = torch.load(path, map_location="cpu", weights_only=True)
    model.load_state_dict(stored["state_dict"], strict=True)

    images, labels = fresh_scenes
    with torch.inference_mode():
        found = model(images).argmax(dim=1)

    assert path.stat().st_size < 700_000
    assert stored["meta"]["dataset_meta"]["classes"] == list(CLASSES)
    assert {value.dtype for value in stored["state_dict"].values()} <= {torch.float16, torch.int16}
    assert (found == labels).float().mean() >= 0.95
