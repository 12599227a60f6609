"""Which maps moved between two results folders: `camctl compare --results OUT --baseline OLD`."""

import json

import numpy as np
import pytest

import camctl as library
from camctl.cli import main
from camctl.results.drift import drift
from tests.models import TinyCnn, loaded, seeded


def explained(out, data, seed=0):
    return library.explain_dataset(
        loaded(seeded(TinyCnn(), seed)), data, out, methods=["GradCAM", "LayerCAM"], targets=0, workers=0
    )


def compare(capsys, *words):
    with pytest.raises(SystemExit) as ended:
        main(["compare", *map(str, words)])
    return ended.value.code or 0, *capsys.readouterr()


def test_the_same_model_moves_no_map(data, tmp_path, capsys):
    explained(tmp_path / "one", data)
    explained(tmp_path / "two", data)
    code, _, err = compare(capsys, "--results", tmp_path / "one", "--baseline", tmp_path / "two")
    assert code == 0
    assert "12 maps in both, median correlation 1.000; 0 below 0.9" in err


def test_another_checkpoint_moves_maps_and_they_are_named_worst_first(data, tmp_path, capsys):
    one, two = explained(tmp_path / "one", data), explained(tmp_path / "two", data, seed=3)
    found = drift(one, two)
    assert (len(found.maps), found.new, found.gone) == (12, 0, 0)
    figures = [moved.correlation for moved in found.maps if not np.isnan(moved.correlation)]
    assert figures == sorted(figures)
    assert min(figures) < 0.9
    code, out, _ = compare(capsys, "--results", tmp_path / "one", "--baseline", tmp_path / "two", "--json")
    assert code == 5
    told = json.loads(out)
    assert [moved["id"] for moved in told["maps"]] == [moved.id for moved in found.maps]
    assert sum(moved["under"] for moved in told["maps"]) == sum(moved.under(0.9) for moved in found.maps) > 0


def test_folders_without_a_map_in_common_are_no_comparison(data, tmp_path, capsys):
    explained(tmp_path / "one", data)
    (data / "other").mkdir()
    for file in (data / "cat").iterdir():
        file.rename(data / "other" / f"other_{file.name}")
    explained(tmp_path / "two", data / "other")
    code, _, err = compare(capsys, "--results", tmp_path / "one", "--baseline", tmp_path / "two")
    assert code == 2
    assert "None of these maps is in the --baseline" in err
