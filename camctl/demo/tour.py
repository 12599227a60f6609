"""`camctl demo`: four kinds of network on drawn scenes, and a game that measures where they looked."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from camctl.demo import photographs
from camctl.demo.game import BASELINES, METHODS, Scores, maps, play
from camctl.demo.scenes import render, scene
from camctl.files.atomic import write_atomically
from camctl.files.mark import MARK, check_replaceable
from camctl.files.pictures import save_picture
from camctl.pipeline.compare import compare
from camctl.pipeline.explain import explain
from camctl.pipeline.load import load
from camctl.render.figure.sheet import Tile, sheet_page
from camctl.render.page.raster import paint
from camctl.render.report.assets import template, text_of
from camctl.render.report.report import FOLDER, STYLES
from camctl.render.report.words import breakable
from camctl.sources.imagenet import INSTALL, NAMES, installed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from camctl.plugin import LoadedModel

FAMILIES = {"resnet": "ResNet", "vit": "ViT", "swin": "Swin", "t2t": "T2T-ViT"}
"""Name of the embedded model -> name of its family."""

DRAWN_BY = {"resnet": "GradCAM", "vit": "LayerCAM", "swin": "GradCAM", "t2t": "GradCAM"}
"""Family -> method of its pictures: among its best at the game, and the one with most energy on the object."""

SHOWN = {
    6_700_024: ("cat", "dog"),
    6_702_026: ("car", "flower"),
    6_701_022: ("mushroom", "house"),
    6_703_008: ("fish", "sailboat"),
}
"""Seeds and classes of the scenes that are drawn, chosen among those where every family points at both objects."""

PHOTOGRAPH, EXPLAINED = "photograph.png", "photograph_cam.png"
"""Files of a photograph and of the overlay on it."""

SHEET, REPORT = "sheet.png", "report.html"
"""Files of all scenes, and of the first one's report."""

LOOKED_AT = ("GradCAM", "LayerCAM", "HiResCAM")
"""Methods of the report."""

SIZE = 448
"""Side of the drawn scenes in pixels; the models see them at 112."""


@dataclass(frozen=True, kw_only=True)
class Tour:
    """Files and scores of the demo."""

    index: Path
    sheet: Path
    scores: Scores
    photograph: Path | None
    """A copy of the photograph that was explained, if there is one here and a network that knows photographs."""

    def to_dict(self) -> dict[str, Any]:
        """Return the demo as `camctl demo --json` prints it."""
        return {
            "index": str(self.index),
            "sheet": str(self.sheet),
            "photograph": str(self.photograph) if self.photograph else None,
            "questions": self.scores.questions,
            "chance": round(self.scores.chance, 4),
            "scores": [
                {"model": f"demo:{model}", "method": method, "won": round(share, 4)}
                for model, won in self.scores.won.items()
                for method, share in won.items()
            ],
        }


def tour(output: Path, *, scenes: int = 150, progress: Callable[[str, int, int], None] | None = None) -> Tour:
    """Draw a few scenes, play the pointing game on `scenes` others, and write the results into the folder `output`.

    `progress` is called as `progress(text, done, total)`. Raises `InputError` if the folder cannot be written.
    """
    total, done = len(FAMILIES) * (scenes + len(SHOWN)), 0

    def step(text: str) -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(text, done, total)

    with one_thread():
        return _tour(output, scenes, step)


