"""Whole processes: seconds and peak memory of commands, as a user starts them."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median

from tests.benchmarks.turns import Table, Work, in_turns

CONFIG = "resnet/resnet50_8xb32_in1k.py"
LAYER = "backbone.layer4.2.bn3"
CLASSES = ("281", "238")
SIX = ("GradCAM", "GradCAM++", "XGradCAM", "EigenCAM", "EigenGradCAM", "LayerCAM")

LEAST = """
import sys, torch
from torchvision.models import resnet50
model = resnet50(weights=None)
model.load_state_dict(torch.load(sys.argv[1], weights_only=True))
with torch.inference_mode():
    model.eval()(torch.zeros(1, 3, 224, 224))
"""
"""The least that a process can do: import torch, read a checkpoint, run one pass."""


@contextmanager
def files() -> Iterator[Path]:
    """Write a picture, mmpretrain's config and a checkpoint, and torchvision's with a net's file; yields the folder."""
    from importlib.util import find_spec

    import torch
    import torchvision
    from mmpretrain import get_model
    from PIL import Image

    from camctl.demo.scenes import render, scene

    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        spec = find_spec("mmpretrain")
        assert spec is not None
        assert spec.origin is not None
        config = Path(spec.origin).parent / ".mim" / "configs" / CONFIG
        (folder / "config").write_text(str(config), encoding="utf-8")
        torch.save({"state_dict": get_model(str(config), pretrained=False).state_dict(), "meta": {}}, folder / "mm.pth")
        torch.save(torchvision.models.resnet50(weights=None).state_dict(), folder / "tv.pth")
        Image.fromarray(render(scene(11), 640)).save(folder / "picture.png")
        yield folder


Command = tuple["Work", list[int]]
"""A work that runs a command once, and the list that gets its peaks of memory in KiB."""

OLD_TOOL = ("-m", "tests.benchmarks.old_tool")


def command(folder: Path, *words: str, makes: str = "") -> Command:
    """Return a command that runs Python with these words in the folder, and makes a file there."""
    peaks: list[int] = []
    # Bytecode is cached, as in an installation.
    environment = os.environ | {"PYTHONPATH": str(Path.cwd()), "PYTHONPYCACHEPREFIX": str(folder / "bytecode")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)

    def work() -> None:
        with tempfile.TemporaryFile() as output:
            started = [sys.executable, "-W", "ignore", *words]
            child = subprocess.Popen(started, stdout=output, stderr=output, cwd=folder, env=environment)
            _, status, usage = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
            if child.returncode or (makes and not (folder / makes).exists()):
                output.seek(0)
                raise SystemExit(f"{words} failed:\n{output.read()[-2000:].decode()}")
        peaks.append(int(usage.ru_maxrss))
        if makes:
            (folder / makes).unlink()

    return work, peaks


def process(rounds: int) -> Iterator[tuple[Table, dict[str, float]]]:
    """Time whole processes; yields a table and the median peak memory in MiB of each command."""
    with files() as folder:

        def made(*words: str) -> Command:
            return command(folder, *words, "--save-path", "made.png", makes="made.png")

        ours = ("-m", "camctl", "run", "picture.png")
        mmpretrain = (
            "picture.png",
            (folder / "config").read_text(encoding="utf-8"),
            "mm.pth",
            "--target-layers",
            LAYER,
        )
        least = "the least: torch, checkpoint, one pass"
        commands = {
            least: command(folder, "-c", LEAST, "tv.pth"),
            "camctl run torchvision:resnet50": made(*ours, "torchvision:resnet50", "tv.pth"),
            "camctl run, mmpretrain's config": made("-m", "camctl", "run", *mmpretrain),
            "old tool": made(*OLD_TOOL, *mmpretrain),
        }
        yield _timed("ResNet-50, one picture", least, commands, rounds, {"camctl run torchvision:resnet50": 1.5})
        commands = {
            "python -c pass": command(folder, "-c", "pass"),
            "camctl --help": command(folder, "-m", "camctl", "--help"),
            "camctl methods": command(folder, "-m", "camctl", "methods"),
        }
        table, peaks = _timed("Start-up", "python -c pass", commands, 3 * rounds)
        limit = 0.15 / table.times["python -c pass"].median
        yield replace(table, bars={"camctl --help": limit, "camctl methods": limit}), peaks
        asked = [("--method", method, "--target-category", target) for target in CLASSES for method in SIX]
        runs = [made(*OLD_TOOL, *mmpretrain, *words) for words in asked]
        compared = ("--method", "seed", "--target-category", *CLASSES)
        commands = {
            "camctl compare": made("-m", "camctl", "compare", *mmpretrain, *compared),
            "old tool, twelve times": ((lambda: [work() for work, _ in runs]), runs[0][1]),
        }
        yield _timed("Six methods, two classes of ResNet-50", "camctl compare", commands, 1)


def _timed(
    title: str, unit: str, commands: dict[str, Command], rounds: int, bars: dict[str, float] | None = None
) -> tuple[Table, dict[str, float]]:
    works = {name: work for name, (work, _) in commands.items()}
    table = Table(title, unit, in_turns(works, rounds, warm=1 if rounds > 1 else 0), bars or {})
    # A child's peak is never below what this process held when it was started.
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return table, {name: median(peaks) / 1024 for name, (_, peaks) in commands.items() if median(peaks) > own}
