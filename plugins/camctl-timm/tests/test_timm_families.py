"""A seeded sample of the families, so that the published table stays true; the whole of it is `coverage.py`."""

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from timm_experts import EXPERTS
from timm_sweep import Member, explain, modules, smallest

import camctl
from camctl.engine.output import OutputReader

TABLE = Path(__file__).parent.parent / "COVERAGE.md"

QUICK = 0.6
"""Seconds in the table; a sampled model takes several times as long with loading."""


def published():
    """Module -> the cells of its row."""
    lines = TABLE.read_text(encoding="utf-8").splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| ")]
    return {cells[0]: cells for cells in rows if cells[0] != "module"}


def sample():
    quick = sorted(module for module, cells in published().items() if float(cells[9]) <= QUICK and "(" not in cells[1])
    return random.Random(4).sample(quick, 6)  # noqa: S311 - nobody is to be surprised


def test_the_expert_and_the_table_speak_of_every_module():
    assert sorted(EXPERTS) == modules()
    assert sorted(published()) == modules()


def test_the_table_names_models_as_the_expert_does():
    assert {module: cells[1].split()[0] for module, cells in published().items()} == {
        module: expert.model for module, expert in EXPERTS.items()
    }


@pytest.mark.parametrize("module", ["deepseek_vit", "sknet", "tnt", "visformer", "xception"])
def test_the_smallest_classifier_of_a_module_is_counted_out(module):
    assert smallest(module).name == EXPERTS[module].model


def test_the_smallest_model_of_all_need_not_be_a_classifier():
    member = smallest("hieradet_sam2")

    assert member.own_head
    assert member.name == "hieradet_small"


@pytest.mark.parametrize("module", sample())
def test_a_family_is_explained_as_the_expert_would_and_as_the_table_says(module):
    expert, cells = EXPERTS[module], published()[module]

    row = explain(module, Member(expert.model, 0, own_head=True))

    assert row.verdict == "ok"
    assert (row.grid, row.extra_tokens) == (expert.grid, expert.extra_tokens)
    assert cells[4:8] == [f"`{row.layer}`", row.chosen_by, f"{row.grid[0]} x {row.grid[1]}", str(row.extra_tokens)]


@pytest.mark.parametrize("name", [EXPERTS[module].model for module in sample()[:4]])
def test_logits_are_found_where_nobody_says_what_the_output_is(name):
    loaded = camctl.load(f"timm:{name}", random_weights=True)

    with torch.no_grad():
        for names in (loaded.class_names, None):
            reader = OutputReader(replace(loaded, output=None, class_names=names))
            reader(loaded.preprocess(np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8))[None])
            assert (reader.output.kind, reader.output.decided_by, reader.output.notes) == ("logits", "found", ())
