"""Measure the speed of camctl and its peers in one run: `python -m tests.benchmarks.bench [WHAT ...]`.

WHAT is engine, probe, process or compare; all by default. Everything is measured in turns, round after round, so that a
busy machine slows all alike; medians and their ratios are printed. Nothing here is a test. All weights are random.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import warnings
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from torch import Tensor, nn

    Work = Callable[[], object]

MODELS = {
    "ResNet-50": ("resnet/resnet50_8xb32_in1k.py", "backbone.layer4.2.bn3", None),
    "Swin-T": ("swin_transformer/swin-tiny_16xb64_in1k.py", "backbone.norm3", (0, 7, 7)),
}
"""Name -> mmpretrain's config, target layer, and the extra tokens and grid that grad-cam's reshape transform needs."""

AIMS = {"GradCAM": 1.25, "EigenCAM": 1.25, "all eight": 1.6}
"""Aims for the ratio to a bare forward pass on ResNet-50, at most."""

PROCESS_AIM = 0.5
COMPARE_AIM, COMPARE_PROCESS_AIM, COMPARE_MEMORY_AIM = 12, 15, 1.3
TARGET = 281
TARGETS = (281, 238)
SIX = {
    "GradCAM": "GradCAM",
    "GradCAM++": "GradCAMPlusPlus",
    "XGradCAM": "XGradCAM",
    "EigenCAM": "EigenCAM",
    "EigenGradCAM": "EigenGradCAM",
    "LayerCAM": "LayerCAM",
}
"""The old tool's methods, and their classes in grad-cam."""


def main() -> None:
    """Measure what the arguments name; everything by default."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", nargs="*", metavar="engine|probe|process|compare", default=[])
    parser.add_argument("--rounds", type=int, default=9, help="rounds of the engine's measurement (default 9)")
    parser.add_argument("--process-rounds", type=int, default=5, help="rounds of whole processes (default 5)")
    arguments = parser.parse_args()
    what = arguments.what or ["engine", "probe", "process", "compare"]
    say_machine()
    if "engine" in what:
        for name in MODELS:
            engine(name, arguments.rounds)
    if "probe" in what:
        for name in MODELS:
            probe(name, arguments.rounds)
    if "process" in what:
        process(arguments.process_rounds)
    if "compare" in what:
        compare(arguments.rounds)
        compare_processes(arguments.process_rounds)


def say(*words: object) -> None:
    """Print words at once."""
    print(*words, flush=True)  # noqa: T201


def say_machine() -> None:
    """Print what the times depend on."""
    import torch

    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    say(
        f"{platform.machine()}, {os.cpu_count()} cores, {torch.get_num_threads()} threads, "
        f"torch {torch.__version__}, Python {platform.python_version()}, load {load:.1f} before the start"
    )


def build(name: str) -> tuple[nn.Module, Tensor]:
    """Build a model of mmpretrain with random weights, and an input of 224 x 224."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import torch
        from mmpretrain import get_model

        torch.manual_seed(0)
        model = get_model(str(config_of(name)), pretrained=False).eval()
    return model, torch.randn(1, 3, 224, 224)


def config_of(name: str) -> Path:
    """Path of a config file in mmpretrain's wheel."""
    from importlib.util import find_spec

    spec = find_spec("mmpretrain")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / ".mim" / "configs" / MODELS[name][0]


def rounds_of(works: dict[str, Work], rounds: int) -> dict[str, float]:
    """Median seconds of each work, measured in turns after a round of warm-up."""
    seconds: dict[str, list[float]] = {name: [] for name in works}
    for number in range(rounds + 1):
        for name, work in works.items():
            start = perf_counter()
            work()
            if number:
                seconds[name].append(perf_counter() - start)
    return {name: median(values) for name, values in seconds.items()}


