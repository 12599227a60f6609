"""How far every built-in method is from grad-cam 1.5.7: `python -m tests.methods.parity_table` prints the table.

The oracle is grad-cam itself on the whole model, with its own backward pass and a reshape transform
written by hand; two repairs make it comparable. Its hooks keep a copy of the activations (they keep
an alias, which in-place operations overwrite), and its principal components are turned by our rule
of signs (theirs is left to the SVD).
"""

from __future__ import annotations

from contextlib import contextmanager, redirect_stdout
from io import StringIO
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import pytorch_grad_cam
from pytorch_grad_cam import base_cam, eigen_cam, eigen_grad_cam, grad_cam_elementwise, hirescam, layer_cam
from pytorch_grad_cam.utils.svd_on_activations import get_2d_projection

from camctl.methods.eigencam import eigencam
from camctl.methods.eigengradcam import eigengradcam
from camctl.methods.gradcam import gradcam
from camctl.methods.gradcam_elementwise import gradcam_elementwise
from camctl.methods.gradcam_plusplus import gradcam_plusplus
from camctl.methods.hirescam import hirescam as our_hirescam
from camctl.methods.layercam import layercam
from camctl.methods.xgradcam import xgradcam
from tests.drawing import by_hand, difference, drawn, tokens_to_grid
from tests.models import of_mmpretrain, pictures

if TYPE_CHECKING:
    from collections.abc import Iterator

BUILT_IN = {
    "GradCAM": gradcam,
    "GradCAMPlusPlus": gradcam_plusplus,
    "XGradCAM": xgradcam,
    "EigenCAM": eigencam,
    "EigenGradCAM": eigengradcam,
    "LayerCAM": layercam,
    "HiResCAM": our_hirescam,
    "GradCAMElementWise": gradcam_elementwise,
}
"""grad-cam's class -> our method."""

FAMILIES = {
    "cnn": (("backbone.layer2.0.bn2", "backbone.layer4.1.bn2"), (None, None)),
    "vit": (("backbone.layers.1.ln2", "backbone.layers.2.ln1"), (tokens_to_grid(1, 8, 8),) * 2),
    "swin": (
        ("backbone.stages.1.blocks.0.norm2", "backbone.norm2"),
        (tokens_to_grid(0, 8, 8), tokens_to_grid(0, 4, 4)),
    ),
    "t2t": (("backbone.encoder.1.ln2", "backbone.encoder.2.ln1"), (tokens_to_grid(1, 4, 4),) * 2),
}
"""Family -> two layers, in the order they run as grad-cam needs them, the default last; their reshape transforms."""

SMOOTHINGS = {
    "plain": {},
    "eigen": {"eigen_smooth": True},
    "aug": {"aug_smooth": True},
    "eigen+aug": {"eigen_smooth": True, "aug_smooth": True},
}

TARGET = 2


def by_largest(activations: np.ndarray) -> np.ndarray:
    """grad-cam's projection of what knows no class, each turned to have its largest absolute value positive."""
    maps = get_2d_projection(activations)
    return maps * np.where(maps.max((1, 2), keepdims=True) < -maps.min((1, 2), keepdims=True), -1, 1)


def by_sum(activations: np.ndarray) -> np.ndarray:
    """grad-cam's projection of evidence for a class, each turned to correlate positively with its sum over channels."""
    maps = get_2d_projection(activations)
    total = activations.sum(1) - activations.sum(1).mean((1, 2), keepdims=True)
    return maps * np.where((maps * total).sum((1, 2), keepdims=True) < 0, -1, 1)


@contextmanager
def turned() -> Iterator[None]:
    """Every class of grad-cam follows our rule of signs inside."""
    modules = (base_cam, eigen_cam, eigen_grad_cam, grad_cam_elementwise, hirescam, layer_cam)
    try:
        for module in modules:
            module.get_2d_projection = by_largest if module is eigen_cam else by_sum
        with redirect_stdout(StringIO()):  # HiResCAM prints an opinion on smoothing
            yield
    finally:
        for module in modules:
            module.get_2d_projection = get_2d_projection


def compare(kind: str, family: str, smoothing: str, count: int) -> float:
    """Largest difference of the normalised maps, over `count` layers."""
    module, inputs = of_mmpretrain(family), pictures(size=(64, 64))
    names, transforms = FAMILIES[family]
    names, transforms = names[-count:], transforms[-count:]
    targets = [module.get_submodule(name) for name in names]

    def transform(tensor):
        # One function for layers of several grids, told apart by their lengths.
        by_length = {module_transform(t): t for t in transforms if t}
        return by_length[tensor.shape[1]](tensor)

    def module_transform(way):
        extra, height, width = (cell.cell_contents for cell in way.__closure__)
        return extra + height * width

    cam = getattr(pytorch_grad_cam, kind)(module, targets, transform if transforms[0] else None)
    with turned():
        theirs = by_hand(cam, inputs, TARGET, **SMOOTHINGS[smoothing])
    (ours,) = drawn(module, inputs, names, [BUILT_IN[kind]], TARGET, **SMOOTHINGS[smoothing])
    return difference(ours.values, theirs)


def main() -> None:
    """Print the table."""
    columns = [f"{family} {count}" for family, count in product(FAMILIES, (1, 2))]
    print("method x smoothing".ljust(32), *(column.rjust(9) for column in columns))  # noqa: T201
    for kind, smoothing in product(BUILT_IN, SMOOTHINGS):
        cells = [compare(kind, family, smoothing, count) for family, count in product(FAMILIES, (1, 2))]
        print(f"{kind} {smoothing}".ljust(32), *(f"{cell:9.1e}" for cell in cells))  # noqa: T201


if __name__ == "__main__":
    main()
