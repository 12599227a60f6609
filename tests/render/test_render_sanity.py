"""The sanity figure: a row a method, from the whole network's map to that of random weights."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

import camctl
from camctl.ranking.sanity import sanity_rows
from camctl.render.figure.sanity import sanity_pages
from camctl.render.page.page import Bitmap, Words
from camctl.render.report.report import report
from camctl.values.comparison import ANOTHER
from camctl.values.look import Look
from tests.comparisons import drawn_scene, network


@cache
def found(count=2):
    pictures = [drawn_scene(seed) for seed in (6_700_024, 6_702_026)][:count]
    return camctl.compare(
        network("resnet"), pictures, methods=["GradCAM", "EigenCAM"], evaluation=camctl.Evaluation(sanity=True)
    )


def shown(page):
    return [item for item in page.items if isinstance(item, Bitmap)]


def test_each_method_is_a_row_of_the_whole_network_each_stage_and_another_picture():
    (page,) = sanity_pages(found(), Look())
    texts = " ".join(text.text for text in page.items if isinstance(text, Words))
    assert len(shown(page)) == 2 * (1 + 6 + 1)
    assert all(word in texts for word in ("whole network", "head", "to backbone.conv1", "another picture", "EigenCAM"))
    figures = sanity_rows(found())[0][0].stages["head"]
    assert f"{figures.correlation:.2f} / {figures.ssim:.2f}" in texts


@pytest.mark.parametrize("count", [1, 2])
def test_another_picture_is_the_next_one_or_the_only_one_upside_down(count):
    plain = Look(opacity=0, tile=64)
    (page,) = sanity_pages(found(count), plain)
    whole, *_, other = shown(page)[8:]
    pixels = [each.draw(each.width, each.height) for each in (whole, other)]
    if count == 1:
        assert np.array_equal(pixels[1], pixels[0][::-1, ::-1])
    else:
        assert not np.array_equal(pixels[1], pixels[0])


def test_a_map_that_random_weights_make_worthless_is_hatched():
    (sanity,) = found().sanity
    dead = tuple(replace(one, verdict="flat") if one.stage == "head" else one for one in sanity.redrawn)
    (before,), (after,) = (
        sanity_pages(found(), Look()),
        sanity_pages(replace(found(), sanity=(replace(sanity, redrawn=dead),)), Look()),
    )
    alike = [
        np.array_equal(one.draw(one.width, one.height), other.draw(other.width, other.height))
        for one, other in zip(shown(before)[8:], shown(after)[8:], strict=True)
    ]
    assert alike == [True, False, *[True] * 6]


def test_the_report_has_the_table_and_the_figure():
    page = report(found())
    assert "What remains when weights are random" in page
    assert page.count(ANOTHER) == 1
    assert 'src="data:image/webp;base64,' in page


def test_a_report_without_sanity_says_nothing_of_it():
    assert "weights are random" not in report(replace(found(), sanity=()))
