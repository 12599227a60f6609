"""Layers and classes that are not there, or show nothing."""

import re
import shlex

import pytest

MODEL = "python:nets:cnn"


def test_unknown_layer_is_answered_with_near_names_that_work(refuses, camctl, photo):
    said = refuses("run", photo, "demo:vit", "--target-layers", "backbone.layers.4.ln")

    near = re.findall(r"backbone\.[\w.]+", said.hint)
    assert "backbone.layers.4.ln1" in near
    assert all(camctl("run", photo, "demo:vit", "--quiet", "--target-layers", name).code == 0 for name in near)


@pytest.mark.parametrize(
    ("layer", "says"),
    [
        ("spare", "it never runs"),
        ("blocks", "it never runs"),
        ("nothing.*", "No layer matches 'nothing.*'"),
        ("qqqqq", "There is no layer named 'qqqqq'"),
        ("", "There is no layer named ''"),
    ],
)
def test_layer_that_cannot_be_explained_is_refused_with_a_command_that_lists_others(
    refuses, camctl, photo, layer, says
):
    said = refuses("run", photo, MODEL, "--target-layers", layer)

    assert says in said.error
    command = said.hint.partition("camctl ")[2]
    assert command.startswith(f"layers {MODEL}")
    assert "blocks.4.bn" in camctl(*shlex.split(command)).out


@pytest.mark.parametrize(
    ("model", "layer", "verdict"),
    [
        (MODEL, "pool", "single-cell"),
        (MODEL, "fc", "single-cell"),
        ("demo:resnet", "neck", "single-cell"),
        ("demo:resnet", "head", "single-cell"),
        ("demo:vit", "backbone.ln1", "zero-gradient"),
        ("demo:vit", "backbone.layers.4", "zero-gradient"),
        ("demo:vit", "backbone", "single-cell"),
    ],
)
def test_worthless_layer_is_told_which_layer_to_use(camctl, photo, model, layer, verdict):
    done = camctl("run", photo, model, "--target-layers", layer, "--json", "--strict")
    (found,) = done.json["maps"]

    assert done.code == 4
    assert found["verdict"] == verdict
    advised = found["hint"].removeprefix("Try another layer: ")
    followed = camctl("run", photo, model, *shlex.split(advised), "--json", "--strict")
    assert [one["verdict"] for one in followed.json["maps"]] == ["ok"]


@pytest.mark.parametrize(
    ("model", "wanted", "says", "hint"),
    [
        (MODEL, "4", "There is no class 4: the model has 4", "0 to 3"),
        (MODEL, "-1", "There is no class -1", "0 to 3"),
        (MODEL, "9" * 40, "There is no class named '999", "0 to 3"),
        (MODEL, "²", "There is no class named '²'", "0 to 3"),
        (MODEL, "dgo", "There is no class named 'dgo'", "Did you mean dog?"),
        (MODEL, "", "There is no class named ''", "The classes are"),
        ("demo:vit", "mush", "There is no class named 'mush'", "mushroom"),
        ("python:odd_nets:Net", "dog", "This model's class names are not known", "0 to 2"),
        ("python:odd_nets:OneLogit", "2", "the model has 2", "0 to 1"),
    ],
)
def test_class_that_is_not_there_is_refused(refuses, photo, model, wanted, says, hint):
    said = refuses("run", photo, model, "--target-category", wanted)

    assert says in said.error
    assert hint in said.hint


def test_one_logit_head_has_two_classes(camctl, photo):
    done = camctl("run", photo, "python:odd_nets:OneLogit", "--target-category", "cat", "not cat", "--json")

    scores = {one["label"]: one["score"] for one in done.json["predictions"]}
    assert set(scores) == {"cat", "not cat"}
    assert sum(scores.values()) == pytest.approx(1)
    assert [one["target"]["index"] for one in done.json["maps"]] == [1, 0]


@pytest.mark.parametrize("family", ["vit", "t2t"])
@pytest.mark.parametrize("count", [0, 3])
def test_wrong_number_of_extra_tokens_is_refused_instead_of_taking_channels_for_places(refuses, photo, family, count):
    said = refuses("run", photo, f"demo:{family}", "--num-extra-tokens", count)

    assert "has no spatial grid" in said.error
    assert f"Leave out: --num-extra-tokens {count}" in said.hint


def test_adapter_of_another_family_is_refused(refuses, photo):
    said = refuses("run", photo, MODEL, "--adapter", "vit")

    assert "No part of this model (Cnn)" in said.error
    assert said.hint.startswith("Do not name an adapter")
