"""Configs of other layouts, and the user's own code, class names and options in configs."""

import numpy as np
import pytest
import torch

from camctl.errors import InputError
from camctl.sources.mm_layouts import modern
from tests.sources.tiny import PIPELINE, PREPROCESSOR, RESNET

NORM = {"mean": PREPROCESSOR["mean"], "std": PREPROCESSOR["std"], "to_rgb": True}
OLD = [
    {"type": "LoadImageFromFile"},
    {"type": "Resize", "size": (36, -1)},
    {"type": "CenterCrop", "crop_size": 32},
    {"type": "Normalize", **NORM},
    {"type": "ImageToTensor", "keys": ["img"]},
    {"type": "Collect", "keys": ["img"]},
]
PIXELS = np.random.default_rng(3).integers(0, 256, (50, 71, 3), dtype=np.uint8)


def old_config(write_config, steps):
    data = {"samples_per_gpu": 2, "test": {"type": "CustomDataset", "pipeline": steps}}
    return write_config(test_dataloader=None, data_preprocessor=None, data=data)


def test_a_pipeline_of_mmcls_gives_the_same_input_as_its_translation(write_config, load) -> None:
    old, new = load(old_config(write_config, OLD)), load(write_config(name="new.py"))

    torch.testing.assert_close(old.preprocess(PIXELS), new.preprocess(PIXELS))
    assert any("mmcls" in note for note in old.notes)
    assert not any("mmcls" in note for note in new.notes)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({"type": "Resize", "size": 40}, {"type": "Resize", "scale": (40, 40)}),
        ({"type": "Resize", "size": (40, 60)}, {"type": "Resize", "scale": (60, 40)}),
        ({"type": "Resize", "size": (40, -1)}, {"type": "ResizeEdge", "scale": 40, "edge": "short"}),
        (
            {
                "type": "Resize",
                "size": (40, -1),
                "adaptive_side": "long",
                "interpolation": "bicubic",
                "backend": "pillow",
            },
            {"type": "ResizeEdge", "scale": 40, "edge": "long", "interpolation": "bicubic", "backend": "pillow"},
        ),
        ({"type": "CenterCrop", "crop_size": (40, 60)}, {"type": "CenterCrop", "crop_size": (60, 40)}),
        (
            {"type": "CenterCrop", "crop_size": 40, "efficientnet_padding": True, "crop_padding": 32},
            {"type": "EfficientNetCenterCrop", "crop_size": 40, "efficientnet_padding": True, "crop_padding": 32},
        ),
    ],
    ids=str,
)
def test_sizes_of_mmcls_have_the_height_first_and_those_of_mmcv_the_width(old, new) -> None:
    assert modern([old, {"type": "Collect", "keys": ["img"]}]) == [new]


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"model_cfg": {"backbone": {"type": "ResNet"}}}, "Awesome-Backbones"),
        ({"MODEL": {"TYPE": "swin"}}, "yacs"),
        ({"architectures": ["ViTForImageClassification"]}, "transformers"),
        ({"nc": 3, "backbone": []}, "ultralytics"),
        ({"optimizer": {"type": "SGD"}}, "no model"),
    ],
)
def test_a_config_of_another_layout_is_named_for_what_it_is(write_config, load, settings, word) -> None:
    with pytest.raises(InputError, match=word):
        load(write_config(None, **settings))


@pytest.mark.parametrize("place", ["metainfo", "dataset"])
@pytest.mark.parametrize("folder", ["current", "config"])
def test_class_names_of_a_config_may_stand_in_a_file(
    write_config, load, tmp_path, tmp_path_factory, monkeypatch, place, folder
) -> None:
    (tmp_path / "classes.txt").write_text("ant\nbee\nwasp\n")
    monkeypatch.chdir(tmp_path if folder == "current" else tmp_path_factory.mktemp("elsewhere"))
    names = {"classes": "classes.txt"}
    dataset = {"type": "CustomDataset", "pipeline": PIPELINE, **({"metainfo": names} if place == "metainfo" else names)}

    assert load(write_config(test_dataloader={"dataset": dataset})).class_names == ("ant", "bee", "wasp")


def test_class_names_of_another_number_are_left_out_and_it_is_said(write_config, load) -> None:
    dataset = {"type": "CustomDataset", "pipeline": PIPELINE, "metainfo": {"classes": ("ant", "bee")}}
    loaded = load(write_config(test_dataloader={"dataset": dataset}))

    assert loaded.class_names is None
    assert loaded.notes == ("There are 2 class names, and the model has 3 classes: they are not used.",)


OWN = """
from torch import nn
from mmpretrain.registry import MODELS

@MODELS.register_module(force=True)
class {name}(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 32, 3, 4, 1)

    def forward(self, x):
        return (self.conv(x).relu(),)
"""


@pytest.mark.parametrize("folder", ["current", "config"])
def test_a_config_imports_code_of_the_current_folder_and_of_its_own(
    write_config, load, tmp_path, tmp_path_factory, monkeypatch, folder
) -> None:
    name = f"Own{folder.title()}"
    package = tmp_path / f"own_{folder}"
    package.mkdir()
    (package / "net.py").write_text(OWN.format(name=name))
    monkeypatch.chdir(tmp_path if folder == "current" else tmp_path_factory.mktemp("elsewhere"))
    custom = {"imports": [f"own_{folder}.net"], "allow_failed_imports": False}
    config = write_config({**RESNET, "backbone": {"type": name}}, custom_imports=custom)

    assert type(load(config).module.backbone).__name__ == name


def test_an_option_of_a_setting_that_no_config_has_is_refused_with_the_nearest(write_config, load) -> None:
    with pytest.raises(InputError, match="modle") as raised:
        load(write_config(), cfg_options={"modle.head.num_classes": 4})

    assert "model" in raised.value.hint
    assert load(write_config(), cfg_options={"model.head.num_classes": 4}).module.head.num_classes == 4


@pytest.mark.parametrize(
    ("pipeline", "words"),
    [
        (True, "is bool, not a list of steps"),
        (5, "is int, not a list of steps"),
        ("Resize", "is str, not a list of steps"),
        ({"type": "Resize"}, "is ConfigDict, not a list of steps"),
        ([{"type": "LoadImageFromFile"}, 5], "Step 2 of the config's test pipeline is int"),
        ([None], "Step 1 of the config's test pipeline is NoneType"),
        ([["Collect"], {"type": "ImageToTensor"}], "Step 1 of the config's test pipeline is list"),
    ],
    ids=str,
)
def test_a_pipeline_that_is_no_list_of_steps_is_an_error_in_words(write_config, load, pipeline, words) -> None:
    with pytest.raises(InputError, match=words):
        load(write_config(test_dataloader=None, test_pipeline=pipeline))
