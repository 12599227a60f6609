"""Each question points at its object in the drawn scenes, where the baselines do not."""

from statistics import fmean

import numpy as np
import pytest
import torch

import camctl
from camctl import Classes, Detection, Evaluation, Likeness, Region
from camctl.demo.scenes import CLASSES, render, scene

SIDE = 112
SCENES = [scene(6_000_000 + number, 2) for number in range(4)]
"""No model was trained or tuned on these."""

LEAST = 2.0
"""Least energy in the object's box, as a multiple of the best baseline's."""


def box_of(sticker):
    return tuple(edge * SIDE for edge in sticker.box)


QUESTIONS = {
    "a class where it is predicted": ("segmenter", lambda sticker: sticker.label),
    "a class in a region": ("segmenter", lambda sticker: Region(sticker.label, box_of(sticker))),
    "a detected class": ("detector", lambda sticker: sticker.label),
    "a detected box": ("detector", lambda sticker: Detection(box_of(sticker))),
    "a value going up": ("regressor", lambda sticker: f"{sticker.label}:up"),
    "a likeness": ("encoder", lambda sticker: Likeness(render(scene(8_000_001, classes=[sticker.label]), SIDE))),
}


def played(net, ask):
    """Energy inside and wins of each method over both objects of every scene."""
    model, energy, won = camctl.load(f"demo:{net}"), {}, {}
    for drawn in SCENES:
        for sticker in drawn.objects:
            comparison = camctl.compare(
                model,
                render(drawn, SIDE),
                targets=ask(sticker),
                methods="camctl[GradCAM]",
                evaluation=Evaluation(
                    metrics=("camctl[energy]", "camctl[pointing]"), boxes=box_of(sticker), verify=False, baselines=True
                ),
            )
            for cell in comparison.cells:
                name = comparison.label("method", cell.at)
                energy.setdefault(name, []).append(cell.figures.get("energy", 0.0))
                won.setdefault(name, []).append(cell.figures.get("pointing", 0.0))
    return {name: fmean(own) for name, own in energy.items()}, {name: fmean(own) for name, own in won.items()}


@pytest.mark.parametrize(("net", "ask"), QUESTIONS.values(), ids=QUESTIONS)
def test_map_lies_in_the_object_that_is_asked_about(net, ask):
    energy, won = played(net, ask)
    others = [name for name in energy if name != "GradCAM"]
    assert len(others) == 3
    assert energy["GradCAM"] > LEAST * max(energy[name] for name in others)
    assert won["GradCAM"] == 1.0 > max(won[name] for name in others)


def test_value_going_down_is_lowered_by_the_other_object():
    first, second = SCENES[0].objects
    up, down = (
        camctl.explain(camctl.load("demo:regressor"), render(SCENES[0], SIDE), targets=f"{first.label}:{way}").maps[0]
        for way in ("up", "down")
    )
    assert np.allclose(up.raw, -down.raw, atol=1e-6)
    assert second.label != first.label


def test_cells_tell_objects_from_their_surroundings():
    net, inside, outside = camctl.load("demo:segmenter"), [], []
    for drawn in SCENES:
        with torch.no_grad():
            cells = net.module.cells(net.preprocess(render(drawn, SIDE))[None])[0]
        around = np.ones(cells.shape[1:], bool)
        for sticker in drawn.objects:
            x0, y0, x1, y1 = (edge * cells.shape[-1] for edge in sticker.box)
            inside.append(cells[CLASSES.index(sticker.label), int((y0 + y1) / 2), int((x0 + x1) / 2)].item())
            around[int(y0) : int(y1) + 1, int(x0) : int(x1) + 1] = False
        outside += cells.amax(0)[torch.from_numpy(around)].tolist()
    assert min(inside) > 5
    assert np.percentile(outside, 95) < 0


def test_best_boxes_are_the_objects():
    explanation = camctl.explain(camctl.load("demo:detector"), render(SCENES[1], SIDE), targets=Classes(topk=2))
    assert {cam.target.label for cam in explanation.maps} == {sticker.label for sticker in SCENES[1].objects}


def test_features_of_an_encoder_are_the_objects_and_not_their_surroundings():
    energy = {}
    for drawn in SCENES:
        mask = np.zeros((SIDE, SIDE), bool)
        for sticker in drawn.objects:
            x0, y0, x1, y1 = (round(edge) for edge in box_of(sticker))
            mask[y0:y1, x0:x1] = True
        evaluation = Evaluation(metrics="camctl[energy]", masks=mask, verify=False, baselines=True)
        comparison = camctl.compare(
            camctl.load("demo:encoder"), render(drawn, SIDE), methods="camctl[GradCAM]", evaluation=evaluation
        )
        for cell in comparison.cells:
            assert cell.cam.target.label == "features"
            energy.setdefault(comparison.label("method", cell.at), []).append(cell.figures.get("energy", 0.0))
    means = {name: fmean(own) for name, own in energy.items()}
    assert means.pop("GradCAM") > 1.25 * max(means.values())


def test_picture_compared_with_itself_shows_its_features():
    pixels = render(SCENES[1], SIDE)
    plain, itself = (
        camctl.explain(camctl.load("demo:encoder"), pixels, targets=ask).maps[0] for ask in (None, Likeness(pixels))
    )
    assert itself.verdict == "ok"
    assert np.allclose(plain.values, itself.values, atol=1e-5)
