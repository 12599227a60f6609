"""Properties that hold for any picture, name, pattern and file, tried on drawn examples."""

from __future__ import annotations

import itertools
import math
import os
import tempfile
from pathlib import Path
from types import SimpleNamespace

import hypothesis
import hypothesis.strategies as st
import numpy as np
from PIL import Image

from camctl.cli.parsing.assignments import parse_assignments
from camctl.cli.parsing.texts import class_name, split_names
from camctl.errors import CamctlError, InputError, printable
from camctl.files.atomic import write_atomically
from camctl.files.manifest import json_text
from camctl.files.names import slug
from camctl.kit.name_files import given_names
from camctl.pipeline.layer_names import pattern
from camctl.ranking.correlation import together
from camctl.values.picture import read_picture
from camctl.values.view import View
from tests.cli.test_control import controls

hypothesis.settings.register_profile("camctl", deadline=None, max_examples=60, database=None, derandomize=True)
hypothesis.settings.load_profile("camctl")

SIDES = st.integers(1, 70)
WORDS = st.text(st.characters(blacklist_categories=("Cs",)), max_size=30)
ROTATED = {5, 6, 7, 8}
"""Orientations of EXIF in which width and height change places."""


# ------------------------------------------------------------------------------------------ pictures


@hypothesis.given(height=SIDES, width=SIDES, most=st.integers(1, 100))
def test_picture_scaled_down_fits_and_keeps_its_shape_to_a_pixel(height, width, most):
    small = read_picture(np.zeros((height, width, 3), np.uint8)).at_most(most)

    assert min(small.size) >= 1
    assert max(small.size) == min(most, max(height, width))
    scale = min(1.0, most / max(height, width))
    assert abs(small.size[0] - height * scale) <= 1
    assert abs(small.size[1] - width * scale) <= 1


@hypothesis.given(
    height=SIDES, width=SIDES, orientation=st.integers(1, 8), mode=st.sampled_from(["RGB", "L", "RGBA", "P", "1"])
)
def test_orientation_turns_a_picture_and_loses_no_pixel(height, width, orientation, mode):
    image = Image.new("RGB", (width, height), (10, 20, 30)).convert(mode)
    image.getexif()[0x0112] = orientation

    size = read_picture(image).size

    assert size == ((width, height) if orientation in ROTATED else (height, width))


@hypothesis.given(
    box=st.tuples(*[st.floats(-500, 500)] * 4), whole=st.tuples(SIDES, SIDES), small=st.tuples(SIDES, SIDES)
)
def test_view_on_a_scaled_picture_and_back_is_the_view(box, whole, small):
    view = View(size=(8, 8), box=box)

    back = view.on(whole, small).on(small, whole)

    assert np.allclose(back.box, box, atol=1e-9)


@hypothesis.given(
    boxes=st.tuples(*[st.tuples(*[st.floats(-1e6, 1e6)] * 2, *[st.floats(1e-6, 1e6)] * 2)] * 2),
    shapes=st.tuples(*[st.tuples(st.integers(1, 20), st.integers(1, 20))] * 2),
)
def test_maps_of_any_two_views_are_laid_over_each_other_or_have_no_part_in_common(boxes, shapes):
    cams = [
        SimpleNamespace(
            values=np.full(shape, 0.5, np.float32), view=View(size=shape, box=(x, y, x + width, y + height))
        )
        for (x, y, width, height), shape in zip(boxes, shapes, strict=True)
    ]

    parts = together(cams)

    if parts is not None:
        assert parts[0].shape == parts[1].shape
        assert all(np.allclose(part, 0.5, atol=1e-5) for part in parts)


# --------------------------------------------------------------------------------------------- names


@hypothesis.given(st.one_of(WORDS, st.integers(-99, 999).map(str)))
def test_whole_numbers_are_indices_and_all_else_is_a_name(text):
    name = class_name(text)

    assert str(name) == text or int(text) == name


@hypothesis.given(st.lists(WORDS, min_size=1, max_size=6))
def test_labels_are_lines_without_spaces_around_or_are_refused(texts):
    try:
        labels = given_names(texts[0] if len(texts) == 1 else texts)
    except InputError:
        return
    assert labels
    assert all(label == " ".join(label.split()) and label for label in labels)


