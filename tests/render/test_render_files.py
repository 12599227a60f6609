"""Pictures and raw maps are saved as they are, under names that any file system takes."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from camctl.errors import InputError
from camctl.files.names import file_names
from camctl.files.pictures import save_picture
from camctl.files.raw_maps import load_raw, save_raw
from camctl.values.cam import Cam
from camctl.values.explanation import Explanation
from camctl.values.picture import Picture
from camctl.values.target import Target
from camctl.values.view import View


def explanation(labels=("cat",), methods=("GradCAM",), image="photos/my cat.jpg"):
    picture = Picture(image, np.zeros((40, 60, 3), np.uint8))
    rng = np.random.default_rng(0)
    maps = tuple(
        Cam(
            model="a model",
            smoothing="none",
            method=method,
            target=Target(index=index, label=label, score=0.5),
            layers=("backbone.layer3", "backbone.layer4"),
            chosen_by="you",
            grid=(7, 5),
            values=rng.random((32, 48), np.float32),
            raw=rng.normal(size=(7, 5)).astype(np.float32),
            raw_by_layer=(rng.normal(size=(14, 10)).astype(np.float32), rng.normal(size=(7, 5)).astype(np.float32)),
            verdict="ok",
            reason="",
            hint="",
            milliseconds=1.5,
            picture=picture,
            view=View(size=(32, 48), box=(-1.5, 0.25, 60.5, 40.0), exact=False),
        )
        for index, label in enumerate(labels)
        for method in methods
    )
    return Explanation(
        image=image,
        model="demo:resnet",
        predictions=tuple(cam.target for cam in maps),
        maps=maps,
        random_weights=False,
        repairs=(),
        notes=(),
        checkpoint="weights.pth",
        checkpoint_sha256="ab" * 32,
        forward_milliseconds=2.0,
        backward_milliseconds=1.0,
        versions={"camctl": "0.1.0"},
    )


# -------------------------------------------------------------------------------------- pictures


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "A.JPEG", "a.webp"])
def test_a_picture_is_saved_in_the_format_of_its_ending(tmp_path, name):
    pixels = np.zeros((20, 30, 3), np.uint8)
    pixels[:, :15] = (220, 30, 40)
    save_picture(pixels, tmp_path / "made" / name)
    with Image.open(tmp_path / "made" / name) as read:
        assert read.format == {"png": "PNG", "webp": "WEBP"}.get(name[-4:].strip("."), "JPEG")
        assert np.abs(np.asarray(read.convert("RGB")).astype(int) - pixels).mean() < 3


def test_png_keeps_every_pixel(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    with Image.open(save_picture(pixels, tmp_path / "a.png")) as read:
        assert (np.asarray(read) == pixels).all()


def test_noise_is_saved_as_jpeg_too(tmp_path):
    # Pillow runs out of its buffer here where it is told to optimise.
    noise = np.random.default_rng(0).integers(0, 256, (200, 300, 3), np.uint8)
    assert save_picture(noise, tmp_path / "a.jpg").stat().st_size > 0


@pytest.mark.parametrize(("name", "width"), [("a.webp", 20000), ("a.jpg", 70000)])
def test_a_format_that_cannot_hold_the_picture_names_one_that_can(tmp_path, name, width):
    with pytest.raises(InputError, match=str(width)) as caught:
        save_picture(np.zeros((2, width, 3), np.uint8), tmp_path / name)
    assert ".png" in caught.value.hint
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no disk that is always full")
@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp", "a.npz"])
def test_a_full_disk_is_one_line_for_every_format(tmp_path, name):
    (tmp_path / name).symlink_to("/dev/full")
    pixels = np.random.default_rng(0).integers(0, 256, (200, 300, 3), np.uint8)
    with pytest.raises(Exception, match=r"^'.*' was not written: the disk is full\."):
        save_raw(explanation(), tmp_path / name) if name.endswith("npz") else save_picture(pixels, tmp_path / name)


# -------------------------------------------------------------------------------------- raw maps


def test_raw_maps_come_back_as_they_were(tmp_path):
    saved = explanation(labels=("cat", "dog"), methods=("GradCAM", "LayerCAM"))
    loaded = load_raw(save_raw(saved, tmp_path / "maps.npz"))
    assert len(loaded.maps) == 4
    for cam, read in zip(saved.maps, loaded.maps, strict=True):
        assert (read.values == cam.values).all()
        assert (read.raw == cam.raw).all()
        assert all((a == b).all() for a, b in zip(read.raw_by_layer, cam.raw_by_layer, strict=True))
        assert read.view == cam.view
        assert (read.method, read.target, read.layers, read.picture.size) == (
            cam.method,
            cam.target,
            cam.layers,
            cam.picture.size,
        )
    assert loaded.manifest["checkpoint"]["sha256"] == "ab" * 32
    assert loaded.manifest["versions"] == {"camctl": "0.1.0"}


def test_raw_maps_open_without_camctl_and_without_pickle(tmp_path):
    path = save_raw(explanation(), tmp_path / "maps.npz")
    with np.load(path, allow_pickle=False) as arrays:
        assert set(arrays) == {"values_0", "raw_0", "raw_0_layer_0", "raw_0_layer_1", "manifest"}
        assert arrays["raw_0"].dtype == np.float32
        assert json.loads(str(arrays["manifest"]))["maps"][0]["view"]["box"] == [-1.5, 0.25, 60.5, 40.0]


def test_raw_maps_need_their_own_ending(tmp_path):
    with pytest.raises(InputError) as caught:
        save_raw(explanation(), tmp_path / "maps.png")
    assert ".npz" in caught.value.hint


def archive(write, *content):
    file = BytesIO()
    write(file, *content)
    return file.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"words",
        b"PK\x03\x04 cut",
        archive(np.savez, np.zeros(3)),
        archive(np.save, np.zeros(3)),
        pytest.param(None, id="cut short"),
    ],
)
def test_a_file_that_is_damaged_or_of_something_else_is_one_line(tmp_path, content):
    path = save_raw(explanation(), tmp_path / "maps.npz")
    path.write_bytes(path.read_bytes()[:-40] if content is None else content)
    with pytest.raises(InputError, match="is damaged, or was not saved by camctl"):
        load_raw(path)
    with pytest.raises(InputError, match="There is no file"):
        load_raw(tmp_path / "other.npz")


# ----------------------------------------------------------------------------------------- names


def test_names_tell_picture_class_and_method():
    named = explanation(("tabby, tabby cat",), ("GradCAM++",))
    assert file_names(named) == ["my-cat_tabby_gradcam++.png"]
    assert file_names(named, ".webp") == ["my-cat_tabby_gradcam++.webp"]


def test_names_are_all_different_also_where_case_is_not_told_apart():
    names = file_names(explanation(("crane, bird", "Crane, machine", "crane"), ("GradCAM", "gradcam")))
    assert len({name.casefold() for name in names}) == 6


@pytest.mark.parametrize(
    ("label", "wanted"),
    [
        ("black/white", "black-white"),
        ("Überzug", "uberzug"),
        ("кошка", "class-0"),
        ("..", "class-0"),
        ('a:b*c?"<>|', "a-b-c"),
        ("", "class-0"),
    ],
)
def test_odd_class_names_become_safe(label, wanted):
    assert file_names(explanation((label,))) == [f"my-cat_{wanted}_gradcam.png"]


def test_long_class_names_are_shortened():
    (name,) = file_names(explanation(("x" * 500,)))
    assert len(name) < 150


@pytest.mark.parametrize(("image", "stem"), [("<array>", "array"), ("кошка.png", "picture"), ("IMG_01.JPG", "IMG_01")])
def test_the_pictures_own_name_is_kept_where_it_is_safe(image, stem):
    assert file_names(explanation(image=image))[0] == f"{stem}_cat_gradcam.png"
