"""`camctl demo`: its pictures, its index and the game it plays. The README shows the golden picture."""

import json
import re
from pathlib import Path

import pytest
from PIL import Image

from camctl.demo import tour as demo
from camctl.demo.game import METHODS, play
from camctl.errors import InputError
from camctl.pipeline.load import load

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
        for family, model in models.items():
            for cell in demo.maps(model, one, demo.render(one, demo.SIZE), (demo.DRAWN_BY[family],)).cells:
                assert cell.figures["pointing"] == 1, (seed, family, cell.cam.target.label)


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
    page = made.index.read_text(encoding="utf-8").replace("<wbr>", "")
    for word in (*METHODS, *demo.FAMILIES.values(), "a random point", made.sheet.name):
        assert word in page
    linked = {*re.findall(r'(?:src|href)="([^"#:]+)"', page)}
    assert {"report.html", "sheet.png", "scene1_vit_dog.png"} < linked
    assert [name for name in linked if not (folder / name).is_file()] == []
    table = json.loads((folder / "scores.json").read_text(encoding="utf-8"))
    assert table["questions"] == 20
    assert table["won"] == made.scores.won


def test_the_tour_explains_a_photograph_by_a_network_that_knows_photographs(toured):
    folder, made, _ = toured
    assert made.photograph == folder / "photograph.png"
    with Image.open(made.photograph) as photograph, Image.open(folder / "photograph_cam.png") as overlay:
        assert overlay.size == photograph.size
    assert re.search(
        r"imagenet:lite0, which knows photographs, says .*\bcat \(", made.index.read_text(encoding="utf-8")
    )


def test_the_tour_may_be_taken_again_and_loses_nothing_of_others(toured):
    folder, _, _ = toured
    assert demo.tour(folder, scenes=1).index == folder / "index.html"
    before = (folder / "report.html").read_bytes()
    try:
        (folder / "report.html").write_text("mine", encoding="utf-8")
        with pytest.raises(InputError, match="would be replaced"):
            demo.tour(folder, scenes=1)
        assert (folder / "report.html").read_text(encoding="utf-8") == "mine"
    finally:
        (folder / "report.html").write_bytes(before)


def test_the_tour_counts_its_steps_to_the_end(toured):
    _, _, seen = toured
    done, total = zip(*((done, total) for _, done, total in seen), strict=True)
    assert done == tuple(range(1, len(seen) + 1))
    assert set(total) == {len(seen)}
