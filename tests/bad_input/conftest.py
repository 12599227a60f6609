"""The command, and what every refusal must look like."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cli.conftest import camctl, photo, picture
from tests.sources.conftest import write_config

__all__ = ["camctl", "photo", "picture", "write_config"]

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Said:
    """The two lines of a refusal, without `error: ` and `hint: `."""

    error: str
    hint: str


@pytest.fixture(autouse=True)
def nets(monkeypatch, tmp_path):
    """Work in an empty folder, where `python:nets:...` and `python:odd_nets:...` are found."""
    monkeypatch.syspath_prepend(HERE.parent / "cli")
    monkeypatch.syspath_prepend(HERE)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def refuses(camctl, tmp_path):
    """Call the command with bad input: two lines on stderr, nothing on stdout, no file made or changed."""

    def call(*args, code=2):
        before = contents(tmp_path)
        words = [str(arg) for arg in args]
        if words[0] == "run" and "--save-path" not in words:
            words += ["--save-path", "out/map.png"]
        done = camctl(*words)
        lines = done.err.splitlines()

        assert done.code == code, done.err
        assert done.out == ""
        assert [line.split(": ")[0] for line in lines] == ["error", "hint"], done.err
        assert contents(tmp_path) == before
        return Said(lines[0].removeprefix("error: "), lines[1].removeprefix("hint: "))

    return call


def contents(folder):
    """Every file and folder inside, hidden ones too, and what it holds; Python's own cache left out."""
    found = (path for path in folder.rglob("*") if "__pycache__" not in path.parts)
    return {str(path): path.read_bytes() if path.is_file() else b"" for path in found}
