"""Maps of a class in contrast with another: `python -m tests.metrics.versus_table [--scenes N]`.

The demo's pointing game. Each question is asked twice: of the class alone, and in contrast with the other object's.
"""

from __future__ import annotations

import argparse
from collections import Counter
from itertools import product

import camctl
from camctl.demo.game import FIRST_SEED, METHODS
from camctl.demo.scenes import render, scene
from camctl.demo.tour import FAMILIES, one_thread
from tests.metrics.demo_table import say

METHODS_OF_A_CLASS = tuple(method for method in METHODS if method != "EigenCAM")


def table(scenes: int) -> dict[str, Counter[tuple[str, bool, str]]]:
    """Family -> (method, whether in contrast, metric) -> sum over the questions."""
    found = {}
    for family in FAMILIES:
        model = camctl.load(f"demo:{family}")
        sums: Counter[tuple[str, bool, str]] = Counter()
        for number in range(scenes):
            one = scene(FIRST_SEED + number, 2)
            pixels = render(one, model.input_size[0])
            side = pixels.shape[0]
            names = [each.label for each in one.objects]
            asked = camctl.compare(
                model,
                pixels,
                targets=camctl.Classes(names=names, versus=names),
                methods=[f"camctl[{method}]" for method in METHODS_OF_A_CLASS],
                evaluation=camctl.Evaluation(
                    metrics=("camctl[pointing]", "camctl[energy]"),
                    boxes={each.label: tuple(end * side for end in each.box) for each in one.objects},
                ),
            )
            for cell in asked.cells:
                for metric in ("pointing", "energy"):
                    key = (asked.label("method", cell.at), bool(cell.cam and cell.cam.target.versus), metric)
                    sums[key] += cell.figures.get(metric, 0)
        found[family] = sums
    return found


def main() -> None:
    """Print a row a method: pointing and, in brackets, energy inside the box; alone -> in contrast."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenes", type=int, default=100, help="scenes a network is asked about (default 100)")
    scenes = parser.parse_args().scenes
    with one_thread():
        found = table(scenes)
    say(f"{2 * scenes} questions each: pointing (energy inside), alone -> in contrast with the other object")
    say("| | " + " | ".join(FAMILIES.values()) + " |\n|---|" + "---|" * len(FAMILIES))
    for method in METHODS_OF_A_CLASS:
        cells = []
        for sums in found.values():
            means = {key: sums[method, *key] / (2 * scenes) for key in product((False, True), ("pointing", "energy"))}
            plain, contrast = (f"{means[kind, 'pointing']:.2f} ({means[kind, 'energy']:.2f})" for kind in (False, True))
            cells.append(f"{plain} -> {contrast}")
        say(f"| {method} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
