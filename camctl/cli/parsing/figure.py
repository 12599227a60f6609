"""Options of a figure: what stands where, and how it is drawn."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from camctl.cli.output.saving import command_line
from camctl.cli.parsing.cutting import CutOptions
from camctl.cli.parsing.groups import option, switch
from camctl.cli.parsing.heatmap import HeatmapOptions
from camctl.cli.parsing.texts import parse_names
from camctl.errors import Hint, InputError, UnknownNameError
from camctl.values.axis import AXES
from camctl.values.look import DEFAULT_DPI, LARGEST_DPI, LARGEST_TILE, SMALLEST_DPI, SMALLEST_TILE, Look

if TYPE_CHECKING:
    from camctl.values.axis import AxisName
    from camctl.values.request import Evaluation

PAPER = "Figure for a paper"

SYNONYMS: "dict[str, AxisName]" = {
    "classes": "class", "picture": "image", "target layer": "layer", "target": "class", "smooth": "smoothing",
}  # fmt: skip
"""What else an axis may be called; each also in the plural."""

IN_FIGURE = ("adcc", "insertion", "deletion")
"""Metrics whose values stand under each map if all are measured: more would crowd it."""


@dataclass(frozen=True, kw_only=True)
class FigureOptions(HeatmapOptions):
    """How the figure is drawn.

    rows: What varies down the rows: image, model, layer, class, smoothing, method; outermost first.
    columns: What varies across the columns, methods by default; or their number side by side: the others follow below.
    scale: Stretch each map over all colours, or share one scale over the classes and pictures of a method.
    theme: Colours and letters of the figure. paper: black on white, no grey and no margin. slides: larger letters. (The
        HTML report can switch between light and dark.)
    title: A title above the figure.
    font: Font of the figure, by its family if it is installed, such as 'Times New Roman', or by its file; DejaVu Sans
        sets what it lacks. Its letters are embedded in PDF and SVG.
    width: Width in print, as 3.5in, 88mm or 1000px; maps and letters are sized for it. A PDF is at most 7in wide
        without it.
    name: Other words for a method, model, class, layer or picture: a class by any word of its label.
    letters: Give each map a letter, as panels in a paper have: a, b, c.
    no_scores: Leave out the probabilities of the classes.
    no_metadata: Leave the command and the versions out of the file.
    canvas: Draw on what the model saw, or on the whole picture with the unseen margin dimmed.
    """

    rows: list[str] | None = option("AXIS...")
    columns: list[str] | None = option("AXIS...|N")
    scale: Literal["each", "shared"] = option(None, "each")
    theme: Literal["light", "dark", "paper", "slides"] = option(None, "light")
    tile: int = option("PIXELS", 224, help="Side of a map in the figure.", min=SMALLEST_TILE, max=LARGEST_TILE)
    canvas: Literal["view", "original"] | None = option(None, shown="original if the models see different parts")
    title: str = option("TEXT", "", show_default=False, rich_help_panel=PAPER)
    font: str = option("NAME|FILE", "", show_default=False, rich_help_panel=PAPER)
    width: str = option("LENGTH", "", show_default=False, rich_help_panel=PAPER)
    dpi: int = option(
        "NUMBER",
        DEFAULT_DPI,
        help="Pixels per inch, with --width.",
        min=SMALLEST_DPI,
        max=LARGEST_DPI,
        rich_help_panel=PAPER,
    )
    name: list[str] | None = option("OLD=NEW...", rich_help_panel=PAPER)
    letters: bool = switch(rich_help_panel=PAPER)
    no_scores: bool = switch(rich_help_panel=PAPER)
    no_metadata: bool = switch(rich_help_panel=PAPER)
    parts: CutOptions

    def __post_init__(self) -> None:
        """Raise `InputError` for what cannot be drawn."""
        super().__post_init__()
        _ = Look(width=self.width, dpi=self.dpi)
        if self.font:
            from camctl.render.text.font_files import font_files

            font_files(self.font)

    def look(self, evaluation: "Evaluation") -> dict[str, Any]:
        """Return how the figure looks: the fields of `Look`. Raises `InputError` for axes and metrics."""
        from camctl.pipeline.method_selection import pick_metrics
        from camctl.render.layout.arrangement import check_axes

        wrap, across = _number_in(self.columns or ())
        rows, columns = axes_of("--rows", self.rows), axes_of("--columns", across)
        check_axes(columns, rows)
        region = bool(evaluation.boxes or evaluation.masks)
        metrics = pick_metrics(evaluation.metrics, evaluation.options, region=region)
        names = IN_FIGURE if evaluation.metrics == ("all",) else tuple(metric.found.name for metric in metrics)
        words = {"rows": rows, "columns": columns, "wrap": wrap, "metrics": names, "name": parse_names(self.name)}
        words |= {"cut": self.parts.cut(), "command": command_line()}
        return {name: value for name, value in self.heat().items() if name != "parts"} | words


def _number_in(words: Sequence[str]) -> tuple[int, list[str]]:
    """Return the number of columns among the words of `--columns`, 0 without one, and the other words."""
    words = [word.strip() for text in words for word in text.split(",")]
    numbers = [word for word in words if re.fullmatch(r"-?\d{1,6}", word)]
    if len(numbers) > 1 or any(int(number) < 1 for number in numbers):
        message = f"'{' '.join(numbers)}' is no number of columns."
        raise InputError(message, hint=Hint("Give one number, 1 or more", columns=3))
    return int(numbers[0]) if numbers else 0, [word for word in words if word not in numbers]


def axes_of(flag: str, texts: Sequence[str] | None) -> "tuple[AxisName, ...]":
    """Return axes, each in one of its many spellings. Raises `UnknownNameError`."""
    names: dict[str, AxisName] = {axis: axis for axis in AXES} | SYNONYMS
    names |= {f"{name}s": axis for name, axis in names.items()}
    axes = []
    for word in ",".join(texts).split(",") if texts else ():
        name = word.strip().casefold()
        if name not in names:
            raise UnknownNameError("axis", name, AXES, hint=f"{flag} takes: {', '.join(AXES)}.")
        axes.append(names[name])
    return tuple(axes)
