"""Pictures of more than 8 bits and of many bands: what they show, what a model gets, and what is said."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from PIL import Image

from camctl.cli.parsing.texts import parse_bands, parse_range
from camctl.errors import InputError
from camctl.values.picture import Picture, read_picture
from camctl.values.reading import Reading

cv2 = pytest.importorskip("cv2")


@pytest.fixture
def scene():
    """Smooth colours from black to white in every channel, each channel another picture."""
    y, x = np.mgrid[0:24, 0:32]
    return np.stack([x * 255 // 31, y * 255 // 23, (x + y) * 255 // 54], 2).astype(np.uint8)


def tiff(path, array, **how):
    imwrite = pytest.importorskip("tifffile").imwrite
    imwrite(path, array, **({"photometric": "minisblack", "planarconfig": "contig"} | how))
    return path


@pytest.mark.parametrize("bits", [10, 12, 14, 16])
def test_grey_of_any_depth_looks_as_its_8_bits_do(tmp_path, scene, bits):
    grey = scene[..., 0]
    deep = np.round(grey / 255 * (2**bits - 1)).astype(np.uint16)
    Image.fromarray(deep).save(tmp_path / "deep.png")
    read = read_picture(tmp_path / "deep.png")
    assert np.array_equal(read.pixels[..., 1], grey)
    assert bool(read.notes) == (bits < 16)
    assert all(f"white {2**bits - 1}" in note and "--range 0:65535" in note for note in read.notes)


@pytest.mark.parametrize("ending", ["png", "tif"])
def test_colours_of_12_bits_in_16_look_as_their_8_bits_do(tmp_path, scene, ending):
    deep = np.round(scene / 255 * 4095).astype(np.uint16)
    cv2.imwrite(str(tmp_path / f"deep.{ending}"), deep[..., ::-1])
    assert np.array_equal(read_picture(tmp_path / f"deep.{ending}").pixels, scene)


def test_deep_colours_with_opacity_show_white_where_they_are_transparent(tmp_path):
    deep = np.zeros((4, 6, 4), np.uint16)
    deep[:, :3, 3] = 65535
    cv2.imwrite(str(tmp_path / "clear.png"), deep)
    read = read_picture(tmp_path / "clear.png")
    assert (read.pixels[:, :3] == 0).all()
    assert (read.pixels[:, 3:] == 255).all()
    assert read.numbers.shape[2] == 3


def test_deep_colours_stand_upright(tmp_path, scene):
    deep = Image.fromarray(scene)
    exif = Image.Exif()
    exif[0x0112] = 6
    deep.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "plain.png", exif=exif)
    stored = np.asarray(deep.transpose(Image.Transpose.ROTATE_90)).astype(np.uint16) * 257
    cv2.imwrite(str(tmp_path / "deep.png"), stored[..., ::-1])
    body, chunk = (tmp_path / "deep.png").read_bytes(), (tmp_path / "plain.png").read_bytes()
    at = chunk.index(b"eXIf") - 4
    block = chunk[at : at + 12 + int.from_bytes(chunk[at : at + 4], "big")]
    (tmp_path / "turned.png").write_bytes(body[:33] + block + body[33:])
    assert np.array_equal(read_picture(tmp_path / "turned.png").pixels, scene)


@pytest.mark.parametrize(("kind", "top"), [(np.float32, 1.0), (np.float64, 1.0), (np.float32, 255.0)])
def test_colours_of_floats_are_read(tmp_path, scene, kind, top):
    path = tiff(tmp_path / "floats.tif", (scene / 255 * top).astype(kind), photometric="rgb")
    assert np.abs(read_picture(path).pixels.astype(int) - scene).max() <= 1


@pytest.mark.parametrize("how", [{}, {"planarconfig": "separate"}, {"compression": "zlib"}, {"bigtiff": True}])
def test_many_bands_are_shown_by_the_first_three_and_kept(tmp_path, scene, how):
    bands = np.concatenate([scene, scene[..., ::-1]], 2).astype(np.uint16) * 10
    array = np.moveaxis(bands, 2, 0) if "planarconfig" in how else bands
    read = read_picture(tiff(tmp_path / "six.tif", np.ascontiguousarray(array), **how))
    assert np.array_equal(read.numbers, bands)
    assert np.array_equal(read.pixels, np.round(bands[..., :3] * (255 / 4095)).astype(np.uint8))
    assert "6 bands" in read.notes[0]
    assert "--bands" in read.notes[0]


def test_bands_and_range_are_the_users(tmp_path, scene):
    bands = np.concatenate([scene, scene[..., ::-1]], 2).astype(np.uint16) * 10
    path = tiff(tmp_path / "six.tif", bands)
    read = read_picture(path, Reading(bands=(6, 5, 4), range=(0, 2550)))
    assert np.array_equal(read.pixels, scene)
    assert read.notes == ()


@pytest.mark.parametrize("count", [2, 4, 13])
def test_any_number_of_bands_is_read(tmp_path, count):
    bands = np.arange(8 * 9 * count, dtype=np.uint16).reshape(8, 9, count)
    read = read_picture(tiff(tmp_path / "bands.tif", bands))
    assert np.array_equal(read.bands(count), bands)


def test_a_fourth_band_that_is_opacity_is_no_band(tmp_path, scene):
    Image.fromarray(np.dstack([scene, np.full(scene.shape[:2], 255, np.uint8)])).save(tmp_path / "clear.tif")
    read = read_picture(tmp_path / "clear.tif")
    assert np.array_equal(read.pixels, scene)
    with pytest.raises(InputError, match=r"4 bands, and .* has 3"):
        read.bands(4)


def test_a_model_of_many_bands_gets_the_pictures_own_numbers(tmp_path, scene):
    bands = np.concatenate([scene, scene[..., ::-1]], 2).astype(np.uint16) * 10
    path = tiff(tmp_path / "six.tif", bands)
    assert np.array_equal(read_picture(path).bands(6), bands)
    assert np.array_equal(read_picture(path, Reading(bands=(6, 1, 3, 2))).bands(4), bands[..., [5, 0, 2, 1]])
    assert np.array_equal(read_picture(path, Reading(bands=(4, 3, 2))).bands(6), bands)
    ranged = read_picture(path, Reading(range=(0, 2550))).bands(6)
    assert np.allclose(ranged, bands / 2550)
    with pytest.raises(InputError) as caught:
        read_picture(path).bands(5)
    assert "--bands 1,2,3,4,5" in caught.value.hint


def test_empty_pixels_of_a_satellite_do_not_decide_the_range(tmp_path):
    levels = np.linspace(0, 1, 64, dtype=np.float32).reshape(8, 8, 1).repeat(5, 2)
    levels[0, 0] = -9999
    path = tiff(tmp_path / "nodata.tif", levels, extratags=[(42113, "s", 0, "-9999", True)])
    read = read_picture(path)
    assert read.pixels[7, 7].tolist() == [255] * 3
    assert read.pixels[0, 0].tolist() == [0] * 3


@pytest.mark.parametrize("asked", [(7, 1, 2), (1, 2, 9)])
def test_a_band_that_is_not_there_is_named(tmp_path, scene, asked):
    path = tiff(tmp_path / "six.tif", np.concatenate([scene, scene], 2))
    with pytest.raises(InputError, match=rf"has 6 bands, and band {max(asked)} is asked for"):
        read_picture(path, Reading(bands=asked))


def test_a_cut_tiff_of_many_bands_is_damaged(tmp_path, scene):
    whole = tiff(tmp_path / "six.tif", np.concatenate([scene, scene], 2)).read_bytes()
    for share in (0.02, 0.5, 0.9):
        (tmp_path / "cut.tif").write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(InputError, match=r"damaged|cannot be read"):
            read_picture(tmp_path / "cut.tif")


def in_pages(path, array, writer):
    """Write (pages, H, W) as people do."""
    if writer == "tifffile":
        pytest.importorskip("tifffile").imwrite(path, array)
    elif writer == "pillow":
        first, *others = map(Image.fromarray, array)
        first.save(path, save_all=True, append_images=others)
    else:
        cv2.imwritemulti(str(path), list(array))
    return path


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("writer", ["tifffile", "pillow", "opencv"])
def test_pages_of_one_band_are_bands(tmp_path, scene, writer, kind):
    bands = np.concatenate([scene, scene[..., 1::-1]], 2).astype(kind)
    read = read_picture(in_pages(tmp_path / "pages.tif", np.ascontiguousarray(np.moveaxis(bands, 2, 0)), writer))
    assert np.array_equal(read.bands(5), bands)
    assert np.array_equal(read.pixels, scene[..., [0, 0, 0]])
    assert "5 pages of one band: the first is shown" in read.notes[0]
    asked = read_picture(tmp_path / "pages.tif", Reading(bands=(5, 4, 3)))
    assert np.array_equal(asked.pixels, bands[..., [4, 3, 2]].astype(np.uint8))
    assert not any("one band" in note for note in asked.notes)
    with pytest.raises(InputError, match=r"4 bands, and .* has 5"):
        read.bands(4)


def test_three_pages_of_one_band_are_colours(tmp_path, scene):
    path = in_pages(tmp_path / "three.tif", np.ascontiguousarray(np.moveaxis(scene, 2, 0)), "opencv")
    assert np.array_equal(read_picture(path).pixels, scene)
    assert "3 pages of one band, read as red, green and blue" in read_picture(path).notes[0]
    assert np.array_equal(read_picture(path, Reading(bands=(1,))).pixels, scene[..., [0, 0, 0]])


def test_pages_that_are_rows_of_one_picture_are_put_together(tmp_path):
    bands = np.random.default_rng(0).integers(0, 255, (40, 50, 5)).astype(np.uint8)
    pytest.importorskip("tifffile").imwrite(tmp_path / "rows.tif", bands)
    read = read_picture(tmp_path / "rows.tif")
    assert np.array_equal(read.bands(5), bands)
    assert np.array_equal(read.pixels, bands[..., :3])


def test_pages_stand_upright(tmp_path, scene):
    tags = [(274, "H", 1, 6, True)]
    stored = np.ascontiguousarray(np.rot90(scene[..., :2]))
    with pytest.importorskip("tifffile").TiffWriter(tmp_path / "turned.tif") as file:
        for band in range(2):
            file.write(stored[..., band], photometric="minisblack", extratags=tags, contiguous=False)
    assert np.array_equal(read_picture(tmp_path / "turned.tif").bands(2), scene[..., :2])


def test_of_other_pages_the_first_is_read_and_that_is_said(tmp_path, scene):
    colours, small = Image.fromarray(scene), Image.fromarray(scene[::2, ::2])
    colours.save(tmp_path / "colours.tif", save_all=True, append_images=[colours.rotate(180)])
    colours.convert("L").save(tmp_path / "sizes.tif", save_all=True, append_images=[small.convert("L")])
    colours.convert("1").save(tmp_path / "fax.tif", save_all=True, append_images=[colours.convert("1")] * 3)
    for name, count in (("colours", 2), ("sizes", 2), ("fax", 4)):
        read = read_picture(tmp_path / f"{name}.tif")
        assert read.notes == (f"'{tmp_path / f'{name}.tif'}' has {count} pages: the first is read.",)
    assert np.array_equal(read_picture(tmp_path / "colours.tif").pixels, scene)


def test_a_smaller_copy_inside_the_file_is_no_page(tmp_path, scene):
    with pytest.importorskip("tifffile").TiffWriter(tmp_path / "pyramid.tif") as file:
        file.write(scene[..., 0], photometric="minisblack", subfiletype=0)
        file.write(scene[::2, ::2, 0], photometric="minisblack", subfiletype=1)
    assert read_picture(tmp_path / "pyramid.tif").notes == ()


@pytest.mark.parametrize("ending", ["gif", "webp", "png"])
def test_of_an_animation_the_first_picture_is_read_and_that_is_said(tmp_path, scene, ending):
    first = Image.fromarray(scene)
    path = tmp_path / f"moving.{ending}"
    first.save(path, save_all=True, append_images=[first.rotate(180)], lossless=True)
    assert read_picture(path).notes == (f"'{path}' has 2 frames: the first is read.",)
    first.save(path)
    assert read_picture(path).notes == ()


def test_a_file_whose_second_page_is_cut_off_is_read_as_far_as_it_goes(tmp_path, scene):
    whole = in_pages(tmp_path / "two.tif", np.moveaxis(scene, 2, 0)[:2].copy(), "pillow").read_bytes()
    (tmp_path / "cut.tif").write_bytes(whole[: len(whole) * 6 // 10])
    assert np.array_equal(read_picture(tmp_path / "cut.tif").pixels, scene[..., [0, 0, 0]])


def test_what_the_model_sees_of_deep_numbers_is_said(tmp_path, scene):
    Image.fromarray(scene[..., 0].astype(np.uint16) * 16).save(tmp_path / "deep.png")
    assert "for you and the model, black is 0, white 4095" in read_picture(tmp_path / "deep.png").notes[0]
    six = tiff(tmp_path / "six.tif", np.concatenate([scene, scene], 2).astype(np.uint16) * 16)
    assert (
        "(a model of 6 bands with a mean above 1 or a preprocess gets them as they are)" in read_picture(six).notes[1]
    )


def test_the_share_that_a_range_clips_is_counted(tmp_path):
    levels = np.full((10, 10), 500, np.uint16)
    levels[0], levels[1, 0] = 5000, 3
    Image.fromarray(levels).save(tmp_path / "deep.png")
    (note,) = read_picture(tmp_path / "deep.png", Reading(range=(10, 1000))).notes
    assert note.startswith("11.0% of the numbers of ")
    assert note.endswith("lie outside 10 to 1000 and are clipped, for the model too.")
    assert read_picture(tmp_path / "deep.png", Reading(range=(3, 5000))).notes == ()


def test_without_tifffile_the_hint_installs_it(tmp_path, scene, monkeypatch):
    path = tiff(tmp_path / "six.tif", np.concatenate([scene, scene], 2))
    monkeypatch.setitem(sys.modules, "tifffile", None)
    monkeypatch.setattr("camctl.values.bands.find_spec", lambda _name: None)
    with pytest.raises(InputError, match="6 bands") as caught:
        read_picture(path)
    assert "pip install 'camctl[bands]'" in caught.value.hint


def test_an_array_of_many_bands_is_a_picture(scene):
    bands = np.concatenate([scene, scene], 2).astype(np.float32) / 255
    read = read_picture(bands)
    assert np.array_equal(read.pixels, scene)
    assert np.array_equal(read.bands(6), bands)
    deep = read_picture(scene.astype(np.uint16) * 4, Reading(range=(0, 1020)))
    assert np.array_equal(deep.pixels, scene)


def test_a_smaller_copy_keeps_what_was_said():
    picture = Picture("x.tif", np.zeros((40, 60, 3), np.uint8), numbers=np.zeros((40, 60, 6)), notes=("six bands",))
    assert picture.at_most(20).notes == ("six bands",)


@pytest.mark.parametrize(("text", "bands"), [("4,3,2", (4, 3, 2)), (" 1 , 2 ", (1, 2)), (None, ())])
def test_bands_are_numbers_with_commas(text, bands):
    assert parse_bands(text) == bands


@pytest.mark.parametrize("text", ["red", "", "1,,2", "-1", "1.5"])
def test_other_bands_are_refused(text):
    with pytest.raises(InputError, match="bands"):
        parse_bands(text)


@pytest.mark.parametrize("text", ["4095", "0:x", "0:1:2", ""])
def test_a_range_is_two_numbers(text):
    assert parse_range("0:4095") == (0, 4095)
    with pytest.raises(InputError, match="--range"):
        parse_range(text)


@pytest.mark.parametrize("wrong", [{"range": (5, 5)}, {"range": (1, 0)}, {"range": (0, float("nan"))}, {"bands": (0,)}])
def test_a_reading_of_nothing_is_refused(wrong):
    with pytest.raises(InputError):
        Reading(**wrong)
