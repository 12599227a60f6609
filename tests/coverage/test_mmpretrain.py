"""The table of mmpretrain's backbones is complete, and holds for a seeded sample."""

import random

import pytest

import camctl
from camctl.errors import InputError
from camctl.kit.quiet import quiet
from camctl.pipeline.check import check as check_
from camctl.sources import mm_config
from tests.coverage.mmpretrain_expert import EXPERT
from tests.coverage.sweep_mmpretrain import PAGE, answer_for

QUICK = (
    "CSPResNeXt",
    "ConvNeXt",
    "DaViT",
    "DeiT3",
    "DistilledVisionTransformer",
    "EdgeNeXt",
    "EfficientFormer",
    "EfficientNet",
    "HiViT",
    "LeNet5",
    "LeViT",
    "MobileNetV2",
    "MobileNetV3",
    "MobileOne",
    "MobileViT",
    "PoolFormer",
    "PyramidVig",
    "RegNet",
    "RepVGG",
    "ResNet_CIFAR",
    "RevVisionTransformer",
    "ShuffleNetV1",
    "ShuffleNetV2",
    "SwinTransformer",
    "T2T_ViT",
    "TinyViT",
    "VAN",
    "Vig",
    "XCiT",
)
"""Backbones that take a second or two."""
SAMPLE = random.Random(4).sample([row for row in EXPERT if row.backbone in QUICK], 8)  # noqa: S311 - a fixed draw

UNREADABLE = {"replknet-31B", "swinv2-base-w12_3rdparty_in21k-192px", "swinv2-large-w12_3rdparty_in21k-192px"}
"""Published with configs that mmengine itself cannot read."""


@pytest.mark.parametrize("expected", SAMPLE, ids=lambda row: row.name.replace("/", "."))
def test_without_a_flag_the_answer_is_the_experts(expected):
    assert answer_for(expected).misses == ()


def test_the_table_covers_every_backbone_of_the_index():
    configs = {mm_config.published(name).path for name in mm_config.published_names()}
    backbones = set()
    with quiet():
        for config in sorted(configs):
            try:
                model = mm_config.read_config(config, {}).model
            except InputError:
                assert any(config.name.startswith(name.split("_")[0]) for name in UNREADABLE), config
                continue
            if model["type"] == "ImageClassifier":
                kind = model["backbone"]["type"]
                backbones.add(kind if isinstance(kind, str) else kind.__name__)
    assert len(backbones) == 59
    assert backbones - {row.backbone for row in EXPERT} == set()


def test_the_published_page_is_of_this_table_and_has_no_miss():
    text = PAGE.read_text(encoding="utf-8")
    assert [row.name for row in EXPERT if f"| {row.name} |" not in text] == []
    assert "## Misses\n\nNone.\n" in text


@pytest.mark.parametrize(
    "name",
    ["deit-tiny-distilled_3rdparty_in1k", "efficientformer-l1_3rdparty_8xb128_in1k", "resnet18_8xb16_cifar10"],
)
def test_a_check_of_one_model_says_what_the_published_page_says(name):
    row = next(line for line in PAGE.read_text(encoding="utf-8").splitlines() if f"| {name} |" in line)
    _, _, _, chosen_by, layer, grid, _, extra, verdict, *_ = (cell.strip(" `") for cell in row.split("|"))

    result = check_(camctl.load(name, random_weights=True))

    assert (result.chosen_by, result.layers, result.verdict) == (chosen_by, (layer,), verdict)
    assert result.grid is not None
    assert ("x".join(map(str, result.grid)), str(result.extra_tokens)) == (grid, extra)
    assert result.ok


@pytest.mark.parametrize(
    ("model", "line"),
    [
        ("resnet50-arcface_inshop", "describes ImageToImageRetriever, a retriever, which has no classes"),
        ("simclr_resnet50_16xb256-coslr-200e_in1k", "describes SimCLR, a self-supervised model, which has no classes"),
        ("mae_vit-base-p16_8xb512-amp-coslr-300e_in1k", "describes MAE, a self-supervised model"),
        ("blip-base_3rdparty_caption", "describes BlipCaption, not a classifier but a model of pictures and text"),
        ("cn-clip_resnet50_zeroshot-cls_cifar100", "describes ChineseCLIP, not a classifier but a model of pictures"),
        ("vit-base-p16_sam-pre_3rdparty_sa1b-1024px", "is a backbone without a head: it outputs features, not classes"),
    ],
)
def test_what_has_no_class_score_gets_one_clear_line(model, line):
    with pytest.raises(InputError, match=line) as raised:
        camctl.load(model, random_weights=True)
    assert "\n" not in str(raised.value)
