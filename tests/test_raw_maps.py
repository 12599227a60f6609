"""Files of raw maps of any content: what is not as `save_raw` writes it is refused before it is read, in one line."""

from __future__ import annotations

import copy
import io
import json
import zipfile
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

from camctl.errors import InputError
from camctl.files.raw_maps import load_raw, save_raw
from camctl.ranking.drift import drift
from tests import comparisons

ANYTHING = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=5,
)


@cache
def compared():
    return comparisons.comparison(targets=("cat", "dog"), methods=("GradCAM",))


@cache
def sound() -> bytes:
    with TemporaryDirectory() as folder:
        return save_raw(compared(), Path(folder) / "maps.npz").read_bytes()


def content():
    """The arrays and the manifest of a sound file."""
    with np.load(io.BytesIO(sound()), allow_pickle=False) as arrays:
        parts = dict(arrays)
    return parts, json.loads(str(parts.pop("manifest")))


def write(path, parts, manifest):
    np.savez(path, **parts, manifest=np.array(json.dumps(manifest)))
    return path


def places(value, place=()):
    """The places in a JSON value."""
    yield place
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in items:
        yield from places(part, (*place, key))


def refused(path, words=""):
    with pytest.raises(InputError, match=words) as caught:
        load_raw(path)
    assert "\n" not in caught.value.message
    assert caught.value.hint


@hypothesis.settings(max_examples=100, deadline=None, database=None, derandomize=True)
@hypothesis.given(st.data())
def test_a_manifest_with_any_value_anywhere_is_refused_or_can_be_compared_with(data):
    parts, manifest = content()
    place = data.draw(st.sampled_from([each for each in places(manifest) if each[:1] in {("maps",), ("format",)}]))
    part = manifest
    for key in place[:-1]:
        part = part[key]
    part[place[-1]] = data.draw(ANYTHING)
    with TemporaryDirectory() as folder:
        path = write(Path(folder) / "maps.npz", parts, manifest)
        try:
            maps = load_raw(path).maps
        except InputError:
            return
    drifts, _ = drift(compared(), maps)
    assert all(each.correlation is None or not abs(each.correlation) > 1 for each in drifts)


@pytest.mark.parametrize(
    ("values", "refusal"),
    [
        (np.zeros(()), "kind or shape"),
        (np.zeros(5), "kind or shape"),
        (np.zeros((2, 3, 4)), "kind or shape"),
        (np.ones((4, 4), np.int8), "kind or shape"),
        (np.full((4, 4), "x"), "kind or shape"),
        (np.ones((4, 4), complex), "kind or shape"),
        (np.zeros((4, 4), [("a", "f4")]), "kind or shape"),
        (np.zeros((0, 4)), "empty"),
        (np.full((4, 4), np.nan), "within 0 and 1"),
        (np.full((4, 4), 2.0), "within 0 and 1"),
        (np.full((4, 4), -np.inf), "within 0 and 1"),
    ],
)
def test_an_array_that_is_no_map_is_refused(tmp_path, values, refusal):
    parts, manifest = content()
    refused(write(tmp_path / "maps.npz", parts | {"values_0": values}, manifest), refusal)


@pytest.mark.parametrize("kind", [np.float16, np.float64, ">f4", np.longdouble])
def test_floats_of_any_width_and_order_are_maps(tmp_path, kind):
    parts, manifest = content()
    wider = {name: array.astype(kind) for name, array in parts.items()}
    before, after = (load_raw(write(tmp_path / "maps.npz", each, manifest)).maps for each in (parts, wider))
    assert all(cam.values.dtype == np.float32 for cam in after)
    assert all(np.allclose(a.values, b.values, atol=1e-3) for a, b in zip(before, after, strict=True))


@pytest.mark.parametrize("version", [0.5, "1", None, True, [1]])
def test_a_version_that_is_no_number_is_refused(tmp_path, version):
    parts, manifest = content()
    refused(write(tmp_path / "maps.npz", parts, manifest | {"format": version}), "manifest.format")


def test_a_newer_version_is_named_as_such_whatever_else_it_holds(tmp_path):
    parts, _ = content()
    refused(write(tmp_path / "maps.npz", parts, {"format": 2, "maps": {"new": "kind"}}), "newer camctl")


def test_a_manifest_that_is_a_pickled_object_is_never_unpickled(tmp_path):
    class Evil:
        def __reduce__(self):
            return Path.touch, (tmp_path / "canary",)

    parts, _ = content()
    np.savez(tmp_path / "maps.npz", **parts, manifest=np.array(Evil(), dtype=object))
    refused(tmp_path / "maps.npz", "manifest has another kind")
    assert not (tmp_path / "canary").exists()


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000, "1" * 5000, "\ud800", "null", "[]", ""])
def test_a_manifest_that_json_fails_on_is_refused(tmp_path, text):
    parts, _ = content()
    np.savez(tmp_path / "maps.npz", **parts, manifest=np.array(text))
    refused(tmp_path / "maps.npz", "damaged")


def test_an_archive_that_unpacks_to_more_than_memory_is_refused_unread(tmp_path):
    path = tmp_path / "maps.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("manifest.npy", bytes(1 << 20))
    # The size that the archive states, in its directory at the end: nothing of it is unpacked.
    data = bytearray(path.read_bytes())
    at = data.rfind(b"PK\x01\x02")
    data[at + 24 : at + 28] = (3 << 30).to_bytes(4, "little")
    path.write_bytes(data)
    refused(path, "unpacks to more than")


def test_an_array_whose_header_promises_more_than_there_is_is_refused(tmp_path):
    parts, manifest = content()
    path = write(tmp_path / "maps.npz", parts, manifest)
    buffer = io.BytesIO()
    head = {"descr": "<f4", "fortran_order": False, "shape": (10**6, 10**6)}
    np.lib.format.write_array_header_1_0(buffer, head)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, member in (members | {"raw_0.npy": buffer.getvalue()}).items():
            archive.writestr(name, member)
    refused(path, "raw_0 is empty, or cut short")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_arrays_of_one_name_are_refused(tmp_path):
    path = tmp_path / "maps.npz"
    path.write_bytes(sound())
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("values_0.npy", b"x")
    refused(path, "two arrays of one name")


def test_contrasts_come_back_as_targets(tmp_path):
    parts, manifest = content()
    other = copy.deepcopy(manifest["maps"][1]["target"])
    manifest["maps"][0]["target"] |= {"versus": [other], "strength": 2}
    cam = load_raw(write(tmp_path / "maps.npz", parts, manifest)).maps[0]
    assert cam.target.versus[0].label == other["label"]
    assert cam.target.to_dict() == manifest["maps"][0]["target"]
