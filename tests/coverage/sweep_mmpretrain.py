"""Compare camctl's answers with the expert's table of mmpretrain: `python -m tests.coverage.sweep_mmpretrain`.

Random weights, no flag, one model in memory at a time. Writes `mmpretrain.md` next to this file, unless rows were
chosen by name, and ends with 1 if an answer is not the expert's.
"""

from __future__ import annotations

import argparse
import gc
import sys
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from tests.coverage.mmpretrain_expert import EXPERT, Expected

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from camctl.engine.layout import Layout
    from camctl.pipeline.scene import Scene
    from camctl.plugin import LoadedModel

PAGE = Path(__file__).with_name("mmpretrain.md")
SEED = 0
DRAWS = (0, 1, 2)
EDGE = 480
"""Side of the picture in pixels, unless the network takes pictures at their own size."""
OUTSIDE = """\
## Outside the table

- Published with configs that mmengine 0.10.7 cannot read: `replknet-31B` (four names) and
  `swinv2-*-w12_3rdparty_in21k-192px` (two). The families are in the table by other members.
- LeViT's deploy configs cannot be built by mmpretrain 1.2.0: its head's `switch_to_deploy` takes no argument and is
  given one. With the head as trained, the layer and grid are right; random weights without norms fade to a flat map.
- Backbones without a head, retrievers, self-supervised models and models of pictures and text have no class score:
  each gets one line that says so. SAM and DINOv2 are given a head in the table.
- Random weights now and then make evidence that speaks against the class alone. They are then drawn anew, up to
  three times; the draw is told beside the verdict.
"""
COLUMNS = (
    "backbone",
    "model",
    "chosen by",
    "layer",
    "grid",
    "wide grid",
    "extra tokens",
    "verdict",
    "seconds",
    "expert's layer",
    "why",
)
SHOWN = ("camctl", "python", "torch", "torchvision", "mmpretrain", "mmengine")


@dataclass(frozen=True, kw_only=True)
class Answer:
    """camctl's answer for one model."""

    expected: Expected
    chosen_by: str = ""
    layers: tuple[str, ...] = ()
    grid: tuple[int, int] = (0, 0)
    extra: int = 0
    verdict: str = ""
    seconds: float = 0.0
    seed: int = 0
    """Seed of the random weights."""
    wide: tuple[int, int] | None = None
    """Grid of an input that is wider than high; None if the network takes no such input."""
    wide_right: bool = False
    error: str = ""

    @property
    def layer_right(self) -> bool:
        """Whether the answer is one layer, and one that the expert accepts."""
        return len(self.layers) == 1 and self.layers[0] in self.expected.layers

    @property
    def grid_right(self) -> bool:
        """Whether grid and number of extra tokens are the expert's."""
        return (self.grid, self.extra) == (self.expected.grid, self.expected.extra)

    @property
    def misses(self) -> tuple[str, ...]:
        """Words for everything that is not the expert's; empty if all is."""
        if self.error:
            return (self.error,)
        wrong = {
            f"verdict {self.verdict}": self.verdict != "ok",
            "layer": not self.layer_right,
            "grid": self.grid != self.expected.grid,
            "extra tokens": self.extra != self.expected.extra,
            f"wide grid {self.wide}": not self.wide_right,
        }
        return tuple(word for word, is_wrong in wrong.items() if is_wrong)


def picture(edge: int) -> NDArray[np.uint8]:
    """Draw a scene with an object, a background and confetti."""
    from camctl.demo.scenes import render, scene

    return render(scene(SEED), edge)


def answer_for(expected: Expected) -> Answer:
    """Load the model with random weights and explain the picture, without a flag; an error becomes the answer.

    Evidence against the class alone is a correct verdict on random weights: they are drawn again.
    """
    import camctl
    from camctl.errors import CamctlError, one_line

    pixels = picture(expected.edge or EDGE)
    for seed in DRAWS:
        start = perf_counter()
        try:
            loaded = camctl.load(expected.model, random_weights=True, seed=seed, cfg_options=expected.options)
            cam = camctl.explain(loaded, pixels).maps[0]
            seconds = perf_counter() - start
            if cam.verdict == "negative-only" and seed != DRAWS[-1]:
                continue
            extra, wide = look_closer(loaded, pixels, cam.layers, expected)
        except (CamctlError, RuntimeError) as error:
            return Answer(expected=expected, error=one_line(error), seconds=perf_counter() - start)
        break
    return Answer(
        expected=expected,
        chosen_by=cam.chosen_by,
        layers=cam.layers,
        grid=cam.grid,
        extra=extra,
        verdict=cam.verdict,
        seconds=seconds,
        seed=seed,
        wide=wide,
        wide_right=wide == (None if expected.square else wide_grid(expected, loaded.input_size)),
    )


def wide_grid(expected: Expected, size: tuple[int, int]) -> tuple[int, int]:
    """The expert's grid for the wider input."""
    return expected.grid[0], expected.wider(size[0])[1]


