"""Methods that are wrong on purpose: GradCAM and HiResCAM with inverted sign, as plugins of a package."""

from __future__ import annotations

import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from camctl.methods.gradcam import gradcam
from camctl.methods.hirescam import hirescam
from camctl.plugin import method

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from camctl.plugin import Capture

INVERTED = ("inverted-gradcam", "inverted-hirescam")

_ENTRY_POINTS = """[camctl.methods]
inverted-gradcam = tests.truth.spoilt:inverted_gradcam
inverted-hirescam = tests.truth.spoilt:inverted_hirescam
"""


@method(name="Inverted GradCAM", summary="GradCAM with inverted sign.", paper="", needs={"activations", "gradients"})
def inverted_gradcam(capture: Capture) -> Tensor:
    """Evidence against the class."""
    return -gradcam.compute(capture)


@method(name="Inverted HiResCAM", summary="HiResCAM with inverted sign.", paper="", needs={"activations", "gradients"})
def inverted_hirescam(capture: Capture) -> Tensor:
    """Evidence against the class."""
    return -hirescam.compute(capture)


@contextmanager
def installed() -> Iterator[tuple[str, ...]]:
    """Install both methods by entry points, as any package does, and yield their names."""
    with tempfile.TemporaryDirectory() as folder:
        info = Path(folder, "camctl_spoilt-1.0.dist-info")
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: camctl-spoilt\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(_ENTRY_POINTS)
        sys.path.append(folder)
        try:
            yield INVERTED
        finally:
            sys.path.remove(folder)