@hypothesis.given(st.lists(WORDS, min_size=1, max_size=6))
def test_names_of_an_option_are_never_empty(texts):
    try:
        names = split_names(texts)
    except InputError:
        return
    assert all(name == name.strip() and name and "," not in name for name in names)


@hypothesis.given(st.text())
def test_slug_is_a_file_name_anywhere(text):
    name = slug(text)

    assert len(name) <= 60
    assert all(sign.isascii() and (sign.isalnum() or sign in "+._-") for sign in name)
    assert slug(name) == name


# ------------------------------------------------------------------------------------------ patterns


@hypothesis.given(st.text(max_size=40), WORDS)
def test_any_text_is_a_pattern_of_layers(text, name):
    pattern(text).fullmatch(name)


@hypothesis.given(
    st.lists(st.text("abcdefgh0123456789_", min_size=1, max_size=8), min_size=1, max_size=5).map(".".join)
)
def test_name_of_a_layer_is_a_pattern_that_matches_it(name):
    assert pattern(name).fullmatch(name)
    assert pattern("**").fullmatch(name)


# ----------------------------------------------------------------------------------------- assignments


@hypothesis.given(st.text("()[],'\" 1a.=-", max_size=60))
def test_any_value_is_read_or_refused(text):
    try:
        assert list(parse_assignments([f"key={text}"])) == ["key"]
    except InputError:
        return


@hypothesis.given(st.lists(st.text(), max_size=4))
def test_any_assignment_is_read_or_refused(texts):
    try:
        read = parse_assignments(texts)
    except InputError:
        return
    assert all(read)


# ----------------------------------------------------------------------------------------------- files


@hypothesis.given(old=st.one_of(st.none(), st.binary(max_size=50)), new=st.binary(max_size=200), fails=st.booleans())
def test_file_is_the_whole_new_one_or_what_was_there(old, new, fails):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a" / "file"
        if old is not None:
            path.parent.mkdir()
            path.write_bytes(old)

        def fill(file):
            file.write(new)
            if fails:
                raise OSError(28, os.strerror(28))

        try:
            write_atomically(path, fill)
        except CamctlError:
            assert fails
        assert (path.read_bytes() if path.exists() else None) == (old if fails else new)
        assert [each.name for each in Path(folder).rglob("*.part")] == []


@hypothesis.given(
    old=st.binary(max_size=50), new=st.binary(max_size=200), rights=st.integers(0, 0o77), links=st.integers(0, 3)
)
def test_file_keeps_its_mode_and_its_links_through_any_number_of_links(old, new, rights, links):
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"link{number}" for number in range(links)] + [Path(folder) / "file"]
        paths[-1].write_bytes(old)
        paths[-1].chmod(0o600 | rights)
        for link, target in itertools.pairwise(paths):
            link.symlink_to(target.name)

        assert write_atomically(paths[0], new) == paths[0]

        assert [path.is_symlink() for path in paths] == [True] * links + [False]
        assert paths[-1].read_bytes() == new
        assert paths[-1].stat().st_mode & 0o777 == 0o600 | rights
        assert len(list(Path(folder).iterdir())) == links + 1


@hypothesis.given(
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text()),
        lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(), inner, max_size=4)),
        max_leaves=12,
    )
)
def test_anything_becomes_json_that_every_reader_takes(value):
    import json

    def plain(each):
        if isinstance(each, dict):
            return {key: plain(item) for key, item in each.items()}
        if isinstance(each, list):
            return [plain(item) for item in each]
        return None if isinstance(each, float) and not math.isfinite(each) else each

    def refuse(text):
        raise AssertionError(text)

    assert json.loads(json_text(value), parse_constant=refuse) == plain(value)


# ---------------------------------------------------------------------------------------- terminals


@hypothesis.given(st.text(st.characters(codec=None)))
def test_printable_text_holds_nothing_that_a_terminal_obeys(text):
    assert controls(printable(text)) == []
    assert printable(printable(text)) == printable(text)


@hypothesis.given(st.text(st.characters(exclude_categories=["C", "Z"])))
def test_letters_of_all_languages_are_printed_as_they_are(text):
    assert printable(text) == text
