"""What is timed: each group returns tables."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec

from tests.benchmarks.nets import EIGHT, TORCH_CAM, Net
from tests.benchmarks.turns import Table, Work, in_turns

UNIT = "bare forward pass"

NETS = ("resnet50", "swin_t", "vit_b_16")

CPU_BARS = {
    "camctl GradCAM": 1.08,
    "camctl EigenCAM": 1.08,
    "camctl all eight": 1.2,
    "camctl GradCAM, aug smoothing": 6.2,
}
CUDA_BARS = {"camctl GradCAM": 1.5, "camctl all eight": 2.5, "camctl GradCAM, ten classes": 3.5}
PERTURBATION_BARS = {
    "cpu": {"camctl AblationCAM": 12.0},
    "cuda": {"camctl AblationCAM": 15.0, "camctl ReciproCAM": 3.0, "camctl ScoreCAM": 60.0},
}


def single(device: str, rounds: int) -> Iterator[Table]:
    """Time one picture, from a tensor to maps on the host (on CUDA: from pixels to an explanation)."""
    on_cuda = device.startswith("cuda")
    for name in NETS:
        net = Net(name, device)
        ours = net.library if on_cuda else net.engine
        works: dict[str, Work] = {UNIT: net.bare()}
        works |= {f"camctl {method}": ours([method]) for method in ("GradCAM", "EigenCAM")}
        works["camctl all eight"] = ours(EIGHT)
        works["camctl GradCAM, ten classes"] = net.library(["GradCAM"], classes=10)
        works["camctl GradCAM, aug smoothing"] = net.engine(["GradCAM"], aug=True)
        works |= {f"grad-cam {method}": net.grad_cam([method]) for method in ("GradCAM", "EigenCAM")}
        works["grad-cam all eight"] = net.grad_cam(EIGHT)
        works["grad-cam GradCAM, aug smoothing"] = net.grad_cam(["GradCAM"], aug=True)
        if find_spec("torchcam") and name == "resnet50":  # it knows no tokens
            works |= {f"torch-cam {method}": net.torch_cam(method) for method in TORCH_CAM}
        times = in_turns(works, rounds, warm=2, device=device)
        yield Table(f"{name}, 224 px, {device}", UNIT, times, CUDA_BARS if on_cuda else CPU_BARS)


def library(device: str, rounds: int) -> Iterator[Table]:
    """Time `camctl.explain` of a loaded model, from pixels to an explanation."""
    for name in NETS:
        net = Net(name, device)
        works: dict[str, Work] = {
            UNIT: net.bare(),
            "explain, GradCAM": net.library(["GradCAM"]),
            "explain, all eight": net.library(EIGHT),
            "explain, ten classes": net.library(["GradCAM"], classes=10),
        }
        yield Table(f"{name}, explain, {device}", UNIT, in_turns(works, rounds, warm=2, device=device))


def batch(device: str, rounds: int) -> Iterator[Table]:
    """Time a batch of tensors, the unit a bare forward pass of the same batch: 16 pictures, 256 on CUDA."""
    count = 256 if device.startswith("cuda") else 16
    for name in NETS:
        net = Net(name, device)
        works: dict[str, Work] = {
            UNIT: net.bare(count),
            "camctl GradCAM": net.batch(["GradCAM"], count),
            "camctl all eight": net.batch(EIGHT, count),
        }
        times = in_turns(works, max(1, rounds // 3), device=device)
        yield Table(f"{name}, {count} pictures, {device}", UNIT, times)


def perturbation(device: str, rounds: int) -> Iterator[Table]:
    """Time the methods that run the network many times."""
    for method in ("ReciproCAM", "AblationCAM", "ScoreCAM"):
        # On a CPU grad-cam takes a minute a map of ResNet-18; the bar for 2,048 channels is of ResNet-50.
        net = Net("resnet50" if device.startswith("cuda") or method != "ScoreCAM" else "resnet18", device)
        works: dict[str, Work] = {UNIT: net.bare(), f"camctl {method}": net.engine([method])}
        if method == "ScoreCAM" or (method == "AblationCAM" and device.startswith("cuda")):
            works[f"grad-cam {method}"] = net.grad_cam([method])
        bars = PERTURBATION_BARS["cuda" if device.startswith("cuda") else "cpu"]
        once = method == "ScoreCAM" and not device.startswith("cuda")  # a minute
        times = in_turns(works, 1 if once else max(1, rounds // 3), warm=0 if once else 1, device=device)
        yield Table(f"{net.name}, {method}, {device}", UNIT, times, {k: v for k, v in bars.items() if k in works})


def probe(device: str, rounds: int) -> Iterator[Table]:
    """Time how a layer is found for a model that no adapter knows, once a loaded model."""
    from dataclasses import replace

    from camctl.engine.layout import LayoutHints
    from camctl.pipeline.plan import plan_of
    from camctl.pipeline.scene import scene_of
    from camctl.values.picture import Picture

    for name in NETS:
        net = Net(name, device)
        known = scene_of(plan_of(net.loaded), Picture("", net.pixels))
        unknown = replace(known, plan=replace(known.plan, adapter="", hints=LayoutHints()))
        works: dict[str, Work] = {UNIT: net.bare(), "probe": unknown.probe}
        yield Table(f"{name}, finding the layer, {device}", UNIT, in_turns(works, rounds, device=device))
