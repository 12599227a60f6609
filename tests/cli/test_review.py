"""`camctl review`: what is printed, and what it says about folders that hold less than it hopes for."""

import json
import os

import numpy as np
import pytest

from camctl.cli.output.data_report import Tally
from camctl.ranking.chance import interval
from camctl.results import open_results
from tests.reviews import METHODS, energy_of, opened, predicted, score_of, write_results

MISTAKES = [4, 14, 24]


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    return write_results(tmp_path_factory.mktemp("results"), failed=(7, 8))


def test_the_review_says_what_stands_out(camctl, out):
    done = camctl("review", out)
    assert done.code == 0
    assert "30 pictures, 86 rows, 2 with an error" in done.out
    assert "accuracy 89.3%" in done.out
    assert "3 of 28 wrong" in done.out
    assert "'…' is no picture." in done.out
    assert "Centre baseline" in done.out


def test_every_figure_of_the_review_is_explained_beside_it(camctl, out, tmp_path):
    done = camctl("review", out, "--save-path", tmp_path / "review.html")
    page = (tmp_path / "review.html").read_text(encoding="utf-8")
    for text in (done.out, page):
        assert "heat at the border" in text
        assert "in brackets the share" in text
        assert "whatever the picture shows" in text


def test_the_summary_of_the_run_counts_the_same_verdicts_as_its_review(camctl, out):
    assert Tally(open_results(out)).verdicts == camctl("review", out, "--json").json["verdicts"]


def test_json_has_all_of_it(camctl, out):
    found = camctl("review", out, "--json").json
    assert (found["pictures"], found["failed"], found["judged"], found["right"]) == (30, 2, 28, 25)
    assert found["causes"] == {"'…' is no picture.": 2}
    assert found["verdicts"] == {"ok": 56}
    figures = {method["name"]: method["figures"]["energy"] for method in found["methods"]}
    for method in METHODS:
        values = {(index,): energy_of(index, method) for index in range(30) if index not in {7, 8}}
        assert figures[method]["mean"] == pytest.approx(np.mean(list(values.values())))
        assert figures[method]["interval"] == pytest.approx(interval(values))
        assert figures[method]["not_above"] == ""
    accuracy = {item["name"]: item["accuracy"] for item in found["classes"]}
    assert accuracy == {"cat": 9 / 10, "dog": 8 / 9, "house": 8 / 9}
    assert found["confusion"] == [
        {"label": label, "predicted": guess, "pictures": 1}
        for label, guess in (("cat", "dog"), ("dog", "house"), ("house", "cat"))
    ]
    assert [item["id"] for item in found["differing"]] == [
        f"{index:03d}.png" for index in sorted(MISTAKES, key=lambda index: -score_of(index))
    ]


@pytest.mark.parametrize("by", [(), ("--by", "label")])
def test_the_worst_ids_are_the_surest_mistakes(camctl, out, by):
    done = camctl("review", out, "--worst", 2, *by)
    assert done.out.split() == [f"{index:03d}.png" for index in sorted(MISTAKES, key=lambda i: -score_of(i))[:2]]
    assert "hint" not in done.err


def test_the_worst_by_a_figure_are_named_once(camctl, out):
    ids = camctl("review", out, "--worst", 5, "--by", "energy").out.split()
    worst = sorted(
        (index for index in range(30) if index not in {7, 8}),
        key=lambda index: min(energy_of(index, method) for method in METHODS),
    )
    assert ids == [f"{index:03d}.png" for index in worst[:5]]
    found = camctl("review", out, "--worst", 28, "--by", "energy", "--json").json
    assert [row["energy"] for row in found] == sorted(row["energy"] for row in found)
    assert len(camctl("review", out, "--worst", 500, "--by", "energy").out.split()) == 28


def test_an_unknown_order_names_the_known_ones(camctl, out):
    done = camctl("review", out, "--worst", 5, "--by", "enrgy")
    assert (done.code, done.out) == (2, "")
    assert "energy" in done.err


