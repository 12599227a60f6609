"""The promise that no flag is needed: a seeded sample of the sweep that COVERAGE.md publishes in full."""

import random
import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from camctl_transformers.building import NEEDS
from camctl_transformers.finding import families_known
from transformers_families import FAMILIES
from transformers_making import saved
from transformers_sweep import explained, load, picture

from camctl.engine.output import OutputReader

ALWAYS = ("hiera", "imagegpt", "siglip2", "clip-zero-shot", "siglip-zero-shot")
"""Families that the plugin has code for."""
SLOW = {"perceiver"}

SAMPLE = sorted(
    {*ALWAYS, *random.Random(5).sample(sorted(set(FAMILIES) - SLOW - set(ALWAYS)), 17)}  # noqa: S311 - a seeded choice
)


@pytest.mark.parametrize("name", SAMPLE)
def test_without_a_flag_the_map_is_ok_and_the_layer_the_experts(name):
    row = explained(name)

    assert row.verdict == "ok", row.reason
    assert (row.layer, row.grid, row.extra_tokens) == row.expected


def test_every_family_of_the_library_has_an_expert_answer():
    assert set(families_known()) - set(NEEDS) - set(FAMILIES) == set()


def test_the_published_tables_hold_every_family_and_nothing_worthless():
    text = (Path(__file__).resolve().parent.parent / "COVERAGE.md").read_text(encoding="utf-8")
    tiny, _, full = text.partition("## Default configurations")
    rows = [[line.split(" | ") for line in part.splitlines() if re.match(r"\| [\w-]+ \| \w+ \| `", line)]
            for part in (tiny, full)]  # fmt: skip

    assert [row[0].strip("| ") for row in rows[0]] == list(FAMILIES)
    assert {row[0].strip("| ") for row in rows[1]} == set(families_known()) - set(NEEDS)
    assert {row[6] for part in rows for row in part} == {"ok"}
    assert {row[7] for part in rows for row in part} == {"same"}


@pytest.mark.parametrize("name", sorted({*ALWAYS[:-2], *SAMPLE[:6]}))
def test_logits_are_found_where_nobody_says_what_the_output_is(tmp_path, name):
    saved(FAMILIES[name], tmp_path)
    loaded = load(FAMILIES[name], tmp_path, random_weights=True)

    with torch.no_grad():
        for names in (loaded.class_names, None):
            reader = OutputReader(replace(loaded, output=None, class_names=names))
            reader(loaded.preprocess(picture())[None])
            assert (reader.output.kind, reader.output.decided_by, reader.output.notes) == ("logits", "found", ())
