"""Options that commands share, in groups: each is a value that the command gets whole."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from camctl.cli.output.sink import Sink
from camctl.cli.parsing import completion
from camctl.cli.parsing.assignments import parse_assignments
from camctl.cli.parsing.groups import option, switch
from camctl.cli.parsing.names import class_names, split_names
from camctl.errors import ExitCode, InputError
from camctl.values.look import COLORMAPS, DEFAULT_COLORMAP, DEFAULT_OPACITY, known_colormap
from camctl.values.request import Classes, nearest

if TYPE_CHECKING:
    from camctl.values.cam import Cam

WHAT = "What to explain"
HOW = "How the map is made"
OUTPUT = "What comes out"

SAVE_RAW = "Save the numbers: signed maps, full-size maps, and what made them."
"""Help of --save-raw."""

AUTO = "auto: GradCAM, or GradCAMElementWise if the head reads a class token alone"


def check_range(flag: str, value: float, least: float, most: float = inf) -> None:
    """Raise `InputError` unless the value of an option is within its range, which NaN never is."""
    if not least <= value <= most:
        span = f"from {least:g} to {most:g}" if most < inf else f"of {least:g} or more"
        raise InputError(f"{flag} {value} is out of range.", hint=f"Give a number {span}.")


@dataclass(frozen=True, kw_only=True)
class ClassOptions:
    """Which classes are explained, and which they are contrasted with.

    target_category: Classes to explain, by index or name; one map each.
    versus: Contrast the target with these classes (Finer-CAM; works with any method): show evidence for the target that
        does not also support them. auto:3 takes the three classes with the nearest scores.
    """

    panel: ClassVar = WHAT

    target_category: list[str] | None = option("CLASS...", shown="the predicted class")
    topk: int | None = option("N", help="Explain the N classes with the highest scores.", min=1)
    versus: list[str] | None = option("CLASS...")
    versus_strength: float = option("S", 1.0, help="Weight of the contrast, 0 (none) or more.")

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
class MethodOptions:
    """Which methods draw the maps.

    method: One or several; see camctl methods. The model runs once for all of them.
    """

    default: ClassVar = ("auto",)
    panel: ClassVar = HOW

    method: list[str] | None = option("NAME...", shown=AUTO, autocompletion=completion.methods)
    method_options: list[str] | None = option("KEY=VALUE...", help="Options of the methods; see camctl methods NAME.")

    def names(self) -> tuple[str, ...]:
        """Return the names of the methods. Raises `InputError`."""
        return split_names(self.method, default=self.default)

    def settings(self) -> dict[str, Any]:
        """Return the options of the methods. Raises `InputError`."""
        return parse_assignments(self.method_options or [], option="--method-options")

    def count(self, *, baselines: bool = False) -> int:
        """Return the number of methods. Raises `InputError` for an unknown one, or an option that none has."""
        from camctl.pipeline.method_selection import pick_methods

        return len(pick_methods(self.names(), self.settings(), baselines=baselines))


@dataclass(frozen=True, kw_only=True)
class MapOptions:
    """How a map is made of several layers, and whether it is verified.

    aggregate: How several layers become one map. product is RefineCAM: fine layers sharpen what deep layers point at.
    verify: Ask the model about each map. Its verdict is inverted if the model scores the class higher without the map's
        brighter half than without its darker half. Costs two more forward passes per map.
    """

    panel: ClassVar = HOW

    aggregate: Literal["mean", "max", "product"] = option(None, "mean")
    verify: bool = switch()


@dataclass(frozen=True, kw_only=True)
class HeatmapOptions:
    """Colours of the heatmap."""

    panel: ClassVar = OUTPUT

    colormap: str = option(
        "NAME", DEFAULT_COLORMAP, help=f"{', '.join(COLORMAPS)}.", autocompletion=completion.colormaps
    )
    opacity: float = option("0..1", DEFAULT_OPACITY, help="Opacity of the heatmap.")

    def __post_init__(self) -> None:
        """Raise `InputError` for what cannot be drawn."""
        check_range("--opacity", self.opacity, 0, 1)
        object.__setattr__(self, "colormap", known_colormap(self.colormap))


@dataclass(frozen=True, kw_only=True)
class ResultOptions:
    """How results are shown."""

    no_preview: bool = switch(help="Draw nothing in the terminal.")
    json: bool = switch(help="Print JSON on stdout, and no words but errors.")
    strict: bool = switch(help="Exit with 4 if the verdict of a map is not ok.")
    quiet: bool = switch(help="Print no words but errors.")

    @property
    def sink(self) -> Sink:
        """The sink for results and words."""
        return Sink(json=self.json, quiet=self.quiet)

    def exit_code(self, maps: "Iterable[Cam | None]") -> ExitCode:
        """Return the exit code for these maps; None stands for a map that could not be made."""
        worthless = any(cam is None or cam.verdict != "ok" for cam in maps)
        return ExitCode.NOT_OK if self.strict and worthless else ExitCode.DONE
