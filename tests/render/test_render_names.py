"""A picture whose name holds bytes that are no text is shown with U+FFFD in every kind of file."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from camctl.files.manifest import json_text
from camctl.files.raw_maps import save_raw
from camctl.render.save import save_comparison
from camctl.values.picture import read_picture
from tests.comparisons import comparison, drawn_scene

ODD = os.fsdecode(b"a\xffb.png")
SHOWN = "a�b"


@pytest.fixture
def odd(tmp_path):
    """A comparison of a picture that was read from such a file."""
    from PIL import Image

    path = os.fsencode(tmp_path) + b"/a\xffb.png"
    try:
        with Path(os.fsdecode(path)).open("wb") as file:
            Image.fromarray(drawn_scene(6_700_024).pixels).save(file, "PNG")
    except OSError:
        pytest.skip("this file system takes text alone")
    picture = read_picture(os.fsdecode(path))
    whole = comparison(targets=("cat",), methods=("GradCAM",), labels={"image": [ODD]})
    cells = [replace(cell, cam=replace(cell.cam, picture=picture)) for cell in whole.cells]
    return replace(whole, cells=tuple(cells), pictures=(picture,))


def test_the_file_is_opened_and_its_name_is_text(odd):
    (picture,) = odd.pictures
    assert picture.path.endswith(f"{SHOWN}.png")
    assert (picture.pixels == drawn_scene(6_700_024).pixels).all()


@pytest.mark.parametrize("ending", [".svg", ".html", ".pdf", ".png", ".jpg"])
def test_every_figure_is_written_and_its_text_is_utf_8(odd, tmp_path, ending):
    (path,) = save_comparison(odd, tmp_path / f"grid{ending}", title=f"Of {ODD}", rows=("image",))
    if ending in {".svg", ".html"}:
        assert SHOWN in path.read_bytes().decode("utf-8")


def test_json_and_raw_maps_hold_text_that_every_reader_takes(odd, tmp_path):
    import numpy as np

    with np.load(save_raw(odd, tmp_path / "maps.npz")) as arrays:
        raw = str(arrays["manifest"])
    for text in (json_text(odd.to_dict([ODD])), raw, json_text({ODD: [ODD]})):
        assert SHOWN in json.dumps(json.loads(text), ensure_ascii=False).encode().decode()
