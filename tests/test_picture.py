"""Pictures of all kinds are read aright; what is none costs one clear line."""

from __future__ import annotations

import io
import os
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from camctl.errors import CamctlError, InputError
from camctl.values import picture
from camctl.values.picture import Picture, read_picture

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


@pytest.fixture
def quarters() -> Image.Image:
    """Upright: red top left, green top right, blue bottom left, white bottom right; wider than high."""
    pixels = np.empty((32, 48, 3), np.uint8)
    pixels[:16, :24], pixels[:16, 24:], pixels[16:, :24], pixels[16:, 24:] = RED, GREEN, BLUE, WHITE
    return Image.fromarray(pixels)


def corners(pixels):
    return [tuple(int(v) for v in pixels[y, x]) for y in (2, -3) for x in (2, -3)]


def close(found, wanted, tolerance=12):
    return np.abs(np.asarray(found, int) - np.asarray(wanted, int)).max() <= tolerance


@pytest.mark.parametrize("ending", ["png", "jpg", "webp", "bmp", "tiff", "gif"])
def test_every_common_format_gives_its_colours_in_rgb_order(tmp_path, quarters, ending):
    path = tmp_path / f"picture.{ending}"
    quarters.save(path)
    read = read_picture(path)
    assert read.path == str(path)
    assert read.size == (32, 48)
    assert read.pixels.dtype == np.uint8
    assert close(corners(read.pixels), [RED, GREEN, BLUE, WHITE])


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(tmp_path, quarters, orientation):
    # How the camera stored what stood upright before it: the inverse of what EXIF asks for.
    turn = Image.Transpose
    stored = {
        1: quarters,
        2: quarters.transpose(turn.FLIP_LEFT_RIGHT),
        3: quarters.transpose(turn.ROTATE_180),
        4: quarters.transpose(turn.FLIP_TOP_BOTTOM),
        5: quarters.transpose(turn.TRANSPOSE),
        6: quarters.transpose(turn.ROTATE_90),
        7: quarters.transpose(turn.TRANSVERSE),
        8: quarters.transpose(turn.ROTATE_270),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "photo.png"
    stored.save(path, exif=exif)
    read = read_picture(path)
    assert read.size == (32, 48)
    assert corners(read.pixels) == [RED, GREEN, BLUE, WHITE]


def test_broken_exif_is_left_out_of_account(tmp_path, quarters):
    path = tmp_path / "photo.jpg"
    quarters.save(path, exif=b"Exif\x00\x00MM\x00*\x00\x00\xff\xff nonsense")
    assert read_picture(path).size == (32, 48)


def saved(path, image, **options):
    image.save(path, **options)
    return read_picture(path).pixels


def test_cmyk_becomes_rgb(tmp_path, quarters):
    pixels = saved(tmp_path / "print.jpg", quarters.convert("CMYK"), quality=95)
    assert close(corners(pixels), [RED, GREEN, BLUE, WHITE])


def test_palette_becomes_rgb(tmp_path, quarters):
    assert close(corners(saved(tmp_path / "palette.png", quarters.quantize(4))), [RED, GREEN, BLUE, WHITE])


@pytest.mark.parametrize("mode", ["L", "1"])
def test_grey_and_black_and_white_become_rgb(tmp_path, mode):
    pixels = saved(tmp_path / "grey.png", Image.new("L", (5, 4), 255).convert(mode))
    assert (pixels == 255).all()
    assert pixels.shape == (4, 5, 3)


@pytest.mark.parametrize(
    ("mode", "colour", "shown"),
    [("RGBA", (255, 0, 0, 0), WHITE), ("LA", (0, 0), WHITE), ("RGBA", (255, 0, 0, 128), (255, 127, 127))],
)
def test_what_is_transparent_shows_white(tmp_path, mode, colour, shown):
    assert close(saved(tmp_path / "clear.png", Image.new(mode, (5, 4), colour)), shown, 1)


def test_a_transparent_colour_of_a_palette_shows_white(tmp_path):
    image = Image.new("P", (4, 4), 0)
    image.putpalette([10, 20, 30, 200, 0, 0])
    image.putpixel((3, 3), 1)
    pixels = saved(tmp_path / "clear.gif", image, transparency=0)
    assert tuple(pixels[0, 0]) == WHITE
    assert tuple(pixels[3, 3]) == (200, 0, 0)


@pytest.mark.parametrize("ending", ["png", "tiff"])
def test_sixteen_bit_grey_keeps_its_whole_range(tmp_path, ending):
    ramp = np.linspace(0, 65535, 64).round().astype(np.uint16)[None].repeat(4, 0)
    pixels = saved(tmp_path / f"deep.{ending}", Image.fromarray(ramp))
    assert np.abs(pixels[0, :, 0] - ramp[0] / 257).max() <= 0.5
    assert len(np.unique(pixels)) == 64


@pytest.mark.parametrize(
    ("levels", "wanted"),
    [
        ([0.0, 0.5, 1.0], [0, 128, 255]),
        ([0.0, 51.0, 255.0], [0, 51, 255]),
        ([-2.0, 0.0, 2.0], [0, 128, 255]),
        ([np.nan, 1.0], [0, 255]),
    ],
)
def test_float_tiff_is_scaled_by_its_range(tmp_path, levels, wanted):
    image = Image.fromarray(np.array([levels], np.float32))
    assert saved(tmp_path / "float.tiff", image)[0, :, 0].tolist() == wanted


def test_of_an_animation_the_first_picture_counts(tmp_path):
    first, second = (Image.new("RGB", (6, 6), colour) for colour in (RED, GREEN))
    pixels = saved(tmp_path / "moving.gif", first, save_all=True, append_images=[second])
    assert tuple(pixels[0, 0]) == RED


@pytest.mark.parametrize("size", [(1, 1), (20000, 50), (50, 20000)])
def test_odd_sizes_simply_work(tmp_path, size):
    pixels = saved(tmp_path / "odd.png", Image.new("RGB", size, BLUE))
    assert pixels.shape[1::-1] == size
    assert (pixels == BLUE).all()


def test_a_picture_beyond_pillows_own_bound_works_and_the_bound_stays(tmp_path, monkeypatch):
    path = tmp_path / "large.png"
    Image.new("L", (4000, 3000), 9).save(path)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 5_000_000)
    read = read_picture(path)
    assert read.size == (3000, 4000)
    assert (read.pixels == 9).all()
    assert Image.MAX_IMAGE_PIXELS == 5_000_000


