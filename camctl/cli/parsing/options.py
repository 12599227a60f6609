"""Options that commands share, in groups: each is a value that the command gets whole. See `groups.command`."""

from dataclasses import dataclass
from functools import partial
from math import inf
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from camctl.cli.output.sink import Sink
from camctl.cli.parsing import completion
from camctl.cli.parsing.groups import flag
from camctl.cli.parsing.names import class_names
from camctl.errors import ExitCode, InputError
from camctl.values.explanation import nearest
from camctl.values.look import COLORMAPS, DEFAULT_COLORMAP, DEFAULT_OPACITY, known_colormap
from camctl.values.request import Classes

if TYPE_CHECKING:
    from collections.abc import Iterable

    from camctl.values.explanation import Cam

WHAT = "What to explain"
HOW = "How the map is made"
MODEL = "Model"
OUTPUT = "What comes out"

what = partial(typer.Option, rich_help_panel=WHAT, show_default=False)
how = partial(typer.Option, rich_help_panel=HOW)
output = partial(typer.Option, rich_help_panel=OUTPUT)

Aggregate = Literal["mean", "max", "product"]

MethodOptions = Annotated[
    list[str] | None,
    how(metavar="KEY=VALUE...", help="Options of the methods; see camctl methods NAME.", show_default=False),
]
AggregateOption = Annotated[
    Aggregate,
    how(help="How several layers become one map. product is RefineCAM: fine layers sharpen what deep layers point at."),
]
Verify = Annotated[
    bool,
    flag(
        "--verify",
        help="Ask the model about each map. Its verdict is inverted if the model scores the class higher without the "
        "map's brighter half than without its darker half. Costs two more forward passes per map.",
        rich_help_panel=HOW,
    ),
]
JsonAlone = Annotated[bool, flag("--json", help="Print JSON on stdout.")]


def check_range(option: str, value: float, least: float, most: float = inf) -> None:
    """Raise `InputError` unless the value of an option is within its range, which NaN never is."""
    if not least <= value <= most:
        span = f"from {least:g} to {most:g}" if most < inf else f"of {least:g} or more"
        raise InputError(f"{option} {value} is out of range.", hint=f"Give a number {span}.")


@dataclass(frozen=True, kw_only=True)
class ClassOptions:
    """Which classes are explained, and which they are contrasted with."""

    target_category: Annotated[
        list[str] | None,
        what(
            metavar="CLASS...",
            help="Classes to explain, by index or name; one map each.",
            show_default="the predicted class",
        ),
    ] = None
    topk: Annotated[int | None, what(metavar="N", min=1, help="Explain the N classes with the highest scores.")] = None
    versus: Annotated[
        list[str] | None,
        what(
            metavar="CLASS...",
            help="Contrast the target with these classes (Finer-CAM; works with any method): show evidence for the "
            "target that does not also support them. auto:3 takes the three classes with the nearest scores.",
        ),
    ] = None
    versus_strength: Annotated[
        float, what(metavar="S", help="Weight of the contrast, 0 (none) or more.", show_default=True)
    ] = 1.0

    def classes(self) -> Classes:
        """Return the classes as a request. Raises `InputError`."""
        check_range("--versus-strength", self.versus_strength, 0)
        for text in self.versus or []:
            nearest(text)
        names, rivals = class_names(self.target_category), class_names(self.versus)
        if names and self.topk is not None:
            message = "--target-category and --topk both say which classes to explain."
            raise InputError(message, hint="Give one of them.")
        if not rivals and self.versus_strength != 1:
            message = "--versus-strength is the weight of a contrast, and no class to contrast with is given."
            raise InputError(message, hint="Name one: --versus CLASS, or --versus auto")
        return Classes(names=names, topk=self.topk or 1, versus=rivals, strength=self.versus_strength)


@dataclass(frozen=True, kw_only=True)
class HeatmapOptions:
    """Colours of the heatmap."""

    colormap: Annotated[
        str, output(metavar="NAME", help=f"{', '.join(COLORMAPS)}.", autocompletion=completion.colormaps)
    ] = DEFAULT_COLORMAP
    opacity: Annotated[float, output(metavar="0..1", help="Opacity of the heatmap.")] = DEFAULT_OPACITY

    def __post_init__(self) -> None:
        """Raise `InputError` for what cannot be drawn."""
        check_range("--opacity", self.opacity, 0, 1)
        object.__setattr__(self, "colormap", known_colormap(self.colormap))


@dataclass(frozen=True, kw_only=True)
class ResultOptions:
    """How results are shown."""

    no_preview: Annotated[bool, flag("--no-preview", help="Draw nothing in the terminal.", rich_help_panel=OUTPUT)] = (
        False
    )
    json: Annotated[
        bool, flag("--json", help="Print JSON on stdout, and no words but errors.", rich_help_panel=OUTPUT)
    ] = False
    strict: Annotated[
        bool, flag("--strict", help="Exit with 4 if the verdict of a map is not ok.", rich_help_panel=OUTPUT)
    ] = False
    quiet: Annotated[bool, flag("--quiet", help="Print no words but errors.", rich_help_panel=OUTPUT)] = False

    @property
    def sink(self) -> Sink:
        """The sink for results and words."""
        return Sink(json=self.json, quiet=self.quiet)

    def exit_code(self, maps: "Iterable[Cam | None]") -> ExitCode:
        """Return the exit code for these maps; None stands for a map that could not be made."""
        worthless = any(cam is None or cam.verdict != "ok" for cam in maps)
        return ExitCode.NOT_OK if self.strict and worthless else ExitCode.DONE


SaveRaw = Annotated[
    str | None,
    output(
        metavar="FILE.npz",
        help="Save the numbers: signed maps, full-size maps, and what made them.",
        show_default=False,
    ),
]
