"""Options of `camctl run`: the picture, classes, methods, and what comes out."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from camctl.cli.parsing import completion, options
from camctl.cli.parsing.cutting import CutOptions
from camctl.cli.parsing.groups import argument, option, switch
from camctl.cli.parsing.heatmap import HeatmapOptions
from camctl.cli.parsing.texts import class_name
from camctl.errors import InputError

if TYPE_CHECKING:
    from camctl.values.cam import Smoothing
    from camctl.values.request import Classes


@dataclass(frozen=True, kw_only=True)
class PictureOptions:
    """The picture, or the data set, and the layers that are explained.

    image: The picture; or a folder, a glob, a list (.txt, .csv, .jsonl), Parquet files or tar shards.
    target_layers: Layers whose output is explained, by name or pattern (backbone.layer4.*.bn3), auto:4 for four usable
        ones from shallow to deep (several are fused into one map), or best for the one that measures best on the
        picture. See camctl layers MODEL.
    """

    panel: ClassVar = options.WHAT

    image: str = argument("IMAGE|DATA")
    target_layers: list[str] | None = option("LAYER...", shown="what the head reads", autocompletion=completion.layers)
    reading: options.ReadingOptions
    preview_model: bool = switch(help="Show the model's layers, as camctl layers does, and stop.")


@dataclass(frozen=True, kw_only=True)
class DrawnClasses(options.ClassOptions):
    """The classes that are explained.

    threshold: Explain every class that scores above it: for models whose classes do not exclude each other.
    expect: Class that should be predicted: the summary says whether it is, and --strict exits with 4 if it is not. Of a
        data set: label.
    """

    threshold: float | None = option("0..1")
    expect: str | None = option("CLASS")

    def classes(self) -> "Classes":
        """Return the classes as a request. Raises `InputError`."""
        classes = super().classes()
        if self.threshold is None:
            return classes
        options.check_range("--threshold", self.threshold, 0, 1)
        if self.target_category or self.topk is not None:
            message = "--threshold says which classes to explain, and so do --target-category and --topk."
            raise InputError(message, hint="Give one of them.")
        return replace(classes, threshold=self.threshold)

    @property
    def expected(self) -> str | int | None:
        """The class that is expected, by name or index."""
        return None if self.expect is None else class_name(self.expect)

    @property
    def several(self) -> int | None:
        """The number of classes that are asked for; None for a threshold, which any number may pass."""
        # The likeness of a pair is drawn on both pictures.
        names, pairs = self.classes().names, len(self.others.like or ())
        return None if self.threshold is not None else len(names) + pairs or self.topk or 1


@dataclass(frozen=True, kw_only=True)
class DrawnMethods(options.MethodOptions):
    """The methods that draw the maps, and how.

    eigen_smooth: Take the first principal component of the evidence instead of its sum: less noise.
    """

    eigen_smooth: bool = switch()
    aug_smooth: bool = switch(help="Average over six views of the picture (flips times brightness): a centred map.")
    maps: options.MapOptions

    @property
    def smoothing(self) -> "Smoothing":
        """What both kinds of smoothing are called together."""
        if self.eigen_smooth:
            return "both" if self.aug_smooth else "eigen"
        return "aug" if self.aug_smooth else "none"


@dataclass(frozen=True, kw_only=True)
class OverlayOptions(HeatmapOptions):
    """How an overlay is drawn.

    canvas: Draw on what the model saw, or on the whole picture with the unseen margin dimmed.
    caption: Write the class and its score in a strip under the picture.
    """

    canvas: Literal["view", "original"] = option(None, "view")
    caption: bool = switch()

    def look(self) -> dict[str, Any]:
        """Return how an overlay looks: keywords of `Cam.overlay`."""
        return self.heat()


@dataclass(frozen=True, kw_only=True)
class MapOutput:
    """Where overlays and numbers are saved, and how results are shown.

    save_path: A file for one map (png, jpg, webp), a folder for several or for a data set. Without it the map is shown
        in the terminal.
    no_metadata: Leave the command and the versions out of the pictures.
    """

    panel: ClassVar = options.OUTPUT

    save_path: str | None = option("PATH")
    save_raw: str | None = option("FILE.npz", help=options.SAVE_RAW)
    no_metadata: bool = switch()
    overlay: OverlayOptions
    parts: CutOptions
    results: options.ResultOptions