def test_an_order_of_nothing_is_refused(camctl, out):
    assert camctl("review", out, "--by", "energy").code == 2


def test_an_id_of_two_lines_stays_on_one(camctl, tmp_path):
    out = write_results(tmp_path, count=6, ids={4: "a\nb.png"})
    assert camctl("review", out, "--worst", 1).out == "a b.png\n"


@pytest.mark.parametrize("place", ["nowhere", "."])
def test_what_is_no_results_folder_is_refused(camctl, tmp_path, monkeypatch, place):
    monkeypatch.chdir(tmp_path)
    done = camctl("review", place)
    assert (done.code, done.out) == (2, "")
    assert "hint:" in done.err


def test_a_folder_without_rows_is_refused(camctl, tmp_path):
    done = camctl("review", write_results(tmp_path, count=0, total=5))
    assert (done.code, done.out) == (2, "")
    assert "no rows yet" in done.err


def test_without_labels_classes_are_those_predicted(camctl, tmp_path):
    out = write_results(tmp_path, labels=False)
    found = camctl("review", out, "--json").json
    assert (found["accuracy"], found["confusion"], found["differing"]) == (None, [], [])
    expected = [sum(predicted(index) == place for index in range(30)) for place in range(3)]
    assert {item["name"]: item["pictures"] for item in found["classes"]} == dict(
        zip(("cat", "dog", "house"), expected, strict=True)
    )
    assert "not known" in camctl("review", out).out
    assert "label" in camctl("review", out, "--worst", 3, "--by", "label").err
    assert len(camctl("review", out, "--worst", 3).out.split()) == 3


def test_labels_that_the_model_does_not_know_are_said(camctl, tmp_path):
    done = camctl("review", write_results(tmp_path, count=4, known=False))
    assert "4 pictures have labels that the model does not know" in done.err


def test_a_run_that_is_not_finished_is_said(camctl, tmp_path):
    done = camctl("review", write_results(tmp_path, count=4, total=9))
    assert done.code == 0
    assert "not finished: 4 of 9 pictures" in done.err


@pytest.mark.parametrize(
    "options", [{"maps": False}, {"count": 1}, {"count": 3, "failed": (0, 1, 2)}, {"verdict": "flat"}]
)
def test_little_is_reviewed_as_well(camctl, tmp_path, options):
    out = write_results(tmp_path, **{"count": 5} | options)
    done = camctl("review", out, "--save-path", tmp_path / "review.html")
    assert done.code == 0, done.err
    assert (tmp_path / "review.html").stat().st_size > 10_000
    json.loads(camctl("review", out, "--json").out)


def test_a_page_is_saved_and_named(camctl, out, tmp_path):
    page = tmp_path / "review.html"
    done = camctl("review", out, "--save-path", page)
    assert f"saved: {page}" in done.err
    assert "30 pictures" in done.out
    assert camctl("review", out, "--save-path", page, "--quiet").out == ""
    assert camctl("review", out, "--save-path", page, "--json").json["page"] == str(page)


def test_missing_pictures_are_said(camctl, tmp_path):
    out = write_results(tmp_path, count=5, pictures=False)
    done = camctl("review", out, "--save-path", tmp_path / "review.html")
    assert done.code == 0
    assert "no longer there" in done.err


@pytest.mark.parametrize("name", ["review.png", "missing\0.html", "."])
def test_a_page_that_cannot_be_written_is_refused_first(camctl, out, name):
    done = camctl("review", out, "--save-path", name)
    assert (done.code, done.out) == (2, "")


def test_the_worst_ids_can_be_had_beside_the_page(camctl, out, tmp_path):
    done = camctl("review", out, "--worst", 2, "--save-path", tmp_path / "review.html")
    assert len(done.out.split()) == 2
    assert os.path.exists(tmp_path / "review.html")  # noqa: PTH110


def test_a_net_whose_maps_never_change_is_warned_of(camctl, tmp_path, monkeypatch):
    monkeypatch.setattr("tests.reviews.grid_of", lambda _index, _method: np.eye(5))
    done = camctl("review", write_results(tmp_path, methods=("GradCAM",)))
    assert "hardly change with the picture" in done.err
    assert "how alike maps of different pictures are: GradCAM 1.00 (correlation; 1: the same map" in done.out


