"""Time works in turns, round after round, so that a busy machine slows all alike; tables of medians and ratios."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter
from typing import Any

Work = Callable[[], object]

NOISY = 0.25
"""Spread between the quartiles of the unit, as a share of its median, above which the machine was busy."""


@dataclass(frozen=True)
class Timed:
    """Seconds of a work, one a round."""

    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle one."""
        return median(self.seconds)

    @property
    def quartiles(self) -> tuple[float, float]:
        """Quarter of the rounds that were faster, and that were slower."""
        if len(self.seconds) < 2:
            return self.median, self.median
        low, _, high = quantiles(self.seconds, n=4, method="inclusive")
        return low, high


@dataclass(frozen=True)
class Table:
    """Works of one model timed in one run, and the one that is their unit."""

    title: str
    unit: str
    times: Mapping[str, Timed]
    bars: Mapping[str, float] = field(default_factory=dict)
    """Largest ratio to the unit that a work should reach."""

    def ratio(self, name: str) -> float:
        """Return a work's median over the unit's."""
        return self.times[name].median / self.times[self.unit].median

    @property
    def noisy(self) -> bool:
        """Whether the machine was busy: the unit's own time spread widely."""
        low, high = self.times[self.unit].quartiles
        return high - low > NOISY * self.times[self.unit].median

    def markdown(self) -> str:
        """Return the table, its unit in milliseconds first."""
        unit = self.times[self.unit]
        lines = [f"| {self.title} | {self.unit} = {unit.median * 1e3:.1f} ms | quartiles | bar |", "|---|---|---|---|"]
        for name, timed in self.times.items():
            low, high = (part / unit.median for part in timed.quartiles)
            bar = f"{self.bars[name]:.3g}" if name in self.bars else ""
            lines.append(f"| {name} | {self.ratio(name):.2f} | {low:.2f} to {high:.2f} | {bar} |")
        if self.noisy:
            lines.append("\nThe machine was busy: the unit's quartiles lie far apart.")
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """Return everything that was measured."""
        times = {
            name: {"seconds": list(timed.seconds), "ratio": self.ratio(name)} for name, timed in self.times.items()
        }
        return {"title": self.title, "unit": self.unit, "noisy": self.noisy, "bars": dict(self.bars), "times": times}


def in_turns(works: Mapping[str, Work], rounds: int, *, warm: int = 1, device: str = "cpu") -> dict[str, Timed]:
    """Time works in turns after `warm` rounds; on CUDA a work ends when the device has done it."""
    wait = _waiting(device)
    seconds: dict[str, list[float]] = {name: [] for name in works}
    for number in range(rounds + warm):
        for name, work in works.items():
            wait()
            start = perf_counter()
            work()
            wait()
            if number >= warm:
                seconds[name].append(perf_counter() - start)
    return {name: Timed(tuple(values)) for name, values in seconds.items()}


def _waiting(device: str) -> Work:
    if not device.startswith("cuda"):
        return lambda: None
    import torch

    return torch.cuda.synchronize


def machine(device: str = "cpu") -> str:
    """Return in a line what the times depend on."""
    import torch

    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine())
    gpu = f", {torch.cuda.get_device_name()}" if device.startswith("cuda") else ""
    return (
        f"{model}, {os.cpu_count()} cores, {torch.get_num_threads()} threads{gpu}, torch {torch.__version__}, "
        f"Python {platform.python_version()}, load {load:.1f} before the start"
    )
