"""Pictures: bad ones are refused, odd ones simply work."""

import numpy as np
import pytest
from PIL import Image

MODEL = "python:nets:cnn"


@pytest.mark.parametrize(
    ("name", "says", "hint"),
    [
        ("photos.png", "There is no picture", "Did you mean 'photo.png'?"),
        ("gone/photo.png", "There is no picture", "There is no folder 'gone' either."),
        ("zero.png", "is empty (0 bytes)", "again"),
        ("cut.png", "cut short", "again"),
        ("cut.jpg", "cut short", "again"),
        ("text.jpg", "is not a picture", "It holds text."),
        ("http://localhost/photo.png", "is an address", "Download the picture"),
        (".", "is named like a picture", "Name a folder: --save-path"),
        ("", "No picture was named", "path"),
        ("x" * 300, "too long", "path"),
    ],
)
def test_picture_that_cannot_be_read_is_refused(refuses, photo, picture, name, says, hint):
    (photo.parent / "zero.png").touch()
    (photo.parent / "text.jpg").write_text("a photo, honestly")
    (photo.parent / "cut.png").write_bytes(photo.read_bytes()[:-200])
    picture.save(photo.parent / "whole.jpg")
    (photo.parent / "cut.jpg").write_bytes((photo.parent / "whole.jpg").read_bytes()[:700])

    said = refuses("run", name, MODEL)

    assert says in said.error
    assert hint in said.hint


def odd(picture, kind):
    """The picture as `kind`, the name of its file, and how it is saved."""
    rotated = Image.Exif()
    rotated[0x0112] = 6
    return {
        "cmyk": (picture.convert("CMYK"), "odd.jpg", {}),
        "16-bit": (Image.fromarray(np.asarray(picture.convert("L")).astype(np.uint16) * 257), "odd.png", {}),
        "grey": (picture.convert("L"), "odd.png", {}),
        "rgba": (picture.convert("RGBA"), "odd.png", {}),
        "exif": (picture, "odd.jpg", {"exif": rotated}),
        "1x1": (picture.resize((1, 1)), "odd.png", {}),
        "20000x50": (picture.resize((20000, 50)), "odd.png", {}),
        "name": (picture, "ein Bild, größer [1].png", {}),
    }[kind]


@pytest.mark.parametrize("kind", ["cmyk", "16-bit", "grey", "rgba", "exif", "1x1", "20000x50", "name"])
def test_sound_picture_simply_works(camctl, picture, tmp_path, kind):
    image, name, how = odd(picture, kind)
    image.save(tmp_path / name, **how)

    done = camctl("run", name, MODEL, "--canvas", "original", "--save-path", "map.png", "--quiet")

    assert (done.code, done.out, done.err) == (0, "", "")
    with Image.open("map.png") as drawn:
        assert drawn.size == (image.size[::-1] if kind == "exif" else image.size)


def test_picture_beyond_the_bound_is_refused(refuses):
    Image.new("1", (32000, 32000)).save("gigantic.png")

    said = refuses("run", "gigantic.png", MODEL)

    assert "32000 x 32000" in said.error
    assert "Scale the picture down" in said.hint


def test_picture_beyond_pillows_bound_simply_works(camctl, photo, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)

    assert camctl("run", photo, MODEL, "--quiet", "--save-path", "map.png").code == 0
