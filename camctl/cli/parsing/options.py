"""Options that commands share, in groups: each is a value that the command gets whole."""

import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from camctl import registry
from camctl.cli.output.inputs import Inputs
from camctl.cli.output.sink import Sink
from camctl.cli.parsing import completion
from camctl.cli.parsing.assignments import parse_assignments
from camctl.cli.parsing.groups import argument, option, switch
from camctl.cli.parsing.questions import QuestionOptions
from camctl.cli.parsing.texts import class_name, parse_bands, parse_range, split_names
from camctl.errors import ExitCode, InputError
from camctl.plugin.models import Precision
from camctl.values.output import OutputKind
from camctl.values.reading import Reading
from camctl.values.request import Classes, Family, nearest

if TYPE_CHECKING:
    from camctl.cli.output.progress import Progress
    from camctl.plugin import LoadedModel
    from camctl.values.cam import Cam

WHAT = "What to explain"
HOW = "How the map is made"
OUTPUT = "What comes out"

SAVE_RAW = "Save the numbers: signed maps, full-size maps, and what made them."

LARGE = 10
"""Megabytes of a checkpoint whose size is told while it is read."""


def check_range(flag: str, value: float, least: float, most: float = inf) -> None:
    """Raise `InputError` unless the value of an option is within its range, which NaN never is."""
    if not least <= value <= most:
        span = f"from {least:g} to {most:g}" if most < inf else f"of {least:g} or more"
        raise InputError(f"{flag} {value} is out of range.", hint=f"Give a number {span}.")


@dataclass(frozen=True, kw_only=True)
class ClassOptions:
    """Which classes are explained, and which they are contrasted with.

    target_category: Classes to explain, by index or name; one map each. Of a regression: up or down, or NAME:down.
    versus: Contrast the target with these classes (Finer-CAM; works with any method): show evidence for the target that
        does not also support them. auto:3 takes the three classes with the nearest scores.
    """

    panel: ClassVar = WHAT

    target_category: list[str] | None = option(
        "CLASS...", shown="the predicted class", autocompletion=completion.classes
    )
    topk: int | None = option("N", help="Explain the N classes with the highest scores.", min=1)
    versus: list[str] | None = option("CLASS...")
    versus_strength: float = option("S", 1.0, help="Weight of the contrast, 0 (none) or more.")
    others: QuestionOptions

    def classes(self) -> Classes:
        """Return the classes as a request. Raises `InputError`."""
        check_range("--versus-strength", self.versus_strength, 0)
        names, rivals = self.target_category or (), self.versus or ()
        for text in rivals:
            nearest(text)
        if names and self.topk is not None:
            message = "--target-category and --topk both say which classes to explain."
            raise InputError(message, hint="Give one of them.")
        if not rivals and self.versus_strength != 1:
            message = "--versus-strength is the weight of a contrast, and no class to contrast with is given."
            raise InputError(message, hint="Name one: --versus CLASS, or --versus auto")
        return Classes(
            names=self.others.asked(tuple(map(class_name, names))),
            topk=self.topk or 1,
            versus=tuple(map(class_name, rivals)),
            strength=self.versus_strength,
        )


@dataclass(frozen=True, kw_only=True)
class ReadingOptions:
    """How a picture's numbers are read.

    bands: Bands of a TIFF to show, and to give to a model of colours, as red, green and blue, such as 4,3,2. A model of
        other bands sees all of them, or these if it takes as many.
    range: Numbers that are black and white, such as 0:4095, in what is shown and in what the model sees. Numbers
        outside are clipped, and a model of other than three bands gets 0..1.
    """

    panel: ClassVar = WHAT

    bands: str | None = option("N,N,N", shown="1,2,3")
    range: str | None = option("LOW:HIGH", shown="by its numbers")

    def reading(self) -> Reading:
        """Return how pictures are read. Raises `InputError`."""
        return Reading(bands=parse_bands(self.bands), range=parse_range(self.range))


