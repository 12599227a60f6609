"""Class names and configs as people told of them in public threads."""

import re

import pytest
import torch

from tests.situations import names
from tests.situations.oracles import answers, assert_refused, assert_scores, numbered, view

MODULE = "python:tests.situations.names"


def test_folders_of_a_training_set_are_names_by_their_number(run, pixels):
    """https://github.com/pytorch/vision/issues/714: 1, 10, 2 in the order of text."""
    module = names.three()
    torch.save({"state_dict": module.state_dict(), "class_to_idx": names.FOLDERS}, "folders.pth")

    outcome = run(f"{MODULE}:three", "folders.pth")
    assert_scores(outcome, answers(module, view(pixels)).softmax(0), ["1", "10", "2"])


def test_id2label_whose_keys_are_text_is_in_the_order_of_numbers(run, pixels):
    """https://github.com/huggingface/transformers/issues/18052."""
    module = names.eleven()
    torch.save({"model": module.state_dict(), "id2label": names.LABELS}, "labelled.pth")

    outcome = run(f"{MODULE}:eleven", "labelled.pth")
    assert_scores(outcome, answers(module, view(pixels)).softmax(0), list("abcdefghijk"))


@pytest.mark.parametrize("word", ["n02123045", "tabby", "tabby cat"])
def test_a_synset_or_a_synonym_finds_a_class_of_imagenet(run, pixels, word):
    """https://github.com/ramprs/grad-cam/issues/16, https://github.com/pytorch/vision/issues/484."""
    outcome = run(f"{MODULE}:imagenet", "--labels", "imagenet", "--target-category", word)

    assert outcome.code == 0, outcome.words
    target = outcome.json["maps"][0]["target"]
    score = answers(names.imagenet(), view(pixels)).softmax(0)[281]
    assert (target["index"], target["score"]) == (281, pytest.approx(float(score), abs=1e-5))


def test_a_thousand_names_for_1001_classes_are_not_laid_on_the_wrong_ones(run, pixels, tmp_path):
    """https://github.com/ageron/handson-ml/issues/61: class 0 is the background."""
    (tmp_path / "classes.txt").write_text("\n".join(f"name {index}" for index in range(1000)))
    outcome = run(f"{MODULE}:with_background", "--labels", "classes.txt")

    assert re.search(r"1000|1,000", outcome.spoken)
    assert "1001" in outcome.spoken or "1,001" in outcome.spoken
    assert outcome.code == 2 or outcome.first[0] in numbered(1001)
    assert "zero-shot" not in outcome.spoken


# Configs

OWN_NET = """
from mmpretrain.registry import MODELS
from mmengine.model import BaseModule
from torch import nn

@MODELS.register_module(force=True)
class BacklotNet(BaseModule):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 64, 8, 8)

    def forward(self, x):
        return (self.stem(x),)
"""


def test_code_beside_a_config_is_found_from_any_folder(run, pixels, write_config, monkeypatch, tmp_path):
    """https://github.com/open-mmlab/mim-example/issues/8."""
    config = write_config(custom_imports={"imports": ["backlot_net"], "allow_failed_imports": False})
    config.write_text(config.read_text() + "\nmodel['backbone'] = dict(type='BacklotNet')\n")
    (config.parent / "backlot_net.py").write_text(OWN_NET)

    outcome = run("configs/tiny.py", "--random-weights")
    assert outcome.code == 0, outcome.words
    assert outcome.json["maps"][0]["layers"] == ["backbone.stem"]


def test_a_config_of_mmcls_is_recognised_or_read_as_it_was_meant(run, pixels, write_config):
    """https://github.com/open-mmlab/mmselfsup/issues/421, https://github.com/open-mmlab/mmpretrain/issues/1674."""
    norm = {"mean": [123.675, 116.28, 103.53], "std": [58.395, 57.12, 57.375], "to_rgb": True}
    steps = [
        {"type": "LoadImageFromFile"},
        {"type": "Resize", "size": (64, -1)},
        {"type": "CenterCrop", "crop_size": 64},
        {"type": "Normalize", **norm},
        {"type": "ImageToTensor", "keys": ["img"]},
        {"type": "Collect", "keys": ["img"]},
    ]
    data = {"samples_per_gpu": 32, "workers_per_gpu": 2, "test": {"type": "ImageNet", "pipeline": steps}}
    config = write_config(data_preprocessor=None, test_dataloader=None, img_norm_cfg=norm, data=data)
    outcome = run(config, "--random-weights")

    if outcome.code:
        assert_refused(outcome, r"mmcls|mmclassification|\b0\.x|migrat")
    else:
        meant = run(write_config(data_preprocessor={"num_classes": 3, **norm}), "--random-weights")
        assert outcome.scores == pytest.approx(meant.scores, abs=1e-4)


@pytest.mark.parametrize("option", ["modle.head.num_classes=7", "model.head.num_clases=7"])
def test_a_misspelt_option_is_refused(run, pixels, write_config, option):
    """https://github.com/meta-pytorch/torchtune/pull/2979: a misspelt key was dropped without a word."""
    outcome = run(write_config(), "--random-weights", "--cfg-options", option)

    assert_refused(outcome, re.escape(option.partition("=")[0].rpartition(".")[2]))
    assert "modle" in outcome.spoken or "num_clases" in outcome.spoken


def test_an_option_of_what_the_config_has_already_copied_is_refused_or_works(run, pixels, write_config):
    """https://github.com/open-mmlab/mmselfsup/issues/203, https://github.com/open-mmlab/mmdetection/issues/2957."""
    steps = [
        {"type": "LoadImageFromFile"},
        {"type": "ResizeEdge", "scale": 64, "edge": "short"},
        {"type": "CenterCrop", "crop_size": 64},
        {"type": "PackInputs"},
    ]
    config = write_config(test_pipeline=steps)
    changes = ("test_pipeline.1.scale=128", "test_pipeline.2.crop_size=128")
    outcome = run(config, "--random-weights", "--cfg-options", *changes)

    if outcome.code:
        assert_refused(outcome, "test_pipeline")
    else:
        assert outcome.json["maps"][0]["grid"] == [16, 16]


def test_a_base_that_is_not_there_is_named(run, pixels, write_config):
    """https://github.com/open-mmlab/mmpretrain/issues/979."""
    outcome = run(write_config(_base_=["../_base_/models/nowhere.py"]), "--random-weights")

    assert_refused(outcome, r"_base_/models/nowhere\.py", "no such file|not exist|missing|not there|no file")