def test_a_net_that_looks_at_corners_is_warned_of(camctl, tmp_path, monkeypatch):
    corner = np.zeros((7, 7))
    corner[0, :3] = 1
    monkeypatch.setattr("tests.reviews.grid_of", lambda _index, _method: corner)
    found = camctl("review", write_results(tmp_path, methods=("GradCAM",)), "--json").json
    assert all(item["at_border"] and item["border"] == pytest.approx(1) for item in found["classes"])
    assert found["classes"][0]["even"] == pytest.approx(24 / 49)
    assert any("looks at the border" in text for text in found["warnings"])


def test_an_odd_map_out_is_found(camctl, tmp_path):
    results = opened(tmp_path, count=30)
    rows = results.table(["index", "method", "target_index"]).to_pylist()
    maps = [None if map_ is None else map_.clip(0) / map_.clip(0).sum() for map_ in results.maps(range(len(rows)))]

    def alike(place):
        same = [
            map_
            for other, (row, map_) in enumerate(zip(rows, maps, strict=True))
            if other != place and all(row[key] == rows[place][key] for key in ("method", "target_index"))
        ]
        return np.corrcoef(maps[place].ravel(), np.mean(same, axis=0).ravel())[0, 1]

    places = [place for place, row in enumerate(rows) if row["method"] in METHODS]
    lowest = min(places, key=alike)
    found = camctl("review", tmp_path / "out", "--json").json["unlike"][0]
    assert found["value"] == pytest.approx(alike(lowest), abs=1e-3)


def test_pictures_of_a_folder_are_compared_without_the_model(camctl, out, tmp_path):
    grid = tmp_path / "grid.png"
    done = camctl("compare", "--results", out, "004.png", "000.png", "--save-path", grid, "--json")
    assert done.code == 0
    maps = {(os.path.basename(one["image"]), one["method"]): one for one in done.json["maps"]}  # noqa: PTH119
    assert list(maps) == [(name, method) for name in ("004.png", "000.png") for method in (*METHODS, "Centre")]
    assert maps["004.png", "LayerCAM"]["figures"] == {"energy": energy_of(4, "LayerCAM")}
    assert maps["004.png", "LayerCAM"]["target"]["label"] == "house"
    assert grid.stat().st_size > 1000


def test_a_picture_without_a_map_or_of_another_folder_is_refused(camctl, out):
    for name, words in (("007.png", "no map"), ("nobody.png", "no picture")):
        done = camctl("compare", "--results", out, name)
        assert (done.code, done.out) == (2, "")
        assert words in done.err


@pytest.mark.parametrize("words", [("photo.png", "--results", "OUT", "a"), ("--results", "OUT"), ()])
def test_results_take_the_place_of_picture_and_model(camctl, out, words):
    done = camctl("compare", *(out if word == "OUT" else word for word in words))
    assert (done.code, done.out) == (2, "")
    assert "hint:" in done.err


def test_the_baselines_of_a_real_run_are_told_apart(camctl, tmp_path, picture):
    import camctl as library

    for number in range(2):
        (tmp_path / "photos").mkdir(exist_ok=True)
        picture.rotate(90 * number).save(tmp_path / "photos" / f"{number}.png")
    evaluation = library.Evaluation(baselines=True)
    library.explain_dataset("demo:resnet", tmp_path / "photos", tmp_path / "out", evaluation=evaluation, workers=0)
    found = camctl("review", tmp_path / "out", "--json").json
    assert [method["name"] for method in found["methods"] if not method["baseline"]] == ["GradCAM"]
    assert len(found["methods"]) == 4


def test_what_failed_for_one_picture_is_said_in_its_own_words(camctl, tmp_path):
    done = camctl("review", write_results(tmp_path, failed=(7,)))
    assert "is no picture." in done.out
    assert "'…'" not in done.out
