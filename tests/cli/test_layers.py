"""`camctl layers`: a tree to copy names from, and the same as JSON."""

import re

import pytest

from camctl.cli.output.layer_report import selects

MODEL = "python:nets:cnn"


def names(tree):
    """The names that the tree's lines begin with."""
    return [re.sub(r"^[│├└─\s]*", "", line).split("  ")[0] for line in tree.splitlines()[1:]]


def line(tree, name):
    return next(each for each in tree.splitlines() if f" {name} " in each)


def test_tree_shows_modules_as_they_ran_with_repeated_blocks_folded(camctl):
    done = camctl("layers", MODEL, "--all")

    assert names(done.out) == [
        "stem", "blocks", "blocks.0", "blocks.0.conv", "blocks.0.bn", "blocks.1 … 3", "blocks.4", "blocks.4.conv",
        "blocks.4.bn", "pool", "fc", "spare",
    ]  # fmt: skip
    assert "(3 like 0)" in done.out
    assert done.code == 0


def test_each_line_tells_type_shape_grid_and_why_not(camctl):
    done = camctl("layers", MODEL, "--all")

    assert "● default" in line(done.out, "blocks.4 ")
    assert all(word in line(done.out, "blocks.4.bn") for word in ("BatchNorm2d", "1x8x6x8", "6x8", "reached"))
    assert "○ usable" in line(done.out, "stem")
    assert "pooled" in line(done.out, "pool")
    assert "not-run" in line(done.out, "spare")
    assert "not-run" not in line(done.out, "blocks")
    assert "the tensor that the head reads, by probe" in done.err


def test_depth_says_how_much_is_inside(camctl):
    done = camctl("layers", MODEL, "--depth", 1)

    assert names(done.out) == ["stem", "blocks", "pool", "fc", "spare"]
    assert "(15 inside)" in line(done.out, "blocks")


def test_filter_shows_all_of_such_names_unfolded(camctl):
    done = camctl("layers", MODEL, "--filter", "*bn")

    assert [name for name in names(done.out) if name.endswith("bn")] == [f"blocks.{number}.bn" for number in range(5)]
    assert "stem" not in names(done.out)


def test_filter_that_nothing_matches_is_a_mistake(camctl):
    done = camctl("layers", MODEL, "--filter", "nothing.*")

    assert done.code == 2
    assert "No layer matches 'nothing.*'" in done.err


def test_usable_leaves_the_others_out(camctl):
    done = camctl("layers", MODEL, "--usable")

    assert not {"pool", "fc", "spare"} & set(names(done.out))
    assert {"stem", "blocks.4.bn"} <= set(names(done.out))


def test_json_holds_every_module(camctl, photo):
    done = camctl("layers", MODEL, "--json", "--image", photo)

    layers = {layer["name"]: layer for layer in done.json["layers"]}
    assert done.err == ""
    assert done.json["default"] == ["blocks.4"]
    assert done.json["input_size"] == [48, 64]
    assert len(layers) == 20
    assert layers["blocks.4.bn"]["grid"] == [6, 8]
    assert layers["blocks.4.bn"]["shape"] == [1, 8, 6, 8]
    assert layers["blocks.4"]["default"]
    assert layers["pool"]["why_not"] == "pooled"


def test_every_name_in_the_tree_can_be_a_target_layer_if_it_is_usable(camctl, photo):
    usable = [name for name in names(camctl("layers", MODEL, "--filter", "**", "--usable").out) if name != "blocks"]

    done = camctl("run", photo, MODEL, "--json", "--target-layers", *usable)

    assert done.code == 0
    assert done.json["maps"][0]["layers"] == usable


def test_config_needs_no_checkpoint_since_layers_are_structure(camctl, tmp_path):
    config = tmp_path / "tiny.py"
    config.write_text(
        "model = dict(type='ImageClassifier', \n"
        "    backbone=dict(type='ResNet', depth=18, base_channels=4, stem_channels=4),\n"
        "    neck=dict(type='GlobalAveragePooling'), head=dict(type='LinearClsHead', num_classes=3, in_channels=32))\n"
        "data_preprocessor = dict(mean=[0, 0, 0], std=[255, 255, 255], to_rgb=True)\n"
        "test_dataloader = dict(dataset=dict(pipeline=[dict(type='LoadImageFromFile'),\n"
        "    dict(type='Resize', scale=64), dict(type='PackInputs')]))\n"
    )

    done = camctl("layers", config)

    assert done.code == 0
    assert "● default" in line(done.out, "backbone.layer4 ")
    assert "The weights are random" in done.err


@pytest.mark.parametrize(
    ("glob", "name", "matches"),
    [
        ("*norm*", "backbone.layers.0.norm1", True),
        ("bn", "backbone.bn", True),
        ("backbone.layer4.*.bn3", "backbone.layer4.2.bn3", True),
        ("backbone.layer4.*.bn3", "backbone.layer4.2.x.bn3", False),
        ("backbone.**.bn3", "backbone.layer4.2.bn3", True),
        ("backbone.layer?.0", "backbone.layer4.0", True),
        ("backbone.*", "backbone.layer4.0", False),
    ],
)
def test_pattern_reads_globs_as_target_layers_do(glob, name, matches):
    assert selects(glob, name) is matches


@pytest.mark.parametrize("model", ["imagenet:lite0", "demo:vit", "camctl[demo]:vit", "DEMO:vit"])
def test_source_with_weights_of_its_own_is_probed_with_them_however_it_is_spelt(camctl, model):
    done = camctl("layers", model)

    assert done.code == 0
    assert "weights are random" not in done.err


def test_demo_networks_are_probed_with_their_own_weights_however_the_source_is_written(camctl):
    for source in ("demo", "camctl[demo]", "Demo"):
        done = camctl("layers", f"{source}:resnet")
        assert done.code == 0
        assert "weights are random" not in done.err


def test_stages_and_blocks_are_shown_and_the_rest_with_all(camctl):
    short, whole = (camctl("layers", "demo:resnet", *more).out.splitlines() for more in ((), ("--all",)))

    assert len(short) < len(whole) / 3
    assert any("backbone.layer4 " in line and "default" in line for line in short)
    assert any("backbone.layer2.1 " in line for line in short)
    assert not any("conv1" in line or "downsample" in line for line in short)


def test_why_a_layer_is_the_default_is_said(camctl):
    assert "the default, backbone.layer4: the tensor that the head reads" in camctl("layers", "demo:resnet").err
    assert "what feeds the class token's last attention" in camctl("layers", "demo:vit").err


def test_classes_are_listed_and_searched_with_their_indices(camctl):
    assert [line.split() for line in camctl("layers", "demo:vit", "--classes", "dog").out.splitlines()] == [
        ["1", "dog"]
    ]
    found = camctl("layers", "demo:vit", "--classes", "--json").json["classes"]
    assert (len(found), found[0]) == (8, {"index": 0, "label": "cat"})
    done = camctl("layers", "demo:vit", "--classes", "zebra")
    assert (done.code, "No class of demo:vit is named 'zebra'." in done.err) == (2, True)
    assert "The nearest: 7 sailboat" in camctl("layers", "demo:vit", "--classes", "sailbot").err


@pytest.mark.parametrize("width", [60, 80, 100])
def test_tree_fits_the_window_without_what_it_can_spare(camctl, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", str(width))

    tree = camctl("layers", "demo:resnet").out.splitlines()

    assert max(len(each.rstrip()) for each in tree) <= width
    assert ("output" in tree[0], "type" in tree[0], "grid" in tree[0]) == (width == 100, width >= 80, True)