@contextmanager
def one_thread() -> Iterator[None]:
    """Use one thread: nets this small lose more by distributing work than they gain, even more on a busy machine."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _tour(output: Path, scenes: int, step: Callable[[str], None]) -> Tour:
    check_replaceable(output / name for name in _names())
    models = {family: load(f"demo:{family}") for family in FAMILIES}
    picture = output / SHEET
    save_picture(draw(models, output, step=lambda family: step(f"Pictures: {FAMILIES[family]}")), picture)
    seed = next(iter(SHOWN))
    looked = render(scene(seed, classes=SHOWN[seed]), SIZE)
    compare(list(models.values()), looked, methods=LOOKED_AT, targets=SHOWN[seed]).save(output / REPORT)
    scores = play(models, scenes, step=lambda family: step(f"Pointing game: {FAMILIES[family]}"))
    table = {
        "made_by": MARK,
        "questions": scores.questions,
        "chance": scores.chance,
        "won": scores.won,
        "inside": scores.inside,
    }
    write_atomically(output / "scores.json", (json.dumps(table, indent=2) + "\n").encode())
    index = output / "index.html"
    photograph = _photograph(output)
    write_atomically(index, _page(scores, photograph).encode())
    return Tour(index=index, sheet=picture, scores=scores, photograph=output / PHOTOGRAPH if photograph else None)


def _photograph(output: Path) -> dict[str, Any] | None:
    """Explain a photograph, and return what the page says of it; None if a network or a photograph is missing."""
    source, network = photographs.picture(), photographs.NETWORKS[0]
    if source is None:
        return None
    (cam,) = explain(load(network), source).maps
    save_picture(cam.picture.pixels, output / PHOTOGRAPH)
    save_picture(cam.overlay(canvas="original"), output / EXPLAINED)
    words = {"network": network, "label": cam.target.label, "score": cam.target.score, "method": cam.method}
    return words | {"picture": PHOTOGRAPH, "overlay": EXPLAINED}


def _names() -> Iterator[str]:
    """Yield the name of every file that is written."""
    yield from ("index.html", "scores.json", SHEET, REPORT, PHOTOGRAPH, EXPLAINED)
    for number, labels in enumerate(SHOWN.values(), 1):
        yield f"scene{number}.png"
        yield from (f"scene{number}_{family}_{label}.png" for family in FAMILIES for label in labels)


def draw(
    models: Mapping[str, LoadedModel],
    output: Path | None = None,
    *,
    seeds: Sequence[int] = tuple(SHOWN),
    tile: int = 224,
    step: Callable[[str], None] = lambda _family: None,
) -> NDArray[np.uint8]:
    """Draw every family's overlays of both objects of the scenes `seeds` on one sheet of pictures of `tile` pixels.

    Each overlay is also saved into the folder `output`, if given; `step(family)` is called after each scene.
    """
    rows = []
    for number, seed in enumerate(seeds, 1):
        drawn = scene(seed, classes=SHOWN[seed])
        pixels = render(drawn, SIZE)
        if output is not None:
            save_picture(pixels, output / f"scene{number}.png")
        row = [Tile(pixels)]
        for family, model in models.items():
            for cam in maps(model, drawn, pixels, (DRAWN_BY[family],)).maps:
                overlay = cam.overlay(canvas="original")
                if output is not None:
                    save_picture(overlay, output / f"scene{number}_{family}_{cam.target.label}.png")
                row.append(Tile(overlay, caption=f"{cam.target.label}, {cam.target.score:.0%}"))
            step(family)
        rows.append(row)
    headings = ["the scene", *(f"{FAMILIES[family]}, {DRAWN_BY[family]}" for family in models for _ in drawn.objects)]
    return paint(sheet_page(rows, columns=headings, tile=tile))


def _page(scores: Scores, photograph: dict[str, Any] | None) -> str:
    """Return the index page: photograph, scenes, and the score of every method and family, and of chance."""
    page: str = template("camctl.demo", "page.html.j2", (breakable,)).render(
        made_by=MARK,
        style=text_of(FOLDER, STYLES) + text_of("camctl.demo", ("demo.css",)),
        photograph=photograph,
        scenes=SHOWN.values(),
        families=FAMILIES,
        drawn_by=DRAWN_BY,
        sheet=SHEET,
        report=REPORT,
        names=[FAMILIES[family] for family in scores.won],
        methods=(*METHODS, *BASELINES),
        baselines=BASELINES,
        scores=scores,
        install="" if installed(NAMES[0]) else INSTALL,
        network=photographs.NETWORKS[0],
    )
    return page