def test_a_picture_beyond_our_bound_is_one_line(tmp_path, monkeypatch):
    path = tmp_path / "bomb.png"
    Image.new("L", (400, 300), 9).save(path)
    monkeypatch.setattr(picture, "MOST_PIXELS", 100_000)
    with pytest.raises(InputError, match="400 x 300") as caught:
        read_picture(path)
    assert "Scale" in caught.value.hint


def test_pictures_are_read_in_many_threads_at_once(tmp_path, quarters, monkeypatch):
    path = tmp_path / "picture.png"
    quarters.save(path)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    found = []
    threads = [threading.Thread(target=lambda: found.append(read_picture(path).size)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [(32, 48)] * 8
    assert Image.MAX_IMAGE_PIXELS == 100


# ------------------------------------------------------------------------------------- bad input


def test_a_missing_picture_suggests_names_nearby(tmp_path, quarters):
    quarters.save(tmp_path / "Bird.JPEG")
    with pytest.raises(InputError, match="There is no picture") as caught:
        read_picture(tmp_path / "brid.jpeg")
    assert "Bird.JPEG" in caught.value.hint


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(InputError, match="There is no picture") as caught:
        read_picture(tmp_path / "photos" / "cat.png")
    assert "photos" in caught.value.hint


def test_a_folder_is_no_picture_and_one_in_it_is_suggested(tmp_path, quarters):
    quarters.save(tmp_path / "cat.png")
    with pytest.raises(InputError, match="is a folder") as caught:
        read_picture(tmp_path)
    assert "cat.png" in caught.value.hint


def test_an_empty_file_is_said_to_be_empty(tmp_path):
    path = tmp_path / "empty.png"
    path.touch()
    with pytest.raises(InputError, match="empty"):
        read_picture(path)


@pytest.mark.parametrize("ending", ["png", "jpg", "webp", "bmp", "tiff", "gif"])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.7])
def test_a_truncated_picture_is_one_line(tmp_path, ending, share):
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8))
    whole = io.BytesIO()
    noise.save(whole, {"jpg": "JPEG"}.get(ending, ending.upper()))
    path = tmp_path / f"cut.{ending}"
    path.write_bytes(whole.getvalue()[: max(12, int(len(whole.getvalue()) * share))])
    with pytest.raises(InputError, match=r"damaged or cut short|is not a picture") as caught:
        read_picture(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "hint"),
    [
        (b"just words\n", "text"),
        (b"<!DOCTYPE html><html></html>", "web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git lfs pull"),
        (b"<svg xmlns='x'/>", "SVG"),
        (b"\x00\x01\x02\x03\xfe\xfd", "Give a PNG"),
    ],
)
def test_what_poses_as_a_picture_is_told_for_what_it_is(tmp_path, content, hint):
    path = tmp_path / "posing.jpg"
    path.write_bytes(content)
    with pytest.raises(InputError, match="is not a picture") as caught:
        read_picture(path)
    assert hint in caught.value.hint


