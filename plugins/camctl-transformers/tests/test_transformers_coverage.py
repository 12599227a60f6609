"""The promise that no flag is needed: a seeded sample of the sweep that COVERAGE.md publishes in full."""

import random
import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import transformers
from camctl_transformers.building import NEEDS
from camctl_transformers.finding import families_known
from camctl_transformers.tasks import REFUSED
from transformers_families import FAMILIES
from transformers_making import saved
from transformers_sweep import explained, load, picture
from transformers_tasks import ALL, TASKS

from camctl.engine.output import OutputReader

PAGE = Path(__file__).resolve().parent.parent / "COVERAGE.md"
WEAK = {"zoedepth", "convnextv2-encoder", "efficientnet-encoder"}
"""Families whose random weights, of a tiny model, give no picture's place more than another."""

ALWAYS = ("hiera", "imagegpt", "siglip2", "clip-zero-shot", "siglip-zero-shot")
"""Families that the plugin has code for."""
SLOW = {"perceiver"}

SAMPLE = sorted(
    {*ALWAYS, *random.Random(5).sample(sorted(set(FAMILIES) - SLOW - set(ALWAYS)), 17)}  # noqa: S311 - a seeded choice
)


def table_rows():
    """The rows of each section of the published tables, by the first words of its heading."""
    sections = {part.partition("\n")[0].partition(",")[0]: part for part in PAGE.read_text("utf-8").split("\n## ")}
    return {
        head: [line.strip("| ").split(" | ") for line in part.splitlines() if re.match(r"\| [\w-]+ \| \w+ \| `", line)]
        for head, part in sections.items()
    }


def module_type(kind):
    """The family of a class, as named in configurations."""
    return getattr(transformers, kind).config_class.model_type


@pytest.mark.parametrize("name", SAMPLE)
def test_without_a_flag_the_map_is_ok_and_the_layer_the_experts(name):
    row = explained(name)

    assert row.verdict == "ok", row.reason
    assert (row.layer, row.grid, row.extra_tokens) == row.expected


def test_every_family_of_the_library_has_an_expert_answer():
    assert set(families_known("classification")) - set(NEEDS) - set(FAMILIES) == set()


def test_the_published_tables_hold_every_family_and_nothing_worthless():
    sections = table_rows()

    assert [row[0] for row in sections["Tiny models"]] == list(FAMILIES)
    assert {row[0] for row in sections["Default configurations"]} == set(families_known("classification")) - set(NEEDS)
    for name in ("Tiny models", "Default configurations"):
        assert {(row[6], row[7]) for row in sections[name]} == {("ok", "same")}


@pytest.mark.parametrize("kind", TASKS)
def test_the_published_tables_hold_every_detector_segmenter_depth_estimator_and_encoder(kind):
    rows = table_rows()[kind.capitalize()]

    assert [row[0] for row in rows if row[0] in ALL] == list(TASKS[kind])
    assert {row[7] for row in rows} == {"same"}
    assert {row[0] for row in rows if row[6] != "ok"} <= WEAK


def test_the_published_list_of_refusals_is_whole():
    text = PAGE.read_text(encoding="utf-8")
    assert [
        line for line in text.splitlines() if any(line == f"- {name}: {what}." for name, what in REFUSED.items())
    ] == [f"- {name}: {what}." for name, what in sorted(REFUSED.items())]


def test_every_detector_segmenter_and_depth_estimator_of_the_library_has_an_expert_answer():
    known = {module_type(family.kind) for family in ALL.values()}
    assert set(families_known("detection", "segmentation", "masks", "depth")) - known == set()


@pytest.mark.parametrize("name", sorted({*ALWAYS[:-2], *SAMPLE[:6]}))
def test_logits_are_found_where_nobody_says_what_the_output_is(tmp_path, name):
    saved(FAMILIES[name], tmp_path)
    loaded = load(FAMILIES[name], tmp_path, random_weights=True)

    with torch.no_grad():
        for names in (loaded.class_names, None):
            reader = OutputReader(replace(loaded, output=None, class_names=names))
            reader(loaded.preprocess(picture())[None])
            assert (reader.output.kind, reader.output.decided_by, reader.output.notes) == ("logits", "found", ())
