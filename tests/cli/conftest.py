"""The command, called in this process as the console script calls it."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from camctl.cli import main


@dataclass(frozen=True)
class Done:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self):
        """What stands on stdout, read as JSON: nothing else may be there."""
        return json.loads(self.out)


@pytest.fixture
def camctl(capsys, monkeypatch):
    """Call the command with arguments."""
    monkeypatch.setenv("COLUMNS", "200")

    def call(*args):
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([str(arg) for arg in args])
        captured = capsys.readouterr()
        code = ended.value.code
        return Done(code if isinstance(code, int) else 0 if code is None else 1, captured.out, captured.err)

    return call


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    """Let commands keep names of models in a folder of the test's own."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    return folder


@pytest.fixture(autouse=True)
def nets(monkeypatch):
    """Let `python:nets:...` be found."""
    monkeypatch.syspath_prepend(Path(__file__).parent)


@pytest.fixture(scope="session")
def picture():
    """A picture with something in it."""
    import numpy as np
    from PIL import Image

    rows, columns = np.mgrid[0:48, 0:64]
    pixels = np.stack([4 * columns, 5 * rows, 255 * (rows + columns > 60)], 2)
    return Image.fromarray(pixels.astype(np.uint8))


@pytest.fixture
def photo(picture, tmp_path):
    """The picture in a file."""
    path = tmp_path / "photo.png"
    picture.save(path)
    return path
