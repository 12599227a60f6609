"""`camctl layers --check`: a report, the same as JSON, and an exit code."""

import re

import pytest
from PIL import Image

from camctl.demo.scenes import render, scene


def rows(report):
    """Mark and words of each line of the report, by its name."""
    found = (re.fullmatch(r"([✓○✗ ]) (target layer|\w+) +(.*?) *", line) for line in report.splitlines()[1:])
    return {each[2]: f"{each[1]} {each[3]}" for each in found if each and each[2].strip()}


def test_report_is_on_stdout_and_says_ok(camctl):
    done = camctl("layers", "demo:vit", "--check")

    assert done.code == 0
    assert "note" not in done.err
    assert done.out.startswith("demo:vit on noise, 112 x 112\n")
    assert rows(done.out)["verdict"] == "✓ ok"
    assert rows(done.out)["target layer"].strip() == "backbone.layers.4.ln1, by adapter vit"
    assert rows(done.out)["map"].strip().startswith("14 x 14 after 1 extra token, ")


@pytest.mark.parametrize(
    ("net", "verdict", "words"),
    [
        ("flat", "✗ no-layer No layer of this model has a spatial grid", "camctl layers python:checked_nets:flat"),
        ("deaf", "✗ zero-gradient The class score does not depend on", "--usable"),
        ("random", "✓ ok", "disable it in eval mode"),
    ],
)
def test_what_cannot_be_trusted_ends_with_4_and_says_what_to_do(camctl, net, verdict, words):
    done = camctl("layers", f"python:checked_nets:{net}", "--check")

    assert done.code == 4
    assert rows(done.out)["verdict"].startswith(verdict)
    assert words in next(line for line in done.out.splitlines() if "→" in line and words in line)


def test_json_is_all_of_the_check(camctl, photo):
    done = camctl("layers", "python:nets:cnn", "--check", "--json", "--image", photo)

    assert (done.code, done.err) == (0, "")
    assert done.json["model"] == "python:nets:cnn"
    assert done.json["image"] == str(photo)
    assert (done.json["layers"], done.json["chosen_by"]) == (["blocks.4"], "probe")
    assert (done.json["grid"], done.json["verdict"], done.json["ok"]) == ([6, 8], "ok", True)
    assert done.json["finding_passes"] > 0
    assert {each["mark"] for each in done.json["findings"]} <= {"ok", "limited", "failed"}


def test_json_ends_with_4_as_well(camctl):
    done = camctl("layers", "python:checked_nets:flat", "--check", "--json")

    assert (done.code, done.json["verdict"], done.json["layers"]) == (4, "no-layer", [])


def test_markup_in_a_class_name_is_text(camctl):
    done = camctl("layers", "python:checked_nets:marked", "--check")

    assert rows(done.out)["classes"] == "✓ 4, with names: [bold]cat[/bold], …"


@pytest.mark.parametrize("option", [("--usable",), ("--depth", 2), ("--filter", "*bn")])
def test_options_of_the_tree_are_a_mistake_with_a_check(camctl, option):
    done = camctl("layers", "demo:vit", "--check", *option)

    assert done.code == 2
    assert "--check draws no tree" in done.err


def test_a_model_that_cannot_be_loaded_is_an_error_as_elsewhere(camctl):
    done = camctl("layers", "python:nets:hard_to_please", "--check")

    assert done.code == 2
    assert done.out == ""
    assert "no model today" in done.err


def test_with_a_picture_the_model_is_asked_whether_the_map_points_at_the_class(camctl, tmp_path):
    picture = tmp_path / "cat.png"
    Image.fromarray(render(scene(11, classes=["cat"]), 128)).save(picture)

    done = camctl("layers", "demo:swin", "--check", "--image", picture, "--json")
    found = {one["name"]: one for one in done.json["findings"]}

    assert found["pointing"]["mark"] == "ok"
    assert "brighter half" in found["pointing"]["text"]


def test_noise_shows_no_class_and_is_not_asked_about(camctl):
    found = camctl("layers", "demo:swin", "--check", "--json").json

    assert "pointing" not in {one["name"] for one in found["findings"]}
