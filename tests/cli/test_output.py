"""What the model's output is, on the command line: said, asked for, and shown."""

import pytest


def test_run_says_what_the_output_is_and_who_decided(camctl, photo):
    done = camctl("run", photo, "python:nets:probable", "--no-preview")
    assert "output probabilities, detected; maps explain the logit before the softmax" in done.err


def test_json_names_kind_and_decider(camctl, photo):
    done = camctl("run", photo, "python:nets:probable", "--json", "--output", "log-probabilities")
    assert done.code == 2
    assert camctl("run", photo, "python:nets:probable", "--json").json["output"] == {
        "kind": "probabilities",
        "decided_by": "found",
        "scores": "softmax",
        "explained": "logit before the softmax",
        "head": "",
        "heads": {},
    }


def test_scores_of_a_softmax_inside_are_those_of_the_logits(camctl, photo):
    plain, ours = (camctl("run", photo, f"python:nets:{net}", "--json").json for net in ("cnn", "probable"))
    for one, other in zip(plain["predictions"], ours["predictions"], strict=True):
        assert one["label"] == other["label"]
        assert one["score"] == pytest.approx(other["score"], abs=1e-6)


def test_layers_lists_the_heads_with_their_shapes(camctl):
    done = camctl("layers", "python:nets:several")
    assert "output logits, detected; head kind of age 1x1, kind 1x3" in done.err
    assert "--head age" in done.err
    assert camctl("layers", "python:nets:several", "--json").json["output"]["heads"] == {"age": [1, 1], "kind": [1, 3]}


def test_check_names_the_output(camctl):
    done = camctl("layers", "python:nets:several", "--check", "--head", "1")
    assert "logits, detected; head kind of age 1x1, kind 1x3" in done.out
    assert camctl("layers", "python:nets:cnn", "--check", "--json").json["output"]["kind"] == "logits"


def test_value_of_a_head_is_shown_in_its_own_unit(camctl, photo):
    done = camctl(
        "run", photo, "python:nets:several", "--head", "age", "--target-category", "up", "down", "--no-preview"
    )
    assert done.code == 0
    assert "age up" in done.err
    assert "age down" in done.err
    assert "output values, detected; head age" in done.err
    assert "class 1" not in done.err


def test_up_of_a_logit_without_a_name_says_how_to_make_it_a_value(camctl, photo):
    done = camctl("run", photo, "python:nets:several", "--target-category", "up")
    assert done.code == 2
    assert "--output values" in done.err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--output", "probs"), "probs"),
        (("--head", "gender"), "There is no head named 'gender'"),
        (("--threshold", "2"), "--threshold 2.0 is out of range"),
        (("--threshold", "0.5", "--topk", "2"), "which classes to explain"),
        (("--threshold", "0.999"), "No class scores above 0.999"),
        (("--output", "boxes"), "The model's output is said to be boxes, and has none"),
        (("--like", "photo.png"), "A likeness to another picture is asked of an embedding"),
        (("--where", "0,0,9,9"), "A region is asked of a dense output"),
        (("--target-category", "0", "--where", "0,0,9,9"), "A region is asked of a dense output"),
        (("--target-box", "0,9,0,9"), "has no area"),
    ],
)
def test_what_does_not_fit_is_one_line_and_exit_code_2(camctl, photo, words, says):
    done = camctl("run", photo, "python:nets:several", *words)
    assert done.code == 2
    assert says in done.err


def test_every_class_above_the_threshold_is_saved(camctl, photo, tmp_path):
    done = camctl("run", photo, "python:nets:cnn", "--threshold", "0.1", "--json", "--save-path", tmp_path / "maps/")
    scores = [one["target"]["score"] for one in done.json["maps"]]
    above = [one["score"] for one in done.json["predictions"] if one["score"] > 0.1]
    assert scores == above
    assert len(list((tmp_path / "maps").iterdir())) == len(scores)


def test_figure_and_report_show_a_value_as_it_is(camctl, photo, tmp_path):
    page = tmp_path / "report.html"
    done = camctl("compare", photo, "python:nets:several", "--head", "age", "--save-path", page, tmp_path / "grid.png")
    assert done.code == 0
    text = page.read_text(encoding="utf-8")
    assert "age up" in text
    assert "output values, detected; head age of age 1x1, kind 1x3" in text
    assert "00.0%" not in text
