"""How fast camctl is beside its peers, all in one run: `python -m tests.benchmarks.bench [engine] [process]`.

Everything is measured in turns, round after round, so that a busy machine slows all alike; medians and
their ratios are printed. Nothing here is a test: times are for people to judge. Random weights throughout.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor, nn

    Work = Callable[[], object]

MODELS = {
    "ResNet-50": ("resnet/resnet50_8xb32_in1k.py", "backbone.layer4.2.bn3", None),
    "Swin-T": ("swin_transformer/swin-tiny_16xb64_in1k.py", "backbone.norm3", (0, 7, 7)),
}
"""Name -> mmpretrain's config, target layer, and what grad-cam's reshape transform needs: extra tokens and grid."""

AIMS = {"GradCAM": 1.25, "EigenCAM": 1.25, "all eight": 1.6}
"""Largest ratio to a bare forward pass that is aimed at, on ResNet-50."""

PROCESS_AIM = 0.5
TARGET = 281


def main() -> None:
    """Measure what the arguments name, all of it without any."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", nargs="*", metavar="engine|process", default=[])
    parser.add_argument("--rounds", type=int, default=9, help="rounds of the engine's measurement (default 9)")
    parser.add_argument("--process-rounds", type=int, default=5, help="rounds of whole processes (default 5)")
    given = parser.parse_args()
    what = given.what or ["engine", "process"]
    say_machine()
    if "engine" in what:
        for name in MODELS:
            engine(name, given.rounds)
    if "process" in what:
        process(given.process_rounds)


def say(*words: object) -> None:
    """Print; this is a script."""
    print(*words, flush=True)  # noqa: T201


def say_machine() -> None:
    """Facts that a time depends on."""
    import torch

    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    say(
        f"{platform.machine()}, {os.cpu_count()} cores, {torch.get_num_threads()} threads, "
        f"torch {torch.__version__}, Python {platform.python_version()}, load {load:.1f} before the start"
    )


def build(name: str) -> tuple[nn.Module, Tensor]:
    """A model of mmpretrain with random weights, and one input of 224 x 224."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import torch
        from mmpretrain import get_model

        torch.manual_seed(0)
        model = get_model(str(config_of(name)), pretrained=False).eval()
    return model, torch.randn(1, 3, 224, 224)


def config_of(name: str) -> Path:
    """mmpretrain's config file, from its wheel."""
    from importlib.util import find_spec

    found = find_spec("mmpretrain")
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent / ".mim" / "configs" / MODELS[name][0]


def rounds_of(works: dict[str, Work], rounds: int) -> dict[str, float]:
    """Median seconds of each, taken in turns after one round to warm up."""
    seconds: dict[str, list[float]] = {name: [] for name in works}
    for number in range(rounds + 1):
        for name, work in works.items():
            start = perf_counter()
            work()
            if number:
                seconds[name].append(perf_counter() - start)
    return {name: median(values) for name, values in seconds.items()}


def engine(name: str, rounds: int) -> None:
    """In process: a bare forward pass, ours and grad-cam's."""
    import pytorch_grad_cam
    import torch
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    from tests.drawing import drawn, tokens_to_grid
    from tests.methods.parity_table import BUILT_IN

    model, inputs = build(name)
    _, layer, grid = MODELS[name]
    transform = tokens_to_grid(*grid) if grid else None
    place = model.get_submodule(layer)

    def bare() -> object:
        with torch.no_grad():
            return model(inputs)

    def ours(*kinds: str) -> Work:
        methods = [BUILT_IN[kind] for kind in kinds]
        return lambda: drawn(model, inputs, [layer], methods, TARGET)

    def theirs(*kinds: str) -> Work:
        def run() -> None:
            for kind in kinds:
                cam = getattr(pytorch_grad_cam, kind)(model, [place], transform)
                cam(inputs, [ClassifierOutputTarget(TARGET)])
                cam.activations_and_grads.release()
                model.zero_grad()

        return run

    sets = {"GradCAM": ("GradCAM",), "EigenCAM": ("EigenCAM",), "all eight": tuple(BUILT_IN)}
    works: dict[str, Work] = {"bare forward": bare}
    works |= {f"camctl {label}": ours(*kinds) for label, kinds in sets.items()}
    works |= {f"grad-cam {label}": theirs(*kinds) for label, kinds in sets.items()}
    found = rounds_of(works, rounds)
    say(f"\n{name}, 224 px, layer {layer}, medians of {rounds} rounds")
    for label, seconds in found.items():
        aim = AIMS.get(label.removeprefix("camctl ")) if label.startswith("camctl") else None
        note = f"   (aim: {aim} on ResNet-50)" if aim else ""
        say(f"  {label:22} {seconds * 1e3:9.1f} ms  {seconds / found['bare forward']:6.2f} x bare{note}")


def process(rounds: int) -> None:
    """Whole processes on one picture: `camctl run` and the old tool, same config, checkpoint and layer."""
    import numpy as np
    import torch
    from PIL import Image

    name = "ResNet-50"
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        model, _ = build(name)
        torch.save({"state_dict": model.state_dict(), "meta": {}}, here / "weights.pth")
        del model
        low = np.random.default_rng(0).integers(0, 255, (12, 16, 3), dtype=np.uint8)
        Image.fromarray(low).resize((640, 480), Image.Resampling.BICUBIC).save(here / "picture.png")
        given = [str(here / "picture.png"), str(config_of(name)), str(here / "weights.pth")]
        options = ["--target-layers", MODELS[name][1], "--target-category", str(TARGET), "--method", "GradCAM"]

        def run(module: str, picture: str) -> Work:
            command = [sys.executable, "-W", "ignore", "-m", module]
            command += [*(["run"] if module == "camctl" else []), *given, *options, "--save-path", str(here / picture)]

            def work() -> None:
                done = subprocess.run(command, check=False, capture_output=True, text=True)
                if done.returncode or not (here / picture).exists():
                    raise SystemExit(f"{module} failed:\n{done.stderr[-2000:]}")
                (here / picture).unlink()

            return work

        works = {"camctl run": run("camctl", "ours.png"), "old tool": run("tests.benchmarks.old_tool", "theirs.png")}
        found = rounds_of(works, rounds)
    say(f"\nWhole processes, {name}, medians of {rounds} rounds")
    for label, seconds in found.items():
        aim = f"   (aim: {PROCESS_AIM})" if label == "camctl run" else ""
        say(f"  {label:22} {seconds:9.2f} s   {seconds / found['old tool']:6.2f} x old tool{aim}")


if __name__ == "__main__":
    main()