@dataclass(frozen=True, kw_only=True)
class MethodOptions:
    """Which methods draw the maps.

    method: One or several; see camctl methods. The model runs once for all of them.
    """

    default: ClassVar = ("auto",)
    panel: ClassVar = HOW

    method: list[str] | None = option(
        "NAME...",
        shown="auto: GradCAM, or GradCAMElementWise if the head reads a class token alone",
        autocompletion=completion.methods,
    )
    method_options: list[str] | None = option("KEY=VALUE...", help="Options of the methods; see camctl methods NAME.")

    def names(self) -> tuple[str, ...]:
        """Return the names of the methods. Raises `InputError`."""
        return split_names(self.method, default=self.default)

    def settings(self) -> dict[str, Any]:
        """Return the options of the methods. Raises `InputError`."""
        return parse_assignments(self.method_options, option="--method-options")

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

    def exit_code(self, maps: "Iterable[Cam | None]", *, as_expected: bool = True) -> ExitCode:
        """Return the exit code for these maps; None stands for a map that could not be made."""
        worthless = not as_expected or any(cam is None or cam.verdict != "ok" for cam in maps)
        return ExitCode.NOT_OK if self.strict and worthless else ExitCode.DONE


@dataclass(frozen=True)
class ModelRequest:
    """A model that is named and not loaded yet, with its options checked."""

    model: str
    checkpoint: str | None
    family: Family
    keywords: Mapping[str, Any]
    """Keyword arguments of `camctl.load`."""
    structure_only: bool
    """Whether the weights are drawn at random since none are at hand and none are needed."""

    def load(self, progress: "Progress") -> "LoadedModel":
        """Load the model, and show how far it is."""
        from camctl.pipeline.load import load

        progress.say(f"Loading {self.model}{self._size()}")
        return load(self.model, self.checkpoint, progress=progress.steps(in_bytes=True), **self.keywords)

    def _size(self) -> str:
        """Return the size of a checkpoint that takes a while to read, in brackets; else nothing."""
        with suppress(OSError, ValueError):
            megabytes = os.path.getsize(self.checkpoint or "") / 1e6  # noqa: PTH202 - for any text
            return f" ({megabytes:,.0f} MB)" if megabytes > LARGE else ""
        return ""


@dataclass(frozen=True, kw_only=True)
class ModelOptions:
    """How a model is loaded, and what the user says about its family.

    device: cpu, cuda, cuda:1, mps or auto (the fastest one here).
    precision: float32 is float32 on every device; tf32 lets CUDA compute faster with 10 bits of mantissa; bf16 and fp16
        compute in half precision what bears it.
    cfg_options: Changes to the config file, such as model.head.num_classes=10.
    labels: Names of the classes: texts, a file with one per line (or CSV, JSON, YAML), or imagenet, imagenet22k, coco.
        A zero-shot model (CLIP, SigLIP) scores the picture against them: --labels 'a photo of a cat,a photo of a dog'.
    output: The model's output: logits, probabilities, log-probabilities, sigmoid (multi-label) or values (regression).
    head: Head that is explained, of several, by name or index; see camctl layers MODEL.
    random_weights: Draw the weights at random, to try things without a checkpoint. The map then means nothing.
    trust_checkpoint: Read a checkpoint that holds more than weights. It can run any code on this machine: use it for
        files of your own.
    weights: Which weights of a checkpoint that holds several: ema (averaged), plain, or the key under which they lie.
    no_repairs: Leave known defects of the model's library as they are (mmpretrain's T2T-ViT attention).
    adapter: Use this adapter for the model's family, instead of the one that recognises the model.
    num_extra_tokens: Number of class, distillation and register tokens before the patch tokens. Rarely needed: this is
        detected.
    """

    panel: ClassVar = "Model"

    device: str = option("DEVICE", "cpu", autocompletion=completion.devices)
    precision: Precision = option(None, "float32")
    cfg_options: list[str] | None = option("KEY=VALUE...")
    labels: list[str] | None = option("TEXT...")
    output: OutputKind | None = option("KIND", shown="detected")
    head: str | None = option("NAME|INDEX")
    random_weights: bool = switch()
    seed: int = option("N", 0, help="Seed for --random-weights.", min=0, max=2**32 - 1)
    trust_checkpoint: bool = switch()
    weights: str | None = option("ema|plain|KEY", None)
    no_repairs: bool = switch()
    adapter: str | None = option("NAME", autocompletion=completion.adapters)
    vit_like: bool = switch(help="Treat the layer's output as tokens. Rarely needed: this is detected.")
    num_extra_tokens: int | None = option("N", min=0)
    call: int | None = option("N", help="Run to explain of a layer that runs several times in a pass.", min=1)

    def request_for(self, model: str, checkpoint: str | None, *, structure_only: bool = False) -> ModelRequest:
        """Return the request for a model. Raises `InputError`, or `PluginError` for its source or adapter.

        With `structure_only`, the weights are drawn at random if the source would have to fetch them.
        """
        if self.adapter is not None:
            registry.locate("adapter", self.adapter)
        family = Family(
            adapter=self.adapter, vit_like=self.vit_like, num_extra_tokens=self.num_extra_tokens, call=self.call
        )
        source = registry.locate("source", registry.split_model(model)[0])
        drawn = structure_only and checkpoint is None and not self.random_weights
        # Loads the source, which may need torch.
        drawn = drawn and not registry.load(source).plugin.own_weights
        keywords = {
            "device": self.device,
            "random_weights": self.random_weights or drawn,
            "seed": self.seed,
            "trust_checkpoint": self.trust_checkpoint,
            "weights": self.weights,
            "repairs": not self.no_repairs,
            "cfg_options": parse_assignments(self.cfg_options),
            "labels": self.labels[0] if self.labels and len(self.labels) == 1 else self.labels or (),
            "output": self.output,
            "head": self.head,
            "precision": self.precision,
        }
        return ModelRequest(model, checkpoint, family, keywords, structure_only=drawn)

    def inputs(self, requests: "Iterable[ModelRequest]") -> Inputs:
        """Return the files that are read for these models."""
        inputs = Inputs()
        inputs.add_models((request.model, request.checkpoint) for request in requests)
        inputs.add(self.labels or (), "the file of labels")
        return inputs