def engine(name: str, rounds: int) -> None:
    """Measure in process: a bare forward pass, camctl and grad-cam."""
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
    medians = rounds_of(works, rounds)
    say(f"\n{name}, 224 px, layer {layer}, medians of {rounds} rounds")
    for label, seconds in medians.items():
        aim = AIMS.get(label.removeprefix("camctl ")) if label.startswith("camctl") else None
        note = f"   (aim: {aim} on ResNet-50)" if aim else ""
        say(f"  {label:22} {seconds * 1e3:9.1f} ms  {seconds / medians['bare forward']:6.2f} x bare{note}")


def probe(name: str, rounds: int) -> None:
    """Measure in process: the probe, and a whole explanation with and without an adapter that names the layer.

    Both use the same network; the second scene is what `explain` sets for a model that no adapter knows.
    """
    from dataclasses import replace

    import numpy as np
    import torch

    import camctl
    from camctl.engine.layout import LayoutHints
    from camctl.pipeline.layer_selection import default_layers
    from camctl.pipeline.method_selection import pick_methods
    from camctl.pipeline.passes import Clock, Manner, run_passes
    from camctl.pipeline.scene import Scene, plan_of, scene_of
    from camctl.values.picture import read_picture

    loaded = camctl.load(str(config_of(name)), random_weights=True)
    picture = read_picture(np.random.default_rng(0).integers(0, 255, (224, 224, 3), dtype=np.uint8))
    manner = Manner(methods=pick_methods(["camctl[gradcam]"]))
    known = scene_of(plan_of(loaded), picture)
    unknown = replace(known, plan=replace(known.plan, adapter="", hints=LayoutHints()))

    def bare() -> object:
        with torch.no_grad():
            return known.plan.forward(known.inputs)

    def explained(scene: Scene) -> Work:
        return lambda: run_passes(scene, [default_layers(scene)], manner, lambda classes: classes.top(1), Clock())

    works: dict[str, Work] = {
        "bare forward": bare,
        "probe": unknown.probe,
        "explain, adapter": explained(known),
        "explain, probe": explained(unknown),
    }
    medians = rounds_of(works, rounds)
    say(f"\nFinding the layer of {name}, 224 px, medians of {rounds} rounds")
    say(f"  adapter {known.plan.adapter}: {default_layers(known).names[0]}; probe: {default_layers(unknown).names[0]}")
    for label, seconds in medians.items():
        say(f"  {label:22} {seconds * 1e3:9.1f} ms  {seconds / medians['bare forward']:6.2f} x bare")


@contextmanager
def files(name: str) -> Iterator[list[str]]:
    """Write a picture, a config and a checkpoint with random weights; yields their paths."""
    import numpy as np
    import torch
    from PIL import Image

    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        model, _ = build(name)
        torch.save({"state_dict": model.state_dict(), "meta": {}}, here / "weights.pth")
        del model
        low = np.random.default_rng(0).integers(0, 255, (12, 16, 3), dtype=np.uint8)
        Image.fromarray(low).resize((640, 480), Image.Resampling.BICUBIC).save(here / "picture.png")
        yield [str(here / "picture.png"), str(config_of(name)), str(here / "weights.pth")]


def command(inputs: list[str], tool: Sequence[str], options: Sequence[str]) -> Callable[[], int]:
    """Return a work that runs a tool once on the inputs and returns its peak memory in KiB."""
    picture = Path(inputs[0]).with_name("made.png")
    words = [sys.executable, "-W", "ignore", "-m", *tool, *inputs, *options, "--save-path", str(picture)]

    def work() -> int:
        with tempfile.TemporaryFile() as output:
            child = subprocess.Popen(words, stdout=output, stderr=output)
            _, status, usage = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
            if child.returncode or not picture.exists():
                output.seek(0)
                raise SystemExit(f"{tool} failed:\n{output.read()[-2000:].decode()}")
        picture.unlink()
        return int(usage.ru_maxrss)

    return work


OURS, OURS_SIDE_BY_SIDE, THEIRS = ("camctl", "run"), ("camctl", "compare"), ("tests.benchmarks.old_tool",)


