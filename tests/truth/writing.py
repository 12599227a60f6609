"""Write TRUTH.md from the measured rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from camctl.registry.versions import versions
from tests.truth.games import SURE, Row
from tests.truth.measuring import DEFAULT
from tests.truth.nets import NETS
from tests.truth.photographs import PHOTOGRAPHS
from tests.truth.tables import by_rule, of_metrics, of_sanity, of_verdicts

HERE = Path(__file__).parent
TRUTH = HERE / "TRUTH.md"
GAMES = {"grid": "Grid", "boxes": "Boxes", "slow": "Boxes, methods that run the network many times"}

INTRO = """# Maps of real networks on real photographs

Written on {date} with camctl {camctl}, torch {torch}, by a program and not by hand; measure it again with
`uv run --group truth python -m tests.truth` (hours on two cores; `--fast` and `--help` make it shorter).

Each cell: how often the map's peak lies right / the share of the map's light that does, each with a 95 % bootstrap
interval in brackets (percentiles, whole photographs, mosaics or scenes drawn with replacement). A map that is not
drawn, or whose verdict makes it empty, counts as pointing nowhere; where that is so of every question, the verdict
stands in the cell, or that the method refuses the layer. `default` is what camctl does where no layer is
named.

- **Grid**: four windows of four photographs and four classes, each named rightly by the network alone with
  p > {sure}, become one picture of twice the side, and the network is asked for each class (Rao et al., 2022,
  arXiv:2205.10435). The paper asks for p > .99; of so few photographs too few windows reach that, so windows and
  mirror images of one photograph enter several mosaics. A map that does not see the class gets .25.
- **Boxes**: objects in windows of photographs, of a class among the network's first five, in boxes read off by eye
  that cover less than 60 % of the window. Demo networks: both objects of drawn scenes.
- The photographs lie in the wheels of scikit-image, scikit-learn and matplotlib: {photographs}.
"""


def write(rows: Sequence[Row]) -> None:
    """Write TRUTH.md."""
    about = versions()
    photographs = ", ".join(f"{photograph.name} ({photograph.licence})" for photograph in PHOTOGRAPHS)
    text = INTRO.format(
        date=datetime.now(UTC).date(),
        camctl=about.get("camctl", "?"),
        torch=about.get("torch", "?"),
        sure=SURE,
        photographs=photographs,
    )
    parts = [text, *_at_default(rows)]
    for net in NETS:
        own = [row for row in rows if row.net == net.name]
        if own:
            parts += _of_net(net.name, own, demo=net.demo)
    verdicts = [row for row in rows if row.game == "verdicts"]
    if verdicts:
        parts += [VERDICTS, *of_verdicts(sorted(verdicts, key=lambda row: row.rule != "sound"))]
    TRUTH.write_text("\n".join(parts) + "\n")


SANITY = """
### Sanity (Adebayo et al., 2018, arXiv:1810.03292)

Median rank correlation of a map with the whole network's, while weights are drawn anew from the head down; `another
picture` is what any two maps of the method have in common. What a method is marked with stands in the last column.
"""

VERDICTS = """
## Verdicts

Sound: maps of the gradient methods at a layer that measures well, with their peak in the box; a verdict other than
`ok` is a false alarm. Inverted: GradCAM and HiResCAM with their sign turned. Early layer: the first block's norm, whose
maps show edges and padding. Before the activation: XGradCAM and FEM where activations have both signs. Of maps made
wrong those are counted whose peak misses the box; `ok` is a miss.
"""


def _at_default(rows: Sequence[Row]) -> list[str]:
    """Every network side by side, at the layer that camctl takes."""
    parts = ["\n## Every network at its default layer"]
    drawing = {row.method for row in rows if row.share is not None}
    for game, title in GAMES.items():
        some = [replace(row, rule=row.net) for row in rows if row.game == game and row.rule == DEFAULT]
        if some:
            parts += [f"\n### {title}\n", *by_rule(some, drawing)]
    return parts


def _of_net(name: str, rows: Sequence[Row], *, demo: bool) -> list[str]:
    parts = [f"\n## {name}"]
    drawing = {row.method for row in rows if row.share is not None}
    for game, title in GAMES.items():
        some = [row for row in rows if row.game == game]
        if some:
            groups = len({row.group for row in some})
            groups_of = "mosaics" if game == "grid" else "scenes" if demo else "photographs"
            questions = sum((row.method, row.rule) == (some[0].method, some[0].rule) for row in some)
            parts += [f"\n### {title}: {groups} {groups_of}, {questions} questions\n", *by_rule(some, drawing)]
    measured = [row for row in rows if row.game == "metrics"]
    if measured:
        parts += ["\n### Average drop (lower is better) and ADCC (higher is better), at the default\n"]
        parts += of_metrics(measured)
    redrawn = [row for row in rows if row.game == "sanity"]
    if redrawn:
        parts += [SANITY, *of_sanity(redrawn)]
    return parts
