import io

import pytest
from PIL import Image


@pytest.fixture
def png():
    """Return the bytes of a small picture, another one for each number."""

    def make(number=0):
        file = io.BytesIO()
        Image.new("RGB", (4, 3), (number % 256, number // 256, 9)).save(file, "PNG")
        return file.getvalue()

    return make


@pytest.fixture
def tree(tmp_path, png):
    """Return a function that writes pictures and other files by their relative names."""

    def write(*names, **contents):
        for number, name in enumerate(names):
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(png(number))
        for name, content in contents.items():
            (tmp_path / name.replace("_", ".")).write_text(content, encoding="utf-8")
        return tmp_path

    return write
