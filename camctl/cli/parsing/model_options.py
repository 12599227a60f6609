"""How models are named and loaded: the options that `run`, `layers` and `compare` share."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from camctl import registry
from camctl.cli.parsing import completion
from camctl.cli.parsing.assignments import parse_assignments
from camctl.cli.parsing.groups import argument, option, switch
from camctl.cli.parsing.names import labels_of
from camctl.cli.parsing.options import WHAT
from camctl.errors import InputError
from camctl.values.request import Family

if TYPE_CHECKING:
    from camctl.cli.output.progress import Progress
    from camctl.plugin import LoadedModel
    from camctl.registry.discovery import Found


@dataclass(frozen=True)
class ModelRequest:
    """A model that is named and not loaded yet, with its options checked."""

    model: str
    checkpoint: str | None
    keywords: Mapping[str, Any]
    """Keyword arguments of `camctl.load`."""
    structure_only: bool
    """Whether the weights are drawn at random since none are at hand and none are needed."""

    def load(self, progress: "Progress") -> "LoadedModel":
        """Load the model, and show how far it is."""
        from camctl.pipeline.load import load

        progress.say(f"Loading {self.model}")
        return load(self.model, self.checkpoint, progress=progress.fetched, **self.keywords)


@dataclass(frozen=True, kw_only=True)
class ModelOptions:
    """How a model is loaded, and what the user says about its family.

    device: cpu, cuda, cuda:1, mps or auto (the fastest one here).
    cfg_options: Changes to the config file, such as model.head.num_classes=10.
    labels: Names of the classes: texts, or a file with one per line. A zero-shot model (CLIP, SigLIP) scores the
        picture against them: --labels 'a photo of a cat,a photo of a dog'.
    random_weights: Draw the weights at random, to try things without a checkpoint. The map then means nothing.
    trust_checkpoint: Read a checkpoint that holds more than weights. It can run any code on this machine: use it for
        files of your own.
    no_repairs: Leave known defects of the model's library as they are (mmpretrain's T2T-ViT attention).
    adapter: Use this adapter for the model's family, instead of the one that recognises the model.
    num_extra_tokens: Number of class, distillation and register tokens before the patch tokens. Rarely needed: this is
        detected.
    """

    panel: ClassVar = "Model"

    device: str = option("DEVICE", "cpu", autocompletion=completion.devices)
    cfg_options: list[str] | None = option("KEY=VALUE...")
    labels: list[str] | None = option("TEXT...")
    random_weights: bool = switch()
    seed: int = option("N", 0, help="Seed for --random-weights.", min=0, max=2**32 - 1)
    trust_checkpoint: bool = switch()
    no_repairs: bool = switch()
    adapter: str | None = option("NAME", autocompletion=completion.adapters)
    vit_like: bool = switch(help="Treat the layer's output as tokens. Rarely needed: this is detected.")
    num_extra_tokens: int | None = option("N", min=0)

    def family(self) -> Family:
        """Return what the user says about the family. Raises `UnknownNameError` or `PluginError` for the adapter."""
        if self.adapter is not None:
            registry.locate("adapter", self.adapter)
        return Family(adapter=self.adapter, vit_like=self.vit_like, num_extra_tokens=self.num_extra_tokens)

    def request_for(self, model: str, checkpoint: str | None, *, structure_only: bool = False) -> ModelRequest:
        """Return the request for a model. Raises `InputError` or `PluginError`.

        With `structure_only`, the weights are drawn at random if the source would have to fetch them.
        """
        source = registry.locate("source", registry.split_model(model)[0])
        drawn = structure_only and checkpoint is None and not self.random_weights and not _own_weights(source)
        keywords = {
            "device": self.device,
            "random_weights": self.random_weights or drawn,
            "seed": self.seed,
            "trust_checkpoint": self.trust_checkpoint,
            "repairs": not self.no_repairs,
            "cfg_options": parse_assignments(self.cfg_options or []),
            "labels": labels_of(self.labels),
        }
        return ModelRequest(model, checkpoint, keywords, structure_only=drawn)


def _own_weights(source: "Found") -> bool:
    """Whether a source has weights at hand without a checkpoint. Loads it, which may need torch."""
    return bool(registry.load(source).plugin.own_weights)


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
    if not positions or Path(text).exists():
        return text, None
    at = next((position for position in positions if Path(text[:position]).exists()), positions[0])
    model, weights = text[:at], text[at + 1 :]
    if not model or not weights:
        message = f"'{text}' needs a model before its @ and a checkpoint after it."
        raise InputError(message, hint="Write --model MODEL@CHECKPOINT")
    return model, weights