@dataclass(frozen=True, kw_only=True)
class OneModel(ModelOptions):
    """A model, its checkpoint and its options.

    model: A config file or model name of mmpretrain, or source:reference, such as imagenet:lite0, demo:vit or
        python:package.module:factory.
    checkpoint: A file or an http(s) address. Not needed for a model name with published weights, for demo: and
        imagenet: models, and with --random-weights.
    """

    model: str = argument("MODEL", autocompletion=completion.models)
    checkpoint: str | None = argument("CHECKPOINT", None)

    def request(self, *, structure_only: bool = False) -> ModelRequest:
        """Return the request for the model; see `request_for`."""
        return self.request_for(self.model, self.checkpoint, structure_only=structure_only)


@dataclass(frozen=True, kw_only=True)
class SeveralModels(ModelOptions):
    """One or several models, their checkpoints and the options that they share.

    first_model: As for camctl run; may be left out if --model names one or several.
    checkpoint: A file or an http(s) address. Not needed for a model name with published weights, for demo: and
        imagenet: models, and with --random-weights.
    model: More models, of any source, each followed by @ and its checkpoint if it needs one.
    """

    first_model: str | None = argument("MODEL", None, autocompletion=completion.models)
    checkpoint: str | None = argument("CHECKPOINT", None)
    model: list[str] | None = option("MODEL[@CHECKPOINT]...", autocompletion=completion.models, rich_help_panel=WHAT)

    def requests(self) -> list[ModelRequest]:
        """Return the requests for the models. Raises `InputError` if none is named."""
        pairs = [] if self.first_model is None else [(self.first_model, self.checkpoint)]
        pairs += [split_checkpoint(text) for text in dict.fromkeys(self.model or [])]
        if not pairs:
            hint = "Give MODEL, or --model MODEL[@CHECKPOINT] once or several times."
            raise InputError("No model was named.", hint=hint)
        return [self.request_for(*pair) for pair in pairs]


def split_checkpoint(text: str) -> tuple[str, str | None]:
    """`MODEL@CHECKPOINT` -> both; an `@` in the name of an existing file belongs to the name."""
    positions = [position for position, sign in enumerate(text) if sign == "@"]
    if not positions or os.path.exists(text):  # noqa: PTH110 - for any text
        return text, None
    at = next((position for position in positions if os.path.exists(text[:position])), positions[0])  # noqa: PTH110
    model, weights = text[:at], text[at + 1 :]
    if not model or not weights:
        message = f"'{text}' needs a model before its @ and a checkpoint after it."
        raise InputError(message, hint="Write --model MODEL@CHECKPOINT")
    return model, weights
