"""What all cases of checkpoints share: the words, the sound weights, and torch's writer."""

from __future__ import annotations

import io
import warnings
from typing import Any

from tests.hostile.case import Case, Expected, Lot, run


def case_of(lot: Lot, content: bytes, *, ending: str = ".pth", expected: Expected = "any") -> Case:
    """A run, or a list of layers, with these bytes as the checkpoint."""
    picture = lot.copy("scene.png")
    file = lot.write(f"weights{ending}", content)
    words = run(picture, "demo:resnet", file)
    if expected == "any" and lot.random.random() < 0.15:
        words = ["layers", "demo:resnet", file, "--json"]
    return Case(words=words, expected=expected)


def saved(content: Any, *, new: bool = True) -> bytes:
    """The bytes that torch saves."""
    import torch

    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.save(content, buffer, _use_new_zipfile_serialization=new)
    return buffer.getvalue()


def state_of(lot: Lot) -> dict[str, Any]:
    """The sound weights."""
    import torch

    content = torch.load(lot.base / "resnet.pth", weights_only=True)
    return dict(content.get("state_dict", content))
