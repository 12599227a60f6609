"""`--verify`: two more forward passes tell a map that points at its class from one that points away."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

import camctl
from camctl.demo.scenes import render, scene
from camctl.engine.inversion import hidden, judge_inversion, lead
from camctl.plugin import method
from camctl.values.request import Classes, Evaluation
from tests.models import TinyCnn, loaded, seeded
from tests.test_probe_cost import counted

CLASSES = ("cat", "car", "fish", "mushroom")


@method(name="MinusGradCAM", summary="GradCAM, its sign turned.", paper="none", needs={"activations", "gradients"})
def minus_gradcam(capture):
    return -capture.gradients.mean((2, 3), keepdim=True) * capture.activations


@pytest.fixture
def minus(tmp_path, monkeypatch):
    """Install a package whose method points away from the class."""
    info = tmp_path / "camctl_minus-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: camctl-minus\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[camctl.methods]\nminus = {__name__}:minus_gradcam\n")
    monkeypatch.syspath_prepend(tmp_path)
    return "minus"


@pytest.fixture(scope="module", params=["demo:swin", "demo:resnet"])
def net(request):
    return camctl.load(request.param)


def showing(name):
    """A scene with one object."""
    return render(scene(11, classes=[name]), 128)


def maps_of(net, name, methods, **options):
    return camctl.explain(net, showing(name), targets=name, methods=methods, **options).maps


@pytest.mark.parametrize("name", CLASSES)
def test_a_map_of_the_class_stays_ok(net, name):
    (plain,), (asked,) = maps_of(net, name, ["GradCAM"]), maps_of(net, name, ["GradCAM"], verify=True)

    assert (asked.verdict, asked.reason, asked.hint) == ("ok", "", "")
    np.testing.assert_array_equal(asked.values, plain.values)


@pytest.mark.parametrize("name", CLASSES)
def test_its_opposite_is_inverted_and_is_drawn_all_the_same(net, name, minus):
    (plain,), (asked,) = maps_of(net, name, [minus]), maps_of(net, name, [minus], verify=True)

    assert plain.verdict != "inverted"
    assert asked.verdict == ("inverted" if plain.verdict == "ok" else plain.verdict)
    np.testing.assert_array_equal(asked.values, plain.values)
    assert asked.values.max() == 1
    assert not asked.blank
    if plain.verdict == "ok":
        assert "points away" in asked.reason
        assert asked.hint


def test_the_opposite_is_ok_for_who_does_not_ask_and_inverted_for_who_does(minus):
    net = camctl.load("demo:swin")

    assert [cam.verdict for cam in maps_of(net, "cat", [minus])] == ["ok"]
    assert [cam.verdict for cam in maps_of(net, "cat", [minus], verify=True)] == ["inverted"]


def test_it_costs_one_batch_of_two_a_map_and_nothing_where_it_is_not_asked_for():
    net = camctl.load("demo:swin")
    with counted(net.module) as passes:
        maps_of(net, "cat", ["GradCAM", "LayerCAM", "EigenCAM"])
    assert passes == [1]

    with counted(net.module) as passes:
        maps_of(net, "cat", ["GradCAM", "LayerCAM", "EigenCAM"], verify=True)
    assert passes == [1, 2, 2, 2]


def test_a_comparison_with_metrics_asks_by_itself_and_measures_the_inverted_map(minus):
    net = camctl.load("demo:swin")
    compared = camctl.compare(
        net,
        showing("cat"),
        targets="cat",
        methods=["GradCAM", minus],
        evaluation=Evaluation(metrics=["deletion"], baselines=True),
    )

    assert [cell.cam.verdict for cell in compared.cells] == ["ok", "inverted", "ok", "ok", "ok"]
    assert all("deletion" in cell.figures for cell in compared.cells)
    assert not any(cell.cam.hint for cell in compared.cells[2:])
    assert compared.cells[1].figures["deletion"] > compared.cells[0].figures["deletion"]


def test_a_comparison_without_metrics_asks_where_it_is_told_to(minus):
    net = camctl.load("demo:swin")
    options = {"targets": "cat", "methods": [minus]}

    assert [cam.verdict for cam in camctl.compare(net, showing("cat"), **options).maps] == ["ok"]
    assert [
        cam.verdict for cam in camctl.compare(net, showing("cat"), evaluation=Evaluation(verify=True), **options).maps
    ] == ["inverted"]


def test_a_class_told_from_another_is_asked_about_by_its_lead(minus):
    net = camctl.load("demo:swin")
    pixels = render(scene(12, classes=["cat", "car"]), 128)
    asked = camctl.explain(
        net, pixels, targets=Classes(names="cat", versus="car"), methods=["GradCAM", minus], verify=True
    ).maps

    assert [cam.verdict for cam in asked] == ["ok", "inverted"]


def test_a_model_that_takes_one_picture_at_a_time_is_asked_one_by_one():
    class Single(TinyCnn):
        def forward(self, x):
            if len(x) > 1:
                message = "one at a time"
                raise RuntimeError(message)
            return super().forward(x)

    net = loaded(seeded(Single()))
    pixels = np.random.default_rng(0).integers(0, 255, (32, 32, 3), dtype=np.uint8)

    assert camctl.explain(net, pixels, verify=True).maps[0].verdict in {"ok", "inverted", "border", "diffuse"}


def test_the_brighter_half_is_hidden_in_the_first_input_and_the_darker_in_the_second():
    inputs = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    raw = torch.tensor([2.0, 1.0, -1.0, -2.0])[:, None].expand(4, 4)

    first, second = hidden(inputs, raw)

    assert torch.equal(first[:, 16:], inputs[0, :, 16:])
    assert (first[:, :16] != inputs[0, :, :16]).any(0).all()
    assert torch.equal(second[:, :16], inputs[0, :, :16])
    assert (second[:, 16:] != inputs[0, :, 16:]).any(0).all()


def test_of_equal_places_those_beside_the_light_count_as_the_brighter():
    inputs = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    raw = torch.zeros(8, 8)
    raw[6, 6] = 1.0

    first, second = hidden(inputs, raw)

    changed = (first != inputs[0]).any(0)
    assert changed[16:28, 16:28].all()
    assert not changed[:8, :8].any()
    assert torch.equal(changed, ~(second != inputs[0]).any(0))


def test_a_class_loses_against_the_mean_of_all_and_not_against_its_synonyms():
    logits = torch.tensor([[8.0, 7.0, 0.0, 0.0, float("-inf")], [8.0, 9.0, 0.0, -2.0, float("-inf")]])

    assert torch.allclose(lead(logits, 0, "softmax"), torch.tensor([4.25, 4.25]))
    assert torch.equal(lead(logits, 0, "sigmoid"), torch.tensor([8.0, 8.0]))


@pytest.mark.parametrize(
    ("leads", "verdict"),
    [
        ((6.0, 0.0, 6.0), "ok"),
        ((6.0, 6.5, 0.0), "inverted"),
        ((6.0, 2.0, 1.5), "ok"),  # an object that fills the picture
        ((6.0, 5.9, 5.7), "ok"),  # a picture that hardly matters
        ((6.0, 7.0, 8.0), "ok"),
        ((float("nan"), 1.0, 2.0), "ok"),
    ],
)
def test_the_verdict_asks_for_a_clear_difference(leads, verdict):
    assert judge_inversion(torch.tensor(leads)).name == verdict


def test_a_half_without_which_the_class_gains_is_told_without_a_minus_sign():
    reason = judge_inversion(torch.tensor((6.0, 8.5, 0.0))).reason
    assert "darker half costs the class 6.0, hiding the brighter half gains it 2.5 (logits)." in reason


def test_a_baseline_points_at_no_class_and_is_not_asked():
    net = camctl.load("demo:resnet")
    maps = camctl.explain(net, showing("cat"), targets=list(CLASSES), methods=["Random"], verify=True).maps
    assert {cam.verdict for cam in maps} == {"ok"}


def test_the_commands_draw_the_map_warn_and_are_strict(minus, tmp_path, capsys):
    import json

    from camctl.cli import main

    picture = tmp_path / "cat.png"
    Image.fromarray(showing("cat")).save(picture)
    asked = ["demo:swin", "--target-category", "cat", "--method", minus, "--verify"]

    with pytest.raises(SystemExit) as ended:
        main(["run", str(picture), *asked, "--json", "--strict"])
    (cam,) = json.loads(capsys.readouterr().out)["maps"]
    assert ended.value.code == 4
    assert (cam["verdict"], cam["method"]) == ("inverted", "MinusGradCAM")

    with pytest.raises(SystemExit) as ended:
        main(["compare", str(picture), *asked, "--save-path", str(tmp_path / "grid.png")])
    assert ended.value.code in {0, None}
    assert "inverted: MinusGradCAM of cat" in capsys.readouterr().err


def test_random_weights_know_no_class_and_what_would_be_a_verdict_is_a_warning(minus):
    net = replace(camctl.load("demo:swin"), random_weights=True)

    (cam,) = maps_of(net, "cat", [minus], verify=True)

    assert (cam.verdict, cam.hint) == ("ok", "")
    assert "points away" in cam.reason