def test_a_picture_that_may_not_be_read_is_one_line(tmp_path, quarters, monkeypatch):
    path = tmp_path / "private.png"
    quarters.save(path)

    def refuse(*_args, **_kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(InputError, match="may not be read"):
        read_picture(path)


def test_memory_that_does_not_suffice_is_one_line(tmp_path, quarters, monkeypatch):
    path = tmp_path / "picture.png"
    quarters.save(path)

    def refuse(_self):
        raise MemoryError

    monkeypatch.setattr(Image.Image, "has_transparency_data", property(refuse))
    with pytest.raises(CamctlError, match="memory"):
        read_picture(path)


@pytest.mark.parametrize("name", ["", "https://example.org/cat.png", "x" * 300])
def test_names_that_are_no_files_are_one_line(name):
    with pytest.raises(InputError) as caught:
        read_picture(name)
    assert caught.value.hint


# ------------------------------------------------------------------------------------ in memory


def test_a_picture_is_handed_through(quarters):
    known = Picture("known.png", np.asarray(quarters))
    assert read_picture(known) is known


def test_a_pil_image_is_taken_with_its_orientation(quarters):
    exif = Image.Exif()
    exif[0x0112] = 3
    quarters.info["exif"] = exif.tobytes()
    read = read_picture(quarters)
    assert read.path == "<image>"
    assert corners(read.pixels) == [WHITE, BLUE, GREEN, RED]


def test_an_array_is_copied():
    array = np.zeros((4, 5, 3), np.uint8)
    read = read_picture(array)
    array[:] = 255
    assert read.path == "<array>"
    assert not read.pixels.any()


def test_a_grey_array_becomes_rgb():
    assert read_picture(np.full((4, 5), 7, np.uint8)).pixels.shape == (4, 5, 3)


@pytest.mark.parametrize(
    ("array", "hint"),
    [
        (np.zeros((4, 5, 3), np.float32), "astype"),
        (np.zeros((3, 40, 50), np.uint8), "transpose"),
        (np.zeros((4, 5, 4), np.uint8), ":3"),
        (np.zeros((1, 4, 5, 3), np.uint8), "[0]"),
        (np.zeros((0, 5, 3), np.uint8), "height"),
        (np.zeros(5, np.uint8), "height"),
    ],
)
def test_an_array_that_leaves_room_for_guesses_is_refused(array, hint):
    with pytest.raises(InputError) as caught:
        read_picture(array)
    assert hint in caught.value.hint


def test_what_is_no_picture_at_all_is_refused():
    with pytest.raises(InputError, match="dict"):
        read_picture({})


# ------------------------------------------------------------------------------------- pipes, noise


def test_a_picture_comes_through_a_pipe_whose_writer_is_late(tmp_path, quarters):
    pipe, buffer = tmp_path / "pipe", io.BytesIO()
    quarters.save(buffer, "PNG")
    os.mkfifo(pipe)

    def write() -> None:
        time.sleep(0.3)
        with pipe.open("wb") as file:
            file.write(buffer.getvalue()[:50])
            file.flush()
            time.sleep(0.3)
            file.write(buffer.getvalue()[50:])

    writer = threading.Thread(target=write)
    writer.start()
    read = read_picture(pipe)
    writer.join()
    assert close(corners(read.pixels), [RED, GREEN, BLUE, WHITE], 0)


def test_tiff_library_writes_nothing_beside_the_error(tmp_path, capfd):
    path = tmp_path / "damaged.tif"
    noise = np.random.default_rng(0).integers(0, 256, (64, 64), np.uint8)
    Image.fromarray(noise).save(path, compression="tiff_deflate")
    data = bytearray(path.read_bytes())
    data[1000:1100] = bytes(100)
    path.write_bytes(data)
    with pytest.raises(OSError, match="decoder"), Image.open(path) as image:
        image.load()
    assert "ZIPDecode" in capfd.readouterr().err  # so it would without care

    with pytest.raises(InputError, match="damaged"):
        read_picture(path)

    assert capfd.readouterr().err == ""
    os.write(2, b"and stderr is back")
    assert capfd.readouterr().err == "and stderr is back"
