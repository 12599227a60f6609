"""What goes through the model together, and what happens if it cannot."""

import numpy as np
import pytest
import torch

import camctl
from camctl.errors import InputError
from camctl.pipeline.dataset import explain_dataset
from camctl.pipeline.dataset.pictures import Pictures
from tests.dataset import dataset_nets
from tests.dataset.kills import made_pictures


def loaded(name):
    return camctl.load(f"python:dataset_nets:{name}")


def maps_of(results):
    """Maps by the path of their picture."""
    rows = list(results)
    assert [row["error"] for row in rows] == [None] * len(rows)
    return {row["path"]: cam for row, cam in zip(rows, results.maps(list(range(len(rows)))), strict=True)}


def alone(name, data):
    """Maps of each picture by itself, by its path."""
    model = loaded(name)
    return {str(path): camctl.explain(model, path).maps[0].raw for path in data.rglob("*.png")}


def check_maps(results, expected):
    found = maps_of(results)
    assert set(found) == {str(path) for path in expected}
    for path, cam in found.items():
        assert np.abs(cam - expected[path]).max() <= 1e-3 * np.abs(expected[path]).max()


def test_a_batch_is_one_forward_pass(data):
    made_pictures(data / "cow", 6)
    model = loaded("counting")
    results = explain_dataset(model, str(data), "out", batch_size=4, workers=0)
    assert len(results) == 12
    assert model.module.seen[-3:] == [4, 4, 4]


def test_the_model_is_looked_at_once_however_many_pictures_there_are(data):
    counts = []
    for name, more in (("few", 0), ("many", 40)):
        made_pictures(data / "cow", more)
        model = loaded("counting")
        explain_dataset(model, str(data), name, batch_size=1, workers=0)
        total = 6 + more
        counts.append(len(model.module.seen) - total)
        model.module.seen.clear()
    assert counts[0] == counts[1]


def test_each_picture_is_read_once_and_the_first_twice(data, monkeypatch):
    made_pictures(data / "cow", 20)
    read, picture = [], Pictures.picture

    def counted(self, index):
        read.append(index)
        return picture(self, index)

    monkeypatch.setattr(Pictures, "picture", counted)
    results = explain_dataset(loaded("counting"), str(data), "out", workers=0)
    assert sorted(read) == sorted([0, *range(len(results))])


@pytest.mark.parametrize("name", ["batchwise", "single"])
def test_a_net_whose_answers_depend_on_its_batch_is_run_alone_and_told(data, name):
    results = explain_dataset(loaded(name), str(data), "out", workers=0)
    assert "each picture is run alone" in " ".join(results.about["notes"])
    check_maps(results, alone(name, data))


def test_a_net_that_treats_each_picture_by_itself_is_not_told(data):
    results = explain_dataset(loaded("net"), str(data), "out", workers=0)
    assert "alone" not in " ".join(results.about["notes"])


@pytest.mark.parametrize("most", [1, 2, 3, 5])
def test_a_batch_too_large_for_the_memory_is_halved(data, monkeypatch, most):
    made_pictures(data / "cow", 9)
    monkeypatch.setattr(dataset_nets.Greedy, "most", most)
    expected = alone("net", data)
    results = explain_dataset(dataset_nets.greedy(), str(data), "out", workers=0)
    check_maps(results, expected)


def test_a_picture_too_large_for_the_memory_costs_itself_alone(data):
    made_pictures(data / "cow", 1, size=200)
    rows = list(explain_dataset(loaded("narrow"), str(data), "out", workers=0))
    failed = [row for row in rows if row["error"]]
    assert [row["id"] for row in failed] == ["cow/00000.png"]
    assert "too large for the memory" in failed[0]["error"]
    assert len(rows) == 7


def test_memory_that_is_full_with_every_picture_ends_the_run_and_leaves_nothing_wrong(data, monkeypatch):
    monkeypatch.setattr(dataset_nets.Greedy, "most", 0)
    with pytest.raises(torch.OutOfMemoryError):
        explain_dataset(dataset_nets.greedy(), str(data), "out", workers=0)
    monkeypatch.setattr(dataset_nets.Greedy, "most", 3)
    check_maps(explain_dataset(dataset_nets.greedy(), str(data), "out", workers=0), alone("net", data))


def test_a_broken_picture_in_a_batch_costs_itself_alone(data):
    (data / "cat" / "00001.png").write_bytes(b"no picture")
    rows = list(explain_dataset(loaded("net"), str(data), "out", workers=0))
    assert [row["error"] is not None for row in rows] == [False, True, False, False, False, False]


def test_a_class_that_the_model_does_not_have_is_refused_before_anything_is_explained(data, tmp_path):
    with pytest.raises(InputError, match="There is no class named 'zebra'"):
        explain_dataset(loaded("net"), str(data), tmp_path / "out", targets="zebra", workers=0)
    assert not (tmp_path / "out").exists()
