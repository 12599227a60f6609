"""Files that camctl wrote can be known by their own metadata, and a name that camctl chose replaces no other."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from camctl.errors import InputError
from camctl.files.mark import MARK, check_replaceable, written_by_camctl
from camctl.files.pictures import save_picture
from camctl.render.save import FIGURES, save_comparison
from tests.comparisons import comparison


@pytest.mark.parametrize("ending", FIGURES)
def test_every_figure_says_that_camctl_wrote_it(tmp_path, ending):
    (path,) = save_comparison(comparison(), tmp_path / f"grid{ending}")
    assert written_by_camctl(path)


@pytest.mark.parametrize("ending", [".png", ".jpg", ".webp"])
def test_the_mark_of_a_picture_is_its_software_as_other_programs_read_it(tmp_path, ending):
    path = save_picture(np.zeros((8, 8, 3), np.uint8), tmp_path / f"a{ending}")
    with Image.open(path) as image:
        assert (image.info["Software"] if ending == ".png" else image.getexif()[0x0131]) == MARK


@pytest.mark.parametrize("ending", [".png", ".jpg", ".webp"])
def test_a_picture_of_the_user_is_not_replaceable(tmp_path, ending):
    path = tmp_path / f"a{ending}"
    Image.new("RGB", (8, 8)).save(path)
    with pytest.raises(InputError, match="was not written by camctl"):
        check_replaceable([tmp_path / "new.png", path])


def test_what_holds_nothing_is_replaceable(tmp_path):
    (tmp_path / "empty.png").touch()
    (tmp_path / "loop.png").symlink_to("loop.png")
    check_replaceable([tmp_path / "empty.png", tmp_path / "loop.png", tmp_path / "new.png", Path(os.devnull)])


def test_no_page_is_written_where_one_would_replace_a_picture_of_the_user(tmp_path):
    several = comparison(seeds=(6_700_024, 6_702_026), methods=("GradCAM",), targets=("cat",))
    small = {"most_pixels": 300_000}
    pages = save_comparison(several, tmp_path / "grid.png", **small)
    assert len(pages) > 1
    Image.new("RGB", (8, 8)).save(pages[1])
    pages[0].unlink()
    before = pages[1].read_bytes()

    with pytest.raises(InputError, match="was not written by camctl"):
        save_comparison(several, tmp_path / "grid.png", **small)

    assert pages[1].read_bytes() == before
    assert not pages[0].exists()
