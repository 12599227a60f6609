"""What every metric says of every method on the demo's networks: `python -m tests.metrics.demo_table [--scenes N]`.

Both objects of each scene are asked for, each with its own box; means over them are printed as a table a network. The
scenes are those of `camctl demo`'s game, which no network was trained or tuned on.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from math import isnan
from statistics import fmean

import camctl
from camctl.demo.game import FIRST_SEED, METHODS
from camctl.demo.scenes import render, scene
from camctl.demo.tour import FAMILIES, one_thread


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenes", type=int, default=25, help="scenes a network is asked about (default 25)")
    scenes = parser.parse_args().scenes
    with one_thread():
        for name, title in FAMILIES.items():
            table(name, title, scenes)


def table(name: str, title: str, scenes: int) -> None:
    """One network: a row a method, a column a metric."""
    model = camctl.load(f"demo:{name}")
    side = model.input_size[0]
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for number in range(scenes):
        one = scene(FIRST_SEED + number, 2)
        boxes = {each.label: tuple(edge * side for edge in each.box) for each in one.objects}
        asked = camctl.compare(
            model,
            render(one, side),
            methods=METHODS,
            targets=list(boxes),
            evaluation=camctl.Evaluation(metrics=["all"], boxes=boxes, baselines=True),
        )
        for cell in asked.cells:
            for metric, figure in cell.figures.items():
                if not isnan(figure):
                    found[asked.label("method", cell.at)][metric].append(figure)
    metrics = [one.name for one in asked.metrics]
    say(f"\n{title}, {scenes} scenes, {2 * scenes} questions")
    say("| method | " + " | ".join(metrics) + " |")
    say("|---|" + "---|" * len(metrics))
    for method, figures in found.items():
        say(f"| {method} | " + " | ".join(f"{fmean(figures[metric]):.2f}" for metric in metrics) + " |")


def say(text: str) -> None:
    """Print; this is a script."""
    print(text, flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
