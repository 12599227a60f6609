"""The promise that no flag is needed: a seeded sample of the sweep that COVERAGE.md publishes in full."""

import random
import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torchvision import models
from torchvision_experts import ANSWERS, answer_for
from torchvision_sweep import explained, picture

import camctl
from camctl.engine.output import OutputReader

SMALL = (
    ("densenet121",),
    ("squeezenet1_0", "squeezenet1_1"),
    ("googlenet",),
    ("resnet18", "resnet34"),
    ("mobilenet_v2", "mobilenet_v3_large", "mobilenet_v3_small"),
    ("mnasnet0_5", "mnasnet0_75", "mnasnet1_0", "mnasnet1_3"),
    ("shufflenet_v2_x0_5", "shufflenet_v2_x1_0", "shufflenet_v2_x1_5", "shufflenet_v2_x2_0"),
    ("efficientnet_b0", "efficientnet_b1"),
    ("regnet_x_400mf", "regnet_y_400mf", "regnet_x_800mf", "regnet_y_800mf"),
    ("convnext_tiny",),
    ("swin_t", "swin_v2_t"),
    ("vit_b_32",),
)
"""Models of a family that take a second or two."""

SAMPLE = [random.Random(place).choice(names) for place, names in enumerate(SMALL)]  # noqa: S311 - a seeded choice


@pytest.mark.parametrize("name", SAMPLE)
def test_without_a_flag_the_map_is_ok_and_the_layer_the_experts(name):
    row = explained(name)

    assert row.verdict == "ok", row.reason
    assert (row.layer, row.grid, row.extra_tokens) == row.expected


def test_every_model_has_one_expert_answer_and_every_answer_a_model():
    names = models.list_models(module=models)

    used = {answer_for(name).names for name in names}
    assert used == {answer.names for answer in ANSWERS}


def test_the_published_table_holds_every_model_and_nothing_worthless():
    text = (Path(__file__).resolve().parent.parent / "COVERAGE.md").read_text(encoding="utf-8")
    rows = [line.split(" | ") for line in text.splitlines() if re.match(r"\| \w+ \| `", line)]

    assert [row[0].strip("| ") for row in rows] == models.list_models(module=models)
    assert {row[5] for row in rows} == {"ok"}
    assert {row[6] for row in rows} == {"same"}


@pytest.mark.parametrize("name", ["squeezenet1_1", "resnet18", "mobilenet_v3_small", "swin_t"])
def test_logits_are_found_where_nobody_says_what_the_output_is(name):
    loaded = camctl.load(f"torchvision:{name}", random_weights=True)

    with torch.no_grad():
        for names in (loaded.class_names, None):
            reader = OutputReader(replace(loaded, output=None, class_names=names))
            reader(loaded.preprocess(picture())[None])
            assert (reader.output.kind, reader.output.decided_by, reader.output.notes) == ("logits", "found", ())