def process(rounds: int) -> None:
    """Measure whole processes: `camctl run` and the old tool, with the same picture, config, checkpoint and layer."""
    name = "ResNet-50"
    options = ["--target-layers", MODELS[name][1], "--target-category", str(TARGET), "--method", "GradCAM"]
    with files(name) as inputs:
        works: dict[str, Work] = {
            "camctl run": command(inputs, OURS, options),
            "old tool": command(inputs, THEIRS, options),
        }
        medians = rounds_of(works, rounds)
    say(f"\nWhole processes, {name}, medians of {rounds} rounds")
    for label, seconds in medians.items():
        aim = f"   (aim: {PROCESS_AIM})" if label == "camctl run" else ""
        say(f"  {label:22} {seconds:9.2f} s   {seconds / medians['old tool']:6.2f} x old tool{aim}")


def compare(rounds: int) -> None:
    """Measure six methods x two classes in process: `camctl.compare`, and grad-cam's six classes for two targets."""
    import numpy as np
    import pytorch_grad_cam
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    import camctl

    name = "ResNet-50"
    loaded = camctl.load(str(config_of(name)), random_weights=True)
    pixels = np.random.default_rng(0).integers(0, 255, (224, 224, 3), dtype=np.uint8)
    inputs = loaded.preprocess(pixels)[None]
    place = loaded.module.get_submodule(MODELS[name][1])
    for parameter in loaded.module.parameters():
        parameter.requires_grad_(True)  # grad-cam cannot do without

    def ours() -> object:
        return camctl.compare(loaded, pixels, methods=["seed"], targets=TARGETS)

    def theirs() -> None:
        for target in TARGETS:
            for kind in SIX.values():
                cam = getattr(pytorch_grad_cam, kind)(loaded.module, [place])
                cam(inputs, [ClassifierOutputTarget(target)])
                cam.activations_and_grads.release()
                loaded.module.zero_grad()

    medians = rounds_of({"camctl compare": ours, "grad-cam": theirs}, rounds)
    ratio = medians["grad-cam"] / medians["camctl compare"]
    say(f"\nSix methods x two classes in process, {name}, medians of {rounds} rounds")
    for label, seconds in medians.items():
        say(f"  {label:22} {seconds * 1e3:9.1f} ms")
    say(f"  grad-cam over camctl   {ratio:9.1f}      (aim: {COMPARE_AIM})")


def compare_processes(rounds: int) -> None:
    """Measure six methods x two classes as processes: one `camctl compare`, twelve runs of the old tool, and memory."""
    name = "ResNet-50"
    layer = ["--target-layers", MODELS[name][1]]
    classes = list(map(str, TARGETS))
    with files(name) as inputs:
        once = command(inputs, OURS_SIDE_BY_SIDE, [*layer, "--method", "seed", "--target-category", *classes])
        plain = command(inputs, OURS, [*layer, "--target-category", classes[0]])
        runs = [
            command(inputs, THEIRS, [*layer, "--method", method, "--target-category", target])
            for target in classes
            for method in SIX
        ]
        peaks: dict[str, list[int]] = {"camctl compare": [], "camctl run": []}
        works: dict[str, Work] = {
            "camctl compare": lambda: peaks["camctl compare"].append(once()),
            "camctl run": lambda: peaks["camctl run"].append(plain()),
            "old tool, 12 times": lambda: [run() for run in runs],
        }
        medians = rounds_of(works, rounds)
    say(f"\nSix methods x two classes in whole processes, {name}, medians of {rounds} rounds")
    for label, seconds in medians.items():
        peak = f"   {median(peaks[label]) / 1024:7.0f} MiB at its peak" if label in peaks else ""
        say(f"  {label:22} {seconds:9.2f} s{peak}")
    ratio = medians["old tool, 12 times"] / medians["camctl compare"]
    memory = median(peaks["camctl compare"]) / median(peaks["camctl run"])
    say(f"  old tool over compare  {ratio:9.1f}      (aim: {COMPARE_PROCESS_AIM})")
    say(f"  memory over a run      {memory:9.2f}      (aim: at most {COMPARE_MEMORY_AIM})")


if __name__ == "__main__":
    main()
