"""The page of a review: what it embeds, which pictures it takes, and that names stay text."""

from __future__ import annotations

import json
import re
from base64 import b64decode
from html import unescape
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from camctl.render.review.choice import chosen
from camctl.render.review.page import Matrix, save_review
from camctl.results.review import summarise
from tests.reviews import HOSTILE, METHODS, SIZE, energy_of, grid_of, opened, predicted, score_of


def saved(results, folder, **options):
    """Return the text of a page and the data in it."""
    done = save_review(results, summarise(results), folder / "review.html", **options)
    text = done.path.read_text(encoding="utf-8")
    return done, text, json.loads(re.search(r'id="data">(.*?)</script>', text, re.DOTALL)[1])


def test_every_picture_has_its_thumbnail_and_the_maps_of_its_methods(tmp_path):
    done, _, data = saved(opened(tmp_path, count=12), tmp_path)
    assert (done.pictures, done.total, done.missing) == (12, 12, 0)
    for index, picture in enumerate(data["pictures"]):
        assert [map_["method"] for map_ in picture["maps"]] == list(METHODS)
        with Image.open(BytesIO(b64decode(picture["thumb"].split(",")[1]))) as thumbnail:
            assert (thumbnail.size, thumbnail.format) == (SIZE, "JPEG")
        assert picture["right"] is (index % 10 != 4)
        for map_ in picture["maps"]:
            levels = np.frombuffer(b64decode(map_["levels"]), np.uint8).reshape(map_["grid"])
            values = map_["low"] + levels / 255 * (map_["high"] - map_["low"])
            assert values == pytest.approx(2 * grid_of(index, map_["method"]), abs=0.02)
            assert map_["figures"] == [pytest.approx(energy_of(index, map_["method"]), abs=1e-4)]


def test_a_large_picture_becomes_a_small_thumbnail(tmp_path):
    results = opened(tmp_path, count=3)
    # The data set is told by its list: the same files may hold larger pictures.
    Image.new("RGB", (1920, 1280)).save(tmp_path / "photos" / "001.png")
    _, _, data = saved(results, tmp_path)
    with Image.open(BytesIO(b64decode(data["pictures"][1]["thumb"].split(",")[1]))) as thumbnail:
        assert thumbnail.size == (320, 213)


def test_beyond_a_number_the_page_has_the_worst_and_a_sample(tmp_path):
    results = opened(tmp_path, count=60)
    summary = summarise(results)
    done, text, data = saved(results, tmp_path, most=20)
    assert (done.pictures, done.total) == (20, 60)
    assert "20 pictures of 60" in text
    ids = {picture["id"] for picture in data["pictures"]}
    surest = max((index for index in range(60) if index % 10 == 4), key=score_of)
    worst = min(range(60), key=lambda index: min(energy_of(index, method) for method in METHODS))
    assert {f"{surest:03d}.png", f"{worst:03d}.png", summary.unlike[0].id} <= ids
    assert chosen(results, summary, 20).tolist() == sorted(int(name[:3]) for name in ids)
    assert chosen(results, summary, 60) is None


def test_the_matrix_counts_what_was_taken_for_what(tmp_path):
    summary = summarise(opened(tmp_path, count=60))
    matrix = Matrix.of(summary)
    expected = np.zeros((3, 3), int)
    for index in range(60):
        expected[index % 3, predicted(index)] += 1
    assert matrix.counts == expected.tolist()
    assert (matrix.names, matrix.left_out) == (["cat", "dog", "house"], 0)
    assert Matrix.of(summarise(opened(tmp_path / "none", count=3, labels=False))) is None


def test_markup_and_line_ends_in_names_stay_text(tmp_path):
    _, text, data = saved(opened(tmp_path, count=6, classes=(HOSTILE, "b", "c"), ids={4: HOSTILE}), tmp_path)
    assert text.count("</script>") == 2
    assert "<img" not in text
    assert data["pictures"][4]["id"] == HOSTILE
    assert data["pictures"][0]["label"] == HOSTILE


def test_the_page_asks_for_nothing_and_forbids_itself_to(tmp_path):
    _, text, _ = saved(opened(tmp_path, count=6), tmp_path)
    assert "default-src 'none'" in unescape(text)
    assert "unsafe" not in text
    assert " style=" not in text
    outside = re.sub(r'id="data">.*?</script>', "", text, flags=re.DOTALL)
    assert re.findall(r'(?:src|href)="(?!#|data:)', outside) == []
    assert re.findall(r"https?://(?!www\.w3\.org/2000/svg)", outside) == []


def test_pictures_that_are_gone_are_counted_and_left_out(tmp_path):
    done, text, data = saved(opened(tmp_path, count=6, pictures=False), tmp_path)
    assert done.missing == 6
    assert [picture["thumb"] for picture in data["pictures"]] == [None] * 6
    assert "6 pictures are no longer there" in text


def test_a_page_tells_how_far_it_is(tmp_path):
    told = []
    saved(opened(tmp_path, count=6), tmp_path, progress=lambda _text, done, total: told.append((done, total)))
    assert told == [(number, 6) for number in range(1, 7)]


def test_a_run_that_is_not_finished_is_said(tmp_path):
    _, text, _ = saved(opened(tmp_path, count=3, total=9), tmp_path)
    assert "The run is not finished: 3 of 9 pictures have rows." in text
