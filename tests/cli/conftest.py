"""The command, called in this process as the console script calls it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from camctl.cli import main

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from PIL.Image import Image


@dataclass(frozen=True)
class Done:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What stands on stdout, read as JSON: nothing else may be there."""
        return json.loads(self.out)


@pytest.fixture
def camctl(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Done]:
    """Call the command with arguments."""
    monkeypatch.setenv("COLUMNS", "200")

    def call(*args: object) -> Done:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([str(arg) for arg in args])
        captured = capsys.readouterr()
        code = ended.value.code
        return Done(code if isinstance(code, int) else 0 if code is None else 1, captured.out, captured.err)

    return call


@pytest.fixture(scope="session")
def picture() -> Image:
    """A picture with something in it."""
    import numpy as np
    from PIL import Image

    rows, columns = np.mgrid[0:48, 0:64]
    pixels = np.stack([4 * columns, 5 * rows, 255 * (rows + columns > 60)], 2)
    return Image.fromarray(pixels.astype(np.uint8))


@pytest.fixture
def photo(picture: Image, tmp_path: Path) -> Path:
    """The picture in a file."""
    path = tmp_path / "photo.png"
    picture.save(path)
    return path
