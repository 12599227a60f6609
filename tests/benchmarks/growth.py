"""How time grows with methods, classes, layers, pixels, networks and pictures, and a picture of it.

With 16 methods grad-cam draws its eight twice, camctl eight and eight others. With several classes camctl starts from
pixels, grad-cam from a tensor.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tests.benchmarks.dataset import Runs
from tests.benchmarks.nets import EIGHT, Net
from tests.benchmarks.turns import in_turns

if TYPE_CHECKING:
    from tests.benchmarks.turns import Work

MORE = (*EIGHT, "CAM", "FEM", "KPCA-CAM", "SegEigenCAM", "RandomCAM", "random", "centre", "edges")
COUNTS = ("1", "2", "4", "8", "16")
STAGES = ("layer4", "layer3", "layer2", "layer1")
SHORT = {
    "resnet18": "R-18",
    "resnet50": "R-50",
    "swin_t": "Swin-T",
    "vit_b_16": "ViT-B/16",
    "vit_l_16": "ViT-L/16",
}
PICTURES = ("1", "10", "100", "1000")
SIDES = ("56", "112", "224", "448", "896")
NETS = ("resnet18", "resnet50", "swin_t", "vit_b_16", "vit_l_16")


@dataclass(frozen=True)
class Curve:
    """Milliseconds of the bare forward passes (of plain inference over files) and of maps, by what grows."""

    title: str
    labels: tuple[str, ...]
    bare: tuple[float, ...]
    maps: tuple[float, ...]
    peer: tuple[float, ...] = ()
    """grad-cam's."""


def curves(device: str, rounds: int) -> list[Curve]:
    """Measure all of them."""
    net = Net("resnet50", device)

    def of_methods(label: str) -> tuple[Work, ...]:
        count = int(label)
        kinds = [EIGHT[number % len(EIGHT)] for number in range(count)]
        return net.bare(), net.engine(MORE[:count]), net.grad_cam(kinds)

    def of_classes(label: str) -> tuple[Work, ...]:
        count = int(label)
        return net.bare(), net.library(["GradCAM"], count), net.grad_cam(["GradCAM"] * count)

    def of_sides(label: str) -> tuple[Work, ...]:
        sized = Net("resnet50", device, int(label))
        return sized.bare(), sized.engine(EIGHT)

    def of_nets(label: str) -> tuple[Work, ...]:
        other = Net(label, device)
        return other.bare(), other.engine(EIGHT)

    def of_layers(label: str) -> tuple[Work, ...]:
        return net.bare(), net.engine(["GradCAM"], layers=STAGES[: int(label)])

    def curve(
        title: str, labels: Sequence[str], works_of: Callable[[str], tuple[Work, ...]], rounds: int = rounds
    ) -> Curve:
        columns: list[list[float]] = []
        for label in labels:
            works = {str(number): work for number, work in enumerate(works_of(label))}
            columns.append([1e3 * timed.median for timed in in_turns(works, rounds, device=device).values()])
        return Curve(title, tuple(labels), *(tuple(column) for column in zip(*columns, strict=True)))

    with tempfile.TemporaryDirectory() as made:
        runs = Runs("mobilenet_v3_large", device, Path(made), int(PICTURES[-1]))

        def of_pictures(label: str) -> tuple[Work, ...]:
            return partial(runs.plain, int(label)), partial(runs.explained, ["GradCAM"], int(label))

        return [
            curve("methods (ResNet-50, one class)", COUNTS, of_methods),
            curve("classes (ResNet-50, GradCAM)", COUNTS, of_classes),
            curve("layers (ResNet-50, GradCAM)", ("1", "2", "3", "4"), of_layers),
            curve("side of the picture, px (ResNet-50, eight methods)", SIDES, of_sides),
            curve("network (224 px, eight methods)", NETS, of_nets),
            curve("JPEG files (MobileNetV3-Large, GradCAM)", PICTURES, of_pictures, 1),
        ]


def draw(found: list[Curve], path: Path, machine: str) -> None:
    """Draw the curves as one picture."""
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot as plt
    from matplotlib import ticker

    figure, axes = plt.subplots(2, 3, figsize=(12, 6.5), layout="constrained")
    for axis, curve in zip(axes.flat, found, strict=True):
        lines = {
            "bare": (curve.bare, "#777777"),
            "camctl": (curve.maps, "#0b6fb8"),
            "grad-cam": (curve.peer, "#d9730d"),
        }
        for name, (values, colour) in lines.items():
            axis.plot(
                range(len(values)), values, color=colour, marker="o", markersize=4, linewidth=1.8, label=name
            )  # fmt: skip
        axis.set_yscale("log")
        axis.yaxis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5)))
        axis.yaxis.set_major_formatter(ticker.FormatStrFormatter("%g"))
        axis.yaxis.set_minor_formatter(ticker.NullFormatter())
        axis.set_xticks(range(len(curve.labels)), [SHORT.get(label, label) for label in curve.labels])
        axis.set_xlabel(curve.title)
        axis.set_ylabel("ms")
        axis.spines[["top", "right"]].set_visible(False)
        axis.grid(axis="y", which="major", color="#dddddd", linewidth=0.8)
    axes.flat[0].legend(frameon=False)
    figure.suptitle(machine, fontsize=8, color="#555555")
    figure.savefig(path, dpi=110)
