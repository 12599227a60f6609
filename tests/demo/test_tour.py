"""`camctl demo`: its pictures, its index and the game it plays. The README shows the golden picture."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from camctl.demo import tour as demo
from camctl.demo.game import METHODS, energy_in, play, points_into
from camctl.pipeline import load
from camctl.results import Cam, Target, View

GOLDEN = Path(__file__).parent.parent / "golden" / "demo.png"


@pytest.fixture(scope="module")
def models():
    return {family: load(f"demo:{family}") for family in demo.FAMILIES}


@pytest.fixture(scope="module")
def toured(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo") / "out"
    seen = []
    made = demo.tour(folder, scenes=10, progress=lambda *step: seen.append(step))
    return folder, made, seen


def test_the_picture_in_the_readme_is_what_the_demo_draws(models, golden):
    golden(demo.draw(models, seeds=tuple(demo.SHOWN)[:2], tile=160), GOLDEN)


def test_every_drawn_map_points_at_the_object_asked_for(models):
    for seed, classes in demo.SHOWN.items():
        one = demo.scene(seed, classes=classes)
        boxes = {each.label: each.box for each in one.objects}
        for family, model in models.items():
            for cam in demo.explain_scene(model, one, demo.render(one, demo.SIZE), (demo.DRAWN_BY[family],)):
                assert points_into(cam, boxes[cam.target.label]), (seed, family, cam.target.label)


def test_the_best_method_of_each_family_meets_its_bar_on_scenes_that_nobody_tuned_on(models):
    # 40 scenes of the 150 that `camctl demo` plays; the bars are lowered by two standard errors for the smaller number.
    with demo.one_thread():
        scores = play(models, 40)
    for family, bar in {"resnet": 0.97, "swin": 0.97, "t2t": 0.90, "vit": 0.85}.items():
        slack = 2 * (bar * (1 - bar) / scores.questions) ** 0.5
        assert scores.won[family][scores.best(family)] >= bar - slack, family
    assert 0.1 < scores.chance < 0.2


def test_a_map_that_knows_no_class_wins_half_the_questions_at_best(models):
    with demo.one_thread():
        scores = play({"swin": models["swin"]}, 20, methods=("EigenCAM",))
    assert scores.won["swin"]["EigenCAM"] <= 0.5


def test_the_tour_writes_overlays_for_both_objects_an_index_and_the_scores(toured):
    folder, made, _ = toured
    for number, classes in enumerate(demo.SHOWN.values(), 1):
        assert (folder / f"scene{number}.png").exists()
        for family in demo.FAMILIES:
            for label in classes:
                with Image.open(folder / f"scene{number}_{family}_{label}.png") as overlay:
                    assert overlay.size == (demo.SIZE, demo.SIZE)
    page = made.index.read_text(encoding="utf-8")
    for word in (*METHODS, *demo.FAMILIES.values(), "a random point", made.sheet.name):
        assert word in page
    table = json.loads((folder / "scores.json").read_text(encoding="utf-8"))
    assert table["questions"] == 20
    assert table["won"] == made.scores.won


def test_the_tour_counts_its_steps_to_the_end(toured):
    _, _, seen = toured
    done, total = zip(*((done, total) for _, done, total in seen), strict=True)
    assert done == tuple(range(1, len(seen) + 1))
    assert set(total) == {len(seen)}


def cam_with_peak(row, column, verdict="ok"):
    values = np.zeros((10, 10), np.float32)
    values[row, column] = 1
    values[0, 0] = 0.5
    empty = np.zeros((1, 1), np.float32)
    return Cam(
        model="demo:resnet",
        smoothing="none",
        method="GradCAM",
        target=Target(index=0, label="cat", score=1.0),
        layers=("layer",),
        chosen_by="you",
        grid=(1, 1),
        values=values,
        raw=empty,
        raw_by_layer=(empty,),
        verdict=verdict,
        reason="",
        hint="",
        milliseconds=0.0,
        picture=None,
        view=View(size=(10, 10), box=(0, 0, 10, 10)),
    )


def test_a_peak_inside_the_box_wins_and_one_outside_loses():
    box = (0.4, 0.6, 0.8, 0.9)
    assert points_into(cam_with_peak(7, 5), box)
    assert not points_into(cam_with_peak(5, 7), box)


def test_a_worthless_map_points_nowhere():
    assert not points_into(cam_with_peak(7, 5, verdict="flat"), (0.0, 0.0, 1.0, 1.0))


def test_energy_is_the_share_of_the_maps_sum_inside_the_box():
    assert energy_in(cam_with_peak(7, 5), (0.4, 0.6, 0.8, 0.9)) == pytest.approx(1 / 1.5)
