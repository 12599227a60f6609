"""Pictures and raw maps are saved as they are, under names that any file system takes."""

from __future__ import annotations

import json
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from camctl.errors import InputError
from camctl.files.names import file_names
from camctl.files.pictures import save_picture
from camctl.files.raw_maps import load_raw, save_raw
from camctl.values.picture import Picture
from camctl.values.target import Target
from camctl.values.view import View
from tests.comparisons import comparison


def explanation(labels=("cat",), methods=("GradCAM",), image="photos/my cat.jpg"):
    """Maps of two layers of a picture that the model saw with a margin, by these names."""
    run = comparison(targets=("cat",), methods=("GradCAM",)).explanations[0, 0]
    (template,) = run.maps
    cam = replace(
        template,
        layers=("backbone.layer3", "backbone.layer4"),
        raw_by_layer=(template.raw.repeat(2, 0), template.raw),
        picture=Picture(image, np.zeros((40, 60, 3), np.uint8)),
        view=View(size=(32, 48), box=(-1.5, 0.25, 60.5, 40.0), exact=False),
    )
    maps = [
        replace(cam, method=method, target=Target(index=index, label=label, score=0.5))
        for index, label in enumerate(labels)
        for method in methods
    ]
    return replace(run, image=image, maps=tuple(maps), checkpoint_sha256="ab" * 32, versions={"camctl": "0.1.0"})


# -------------------------------------------------------------------------------------- pictures


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "A.JPEG", "a.webp"])
def test_a_picture_is_saved_in_the_format_of_its_ending(tmp_path, name):
    pixels = np.zeros((20, 30, 3), np.uint8)
    pixels[:, :15] = (220, 30, 40)
    save_picture(pixels, tmp_path / "made" / name)
    with Image.open(tmp_path / "made" / name) as read:
        assert read.format == {"png": "PNG", "webp": "WEBP"}.get(name[-4:].strip("."), "JPEG")
        assert np.abs(np.asarray(read.convert("RGB")).astype(int) - pixels).mean() < 3


@pytest.mark.parametrize("name", ["a.png", "a.jpg"])
def test_noise_is_saved_too_and_png_keeps_every_pixel(tmp_path, name):
    # Pillow runs out of its buffer for JPEG here where it is told to optimise.
    noise = np.random.default_rng(0).integers(0, 256, (200, 300, 3), np.uint8)
    with Image.open(save_picture(noise, tmp_path / name)) as read:
        assert (np.asarray(read) == noise).all() or name == "a.jpg"


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
        for name in ("method", "target", "smoothing", "layers", "grid", "verdict"):
            assert getattr(read, name) == getattr(cam, name)
        assert read.picture.size == cam.picture.size
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


@pytest.mark.parametrize("name", ["method", "target", "layers", "smoothing", "verdict", "picture", "view"])
def test_a_map_that_does_not_say_what_made_it_is_refused_when_the_file_is_opened(tmp_path, name):
    path = save_raw(explanation(), tmp_path / "maps.npz")
    with np.load(path) as arrays:
        content = dict(arrays)
    manifest = json.loads(str(content["manifest"]))
    del manifest["maps"][0][name]
    np.savez(path, **{**content, "manifest": np.array(json.dumps(manifest))})
    with pytest.raises(InputError, match="is damaged, or was not saved by camctl"):
        load_raw(path)


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
