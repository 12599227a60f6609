"""The same maps on another device, at another precision, or with another number of threads.

`python -m tests.methods.devices --device cuda` compares with the CPU of the same machine. `--save FILE.npz` keeps the
maps, and `--against FILE.npz` compares with those of another machine. `--precisions` prints the table of precisions.
"""

from __future__ import annotations

import argparse
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torchvision

import camctl
from camctl.demo.scenes import render, scene
from camctl.ranking.correlation import rank_correlation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

Maps = dict[str, "NDArray[np.float32]"]
"""`net method` -> signed map at the layer's grid."""

BUILT_IN = (
    *("GradCAM", "GradCAM++", "XGradCAM", "EigenCAM", "EigenGradCAM", "LayerCAM", "HiResCAM", "GradCAMElementWise"),
    *("ReciproCAM", "AblationCAM"),
)
TRAINED = ("demo:resnet", "demo:vit", "demo:swin", "demo:t2t", "imagenet:lite0")
DRAWN = ("resnet18", "densenet121", "mobilenet_v3_large", "swin_t", "vit_b_16")
NETS = (*TRAINED, *DRAWN)
"""Ten networks: five trained ones, and five of torchvision with weights drawn by a seed."""

CLOSE = 1e-4
"""Largest difference between two devices, as a share of the map's largest absolute value."""

ROUGH: Mapping[str, float] = {
    "XGradCAM": 1e-3,  # divides by sums of activations of both signs, which rounding may nearly cancel
    "GradCAM++": 1e-3,  # its denominator may cancel
    "ReciproCAM": 1e-3,  # differences of scores that hardly differ
    "AblationCAM": 1e-3,  # likewise
}
"""Methods whose conditioning allows no more."""


@cache
def _module(name: str) -> torch.nn.Module:
    torch.manual_seed(0)
    module = getattr(torchvision.models, name)(weights=None).eval()
    if name == "vit_b_16":  # torchvision draws its head as zeros
        torch.nn.init.normal_(module.heads.head.weight, std=0.02)
    return module


def maps_of(net: str, device: str = "cpu", precision: Any = "float32", methods: Sequence[str] = BUILT_IN) -> Maps:
    """Draw the maps of a network: ours of a name, else torchvision's with weights drawn by a seed."""
    pixels = render(scene(6_700_024, classes=("cat", "dog")), 224)
    if net in TRAINED:
        model = camctl.load(net, device=device, precision=precision)
    else:
        model = camctl.load(_module(net).to(device), precision=precision)
    target = None if net in TRAINED else 3
    found = camctl.explain(model, pixels, methods=methods, targets=target)
    _module(net).to("cpu") if net in DRAWN else None
    return {f"{net} {cam.method}": cam.raw for cam in found.maps}


def difference(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """Return the largest difference of two maps, as a share of the first one's largest absolute value."""
    return float(np.abs(one - other).max() / max(np.abs(one).max(), np.finfo(np.float32).tiny))


def beyond(ours: Maps, theirs: Maps) -> dict[str, float]:
    """Return the maps that differ by more than their method's conditioning allows, and by how much."""
    off = {name: difference(theirs[name], ours[name]) for name in theirs}
    return {name: value for name, value in off.items() if not value <= ROUGH.get(name.split()[1], CLOSE)}


def precisions(device: str) -> str:
    """Return the table of precisions: each method's maps against those of float32."""
    names = ("tf32", "bf16", "fp16") if device != "cpu" else ("bf16", "fp16")
    rows = [f"| net | method | {' | '.join(f'{name}: rank correlation, largest difference' for name in names)} |"]
    rows.append("|---" * (2 + len(names)) + "|")
    for net in TRAINED if device == "cpu" else NETS:  # large networks in half precision take a CPU an hour
        methods = BUILT_IN[:-1]  # AblationCAM takes an hour in half precision on a CPU
        exact = maps_of(net, device, methods=methods)
        others = [maps_of(net, device, name, methods) for name in names]
        for key, values in exact.items():
            cells = (f"{rank_correlation(values, o[key]):.3f}, {difference(values, o[key]):.1e}" for o in others)
            rows.append(f"| {net} | {key.split()[1]} | {' | '.join(cells)} |")
    return "\n".join(rows)


def main() -> None:
    """Compare, save or print what is asked for; exit with 1 if a map differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--save", type=Path)
    parser.add_argument("--against", type=Path)
    parser.add_argument("--precisions", action="store_true")
    given = parser.parse_args()
    if given.precisions:
        print(precisions(given.device))  # noqa: T201
        return
    ours = {name: values for net in NETS for name, values in maps_of(net, given.device).items()}
    if given.save:
        np.savez(given.save, **ours)
        return
    if given.against:
        with np.load(given.against) as kept:
            theirs = dict(kept)
    else:
        theirs = {name: values for net in NETS for name, values in maps_of(net).items()}
    off = {name: difference(theirs[name], values) for name, values in ours.items()}
    for name, value in sorted(off.items(), key=lambda item: -item[1]):
        print(f"{value:.1e}  {name}")  # noqa: T201
    raise SystemExit(bool(beyond(ours, theirs)))


if __name__ == "__main__":
    main()
