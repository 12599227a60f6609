"""Pictures of a data set, and `python:dataset_nets:...` on the path."""

import os
from pathlib import Path

import pytest

from camctl.cli import main
from tests.dataset.kills import made_pictures

HERE = Path(__file__).parent


@pytest.fixture(autouse=True)
def nets(monkeypatch):
    """Let `python:dataset_nets:...` be found, in other processes as well."""
    monkeypatch.syspath_prepend(HERE)
    paths = (str(HERE), str(HERE.parents[1]), os.environ.get("PYTHONPATH", ""))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))
    for name in ("RANK", "WORLD_SIZE", "SLURM_PROCID", "SLURM_NTASKS"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def data(tmp_path, monkeypatch):
    """Six pictures in two folders of classes; the test is where they are."""
    monkeypatch.chdir(tmp_path)
    made_pictures(tmp_path / "data" / "cat", 3)
    made_pictures(tmp_path / "data" / "dog", 3, size=48)
    return tmp_path / "data"


@pytest.fixture
def camctl(capsys, monkeypatch):
    """Call `camctl run` with arguments; returns the exit code, stdout and stderr."""
    monkeypatch.setenv("COLUMNS", "200")

    def call(*words):
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(["run", *map(str, words)])
        out, err = capsys.readouterr()
        return ended.value.code or 0, out, err

    return call