def look_closer(
    loaded: LoadedModel, pixels: NDArray[np.uint8], layers: Sequence[str], expected: Expected
) -> tuple[int, tuple[int, int] | None]:
    """Number of extra tokens at the layer, and the grid of a wider input at its default layer."""
    from torch.nn.functional import interpolate

    from camctl.pipeline.layer_selection import default_layers
    from camctl.pipeline.plan import plan_of
    from camctl.pipeline.scene import scene_of
    from camctl.values.picture import read_picture

    scene = scene_of(plan_of(loaded), read_picture(pixels))
    extra = layout_at(scene, layers[0]).extra_tokens
    height = scene.inputs.shape[-2]
    wide = replace(scene, inputs=interpolate(scene.inputs, (height, expected.wider(height)[0]), mode="bilinear"))
    try:
        wide.plan.forward(wide.inputs)
    except Exception:  # noqa: BLE001 - whatever a network says to an input of another shape
        return extra, None
    return extra, layout_at(wide, default_layers(wide).names[0]).grid


def layout_at(scene: Scene, layer: str) -> Layout:
    """Find the layout of a layer's output with one more forward pass."""
    from camctl.engine.capture import Recorder

    with Recorder(scene.loaded.module, (layer,), scene.plan.hints, gradients=False) as recorder:
        recorder.forward(scene.inputs, scene.plan.forward)
        return recorder.seen[0].layout


def page(answers: Sequence[Answer]) -> str:
    """Write the answers as a page of Markdown."""
    from camctl.registry.versions import versions

    answered = [answer for answer in answers if not answer.error]
    backbones = {answer.expected.backbone for answer in answers}
    wide = [answer for answer in answered if answer.wide]
    missed = [answer for answer in answers if answer.misses]
    known = versions()
    lines = [
        "# mmpretrain: every classifier backbone, no flags",
        "",
        f"Written by `python -m tests.coverage.sweep_mmpretrain` on {datetime.now(UTC):%Y-%m-%d}; "
        + ", ".join(f"{name} {known[name]}" for name in SHOWN if name in known)
        + ".",
        "",
        (
            f"{len(answers)} models of {len(backbones)} backbones, random weights, one picture, GradCAM "
            "(GradCAMElementWise where a class token alone is read). "
            f"Verdict `ok`: {sum(answer.verdict == 'ok' for answer in answered)}. "
            f"The expert's layer: {sum(answer.layer_right for answer in answered)}. "
            f"The expert's grid and extra tokens: {sum(answer.grid_right for answer in answered)}. "
            f"{len(wide)} take an input that is wider than high, "
            f"{sum(answer.wide_right for answer in wide)} of them on the expert's grid. "
            f"Seconds for loading and explaining, one thread: {sum(answer.seconds for answer in answers):.0f} in all."
        ),
        "",
        (
            "The expert's answers were written down from the forward passes, in "
            "[mmpretrain_expert.py](mmpretrain_expert.py); where several layers would do, the first is shown."
        ),
        "",
        f"| {' | '.join(COLUMNS)} |",
        "|---" * len(COLUMNS) + "|",
        *map(_line, answers),
        "",
        "## Misses",
        "",
        *([f"- {answer.expected.name}: {', '.join(answer.misses)}" for answer in missed] or ["None."]),
        "",
        OUTSIDE,
    ]
    return "\n".join(lines)


def _line(answer: Answer) -> str:
    expected = answer.expected
    layer = ", ".join(f"`{name}`" for name in answer.layers) or answer.error
    same = answer.layers == expected.layers[:1]
    cells = (
        expected.backbone,
        expected.name,
        answer.chosen_by,
        layer,
        "x".join(map(str, answer.grid)),
        "x".join(map(str, answer.wide)) if answer.wide else "square only",
        str(answer.extra),
        f"{answer.verdict} (draw {answer.seed + 1})" if answer.seed else answer.verdict,
        f"{answer.seconds:.1f}",
        "the same" if same else f"`{expected.layers[0]}`",
        expected.why,
    )
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"


def sweep(rows: Iterable[Expected]) -> list[Answer]:
    """Get the answers row by row, and report each on stderr."""
    answers = []
    for expected in rows:
        answer = answer_for(expected)
        answers.append(answer)
        layers = ", ".join(answer.layers)
        miss = f"  MISS: {', '.join(answer.misses)}; expected {expected.layers[0]}" if answer.misses else ""
        print(  # noqa: T201 - a command's progress
            f"{expected.name}: {layers} {answer.grid} +{answer.extra} {answer.seconds:.1f} s{miss}",
            file=sys.stderr,
            flush=True,
        )
        gc.collect()
    return answers


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("words", nargs="*", help="only rows whose backbone or model contains one of these words")
    words = [word.casefold() for word in parser.parse_args().words]
    rows = [
        row for row in EXPERT if not words or any(word in f"{row.backbone} {row.name}".casefold() for word in words)
    ]
    answers = sweep(rows)
    if not words:
        PAGE.write_text(page(answers), encoding="utf-8")
    return int(any(answer.misses for answer in answers) or not answers)


if __name__ == "__main__":
    sys.exit(main())
