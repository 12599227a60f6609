"""Sweep open_clip's kinds of networks and write COVERAGE.md beside the package.

python tests/coverage.py [NAME ...]: names limit the sweep, and then only print. Ends with 1 where a map is not `ok`
or the layers are not the expert's.
"""

from __future__ import annotations

import datetime as dt
import platform
import sys
from importlib.metadata import version
from pathlib import Path
from time import perf_counter

import numpy as np

import camctl
from camctl.demo.scenes import render, scene

TARGET = Path(__file__).resolve().parent.parent / "COVERAGE.md"

HEAD = """# Coverage: open_clip

open_clip's kinds of networks, by name with random weights (seed 0) and three texts, explained by `camctl.explain`
without a flag (best text; GradCAM, or GradCAMElementWise where a class token alone is read). Seconds are those of
`explain` alone, on one CPU thread. "Expert" is the layer that someone who knows the architecture names: the norm that
feeds the last attention where a class token alone is read, else what the pooling reads. Networks whose texts are read
by a model of the hub need its tokenizer, and are not in this table. Written by `python tests/coverage.py`.

{date}, camctl {camctl}, open_clip {openclip}, torch {torch}, Python {python}: {ok} of {all} verdicts `ok`,
{agree} of {all} layers the expert's.

| network | layer | chosen by | grid | verdict | expert | seconds |
|---|---|---|---|---|---|---|
"""

TEXTS = ("a photo of a cat", "a photo of a car", "a drawing of a house")
NETWORKS = {
    "ViT-S-32": "visual.transformer.resblocks.11.ln_1",
    "ViT-S-16": "visual.transformer.resblocks.11.ln_1",
    "ViT-B-32": "visual.transformer.resblocks.11.ln_1",
    "ViT-B-32-quickgelu": "visual.transformer.resblocks.11.ln_1",
    "ViT-B-16": "visual.transformer.resblocks.11.ln_1",
    "ViT-B-16-plus-240": "visual.transformer.resblocks.11.ln_1",
    "RN50": "visual.layer4.2.act3",
    "RN101": "visual.layer4.2.act3",
    "RN50x4": "visual.layer4.5.act3",
    "convnext_tiny": "visual.trunk.stages.3.blocks.2",
    "convnext_base": "visual.trunk.stages.3.blocks.2",
    "swin_base_patch4_window7_224": "visual.trunk.norm",
    "vit_medium_patch16_gap_256": "visual.trunk.norm",
    "coca_ViT-B-32": "visual.transformer.resblocks.11",
}


def explained(name: str) -> tuple[str, tuple[bool, bool]]:
    """A row of the table; whether the map is `ok`, and of the expert's layer."""
    loaded = camctl.load(f"openclip:{name}", random_weights=True, labels=TEXTS)
    pixels = np.asarray(render(scene(11, 2), 256))
    start = perf_counter()
    cam = camctl.explain(loaded, pixels).maps[0]
    seconds = perf_counter() - start
    (layer,), expected = cam.layers, NETWORKS[name]
    same = "same" if layer == expected else f"`{expected}`"
    verdict = cam.verdict if cam.verdict == "ok" else f"**{cam.verdict}**"
    row = (
        f"| {name} | `{layer}` | {cam.chosen_by} | {cam.grid[0]} x {cam.grid[1]} | {verdict} | {same} | {seconds:.1f} |"
    )
    return row, (cam.verdict == "ok", same == "same")


def main(names: list[str]) -> int:
    """Sweep; 0 where all is well."""
    rows = []
    for name in names or NETWORKS:
        rows.append(explained(name))
        print(rows[-1][0], flush=True)  # noqa: T201 - a command
    sound, agree = ([found[place] for _, found in rows] for place in (0, 1))
    head = HEAD.format(
        date=dt.datetime.now(tz=dt.UTC).date(),
        camctl=version("camctl"),
        openclip=version("open-clip-torch"),
        torch=version("torch").partition("+")[0],
        python=platform.python_version(),
        ok=sum(sound),
        agree=sum(agree),
        all=len(rows),
    )
    if not names:
        TARGET.write_text(head + "\n".join(row for row, _ in rows) + "\n", encoding="utf-8")
    return int(not all((*sound, *agree)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
