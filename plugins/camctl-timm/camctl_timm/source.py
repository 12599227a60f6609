"""The source `timm`: any classifier of timm by name, from the hub or from a folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from camctl.errors import CamctlError, InputError, one_line
from camctl.kit.downloads import check_checkpoint, fetch, local_file
from camctl.kit.fitting import fit
from camctl.kit.hub import HINT, hub_file
from camctl.kit.quiet import quiet
from camctl.kit.random_weights import enliven, seeded, settle
from camctl.plugin import Checkpoint, LoadedModel, LoadOptions, Source
from camctl_timm import checkpoints, references
from camctl_timm.labels import class_names
from camctl_timm.preprocess import make_preprocess

if TYPE_CHECKING:
    from torch import Tensor, nn

    from camctl.kit.checkpoints import Weights

WEIGHTS = ("model.safetensors", "pytorch_model.bin")
"""A hub's names for weights, the one that cannot hold code first."""

FOLDER_WEIGHTS = (*WEIGHTS, "pytorch_model.pth", "model.pth")


class Timm(Source):
    """`timm:NAME`, `timm:NAME.TAG`, `timm:NAME@CHECKPOINT`, `timm:hf-hub:org/name` and `timm:local-dir:FOLDER`."""

    summary = "Any classifier of timm: timm:NAME, timm:hf-hub:org/name, timm:local-dir:FOLDER."
    example = "resnet50"

    def load(self, reference: str, checkpoint: str | None, device: str, options: LoadOptions) -> LoadedModel:
        """Build the model and fill it: from the checkpoint, at random, or with timm's published weights.

        `options.cfg_options` go to `timm.create_model`, such as num_classes and img_size.
        Raises InputError, UnknownNameError, or CamctlError where a download fails.
        """
        wanted = references.split(reference)
        if checkpoint is not None and wanted.checkpoint is not None:
            message = f"Two checkpoints: '{wanted.checkpoint}' in the model's name, and '{checkpoint}'."
            raise InputError(message, hint="Give one of them.")
        named = checkpoint if checkpoint is not None else wanted.checkpoint
        check_checkpoint(named, options)
        given = None if named is None else checkpoints.read(local_file(named, options), trust=options.trust_checkpoint)
        found = references.look_up(wanted, options.progress)
        arguments, size = _arguments(found, options)
        _check_head(reference, found, arguments, given)
        name = f"timm:{reference}"
        notes: tuple[str, ...] = ()
        if options.random_weights:
            with seeded(options.seed):
                module = _build(found, arguments)
            enliven(module, options.seed)
        elif given is not None:
            module, notes = _with_own(found, arguments, given, name)
        else:
            given = _published(wanted, found, options)
            named = given.path.name
            module = _with_published(found, arguments, given, name)
        module.eval()
        with quiet():
            preprocess, input_size = make_preprocess(module, size)
        forward = _make_forward(module)
        if options.random_weights:
            settle(module, forward, (3, *input_size), options.seed)
        module.to(device)
        classes = int(getattr(module, "num_classes", 0))
        return LoadedModel(
            name=name,
            source="timm",
            module=module,
            forward=forward,
            preprocess=preprocess,
            input_size=input_size,
            class_names=class_names(found.config, classes),
            checkpoint=Checkpoint(path=named, sha256=given.sha256) if given is not None and named is not None else None,
            random_weights=options.random_weights,
            notes=notes,
        )


def _arguments(found: references.Found, options: LoadOptions) -> tuple[dict[str, Any], tuple[int, int] | None]:
    """What the model is built with, and the input size (h, w) that the user asked for."""
    arguments = {**found.arguments, **options.cfg_options}
    size = arguments.get("img_size")
    if size is None:
        return arguments, None
    edges = [size, size] if isinstance(size, int) else list(size) if isinstance(size, list | tuple) else []
    if len(edges) != 2 or not all(isinstance(edge, int) and edge > 0 for edge in edges):  # noqa: PLR2004
        raise InputError(f"img_size is {size!r}, neither an edge nor a height and a width.", hint="Try img_size=224")
    if not found.config.get("fixed_input_size"):
        del arguments["img_size"]  # convolutions take any size, and no such argument
    return arguments, (edges[0], edges[1])


def _check_head(reference: str, found: references.Found, arguments: dict[str, Any], given: Weights | None) -> None:
    """Raises InputError for a model that gives features; sets `num_classes` to what the checkpoint's head has."""
    if given is not None and "num_classes" not in arguments:
        rows = checkpoints.head_rows(given.state, found.config)
        published = found.config.get("num_classes", 1000) + (found.config.get("label_offset") or 0)
        if rows is not None and rows != published:
            arguments["num_classes"] = rows
    if not arguments.get("num_classes", found.config.get("num_classes", 1000)):
        message = f"'{reference}' has no classifier: it gives features, not classes."
        raise InputError(message, hint="Give it a head, and weights trained with it: --cfg-options num_classes=N")


def _build(found: references.Found, arguments: dict[str, Any], **weights: Any) -> nn.Module:
    """The model; timm's published weights are asked for by `pretrained=True` and read from what is given alone."""
    import timm

    try:
        with quiet():
            module: nn.Module = timm.create_model(
                found.architecture, pretrained_cfg=dict(found.config) or None, **arguments, **weights
            )
    except (CamctlError, MemoryError):
        raise
    except Exception as error:
        if weights.get("pretrained"):
            raise
        message = f"'{found.architecture}' cannot be built: {one_line(error)}"
        raise InputError(message, hint="Check --cfg-options, which go to timm.create_model.") from error
    # The config would keep a second copy of all weights.
    getattr(module, "pretrained_cfg", {}).pop("state_dict", None)
    if not getattr(module, "num_classes", 0):
        message = f"'{found.architecture}' has no classifier: it gives features, not classes."
        raise InputError(message, hint="Choose a classifier of timm's.")
    return module


def _published(wanted: references.Reference, found: references.Found, options: LoadOptions) -> Weights:
    """The file of the weights that timm names. Raises InputError where there are none, CamctlError where offline."""
    config = found.config
    if wanted.place == references.FOLDER:
        folder = Path(wanted.name).expanduser()
        file = next((folder / each for each in FOLDER_WEIGHTS if (folder / each).is_file()), None)
        if file is None:
            message = f"There are no weights in the folder '{folder}'."
            raise InputError(message, hint=f"It should hold {WEIGHTS[0]}; or: --random-weights")
    elif wanted.place == references.HUB:
        name, revision = references.hub_name(wanted.name)
        file = hub_file(name, *WEIGHTS, revision=revision, progress=options.progress)
    elif config.get("hf_hub_id"):
        one = config.get("hf_hub_filename")
        file = hub_file(config["hf_hub_id"], *((one,) if one else WEIGHTS), progress=options.progress)
    elif config.get("url"):
        file = fetch(config["url"], options.progress, hint=HINT)
    else:
        message = f"There are no published weights of '{wanted.name}'."
        raise InputError(message, hint=HINT)
    return checkpoints.read(file, trust=options.trust_checkpoint)


def _with_published(found: references.Found, arguments: dict[str, Any], weights: Weights, name: str) -> nn.Module:
    """The model, filled by timm's own way from one layout of weights to the other. Raises InputError."""
    overlay: dict[str, Any] = {"source": None}
    if not weights.state:
        overlay |= {"file": str(weights.path), "custom_load": True}
    else:
        overlay |= {"state_dict": dict(weights.state)}
    try:
        return _build(found, arguments, pretrained=True, pretrained_cfg_overlay=overlay)
    except CamctlError:
        raise
    except Exception as error:
        message = f"The weights in '{weights.path}' do not fit {name}: {one_line(error)}"
        raise InputError(message, hint="Give a checkpoint of this very model.") from error


def _with_own(
    found: references.Found, arguments: dict[str, Any], weights: Weights, name: str
) -> tuple[nn.Module, tuple[str, ...]]:
    """The model, filled from the user's file: as it is where it fits, else in the layout of a model's first authors."""
    if not weights.state:
        return _with_published(found, arguments, weights, name), ()
    module = _build(found, arguments)
    if not checkpoints.fits(module, weights.state):
        try:
            return _with_published(found, arguments, weights, name), ()
        except InputError:
            pass  # what is told below is about the file as it is
    other = "Set what differs: --cfg-options num_classes=N img_size=S"
    hint = "Set the number of classes: --cfg-options num_classes=N"
    return module, fit(module, weights, hint=hint, where=name, other_sizes=other)


def _make_forward(module: nn.Module) -> Callable[[Tensor], Tensor]:
    def forward(batch: Tensor) -> Tensor:
        import torch

        output = module(batch)
        if isinstance(output, tuple | list) and output:
            output = output[0]  # an auxiliary head's answer comes second
        if not isinstance(output, torch.Tensor) or output.ndim != 2:  # noqa: PLR2004
            shape = tuple(output.shape) if isinstance(output, torch.Tensor) else type(output).__name__
            message = f"The model gives {shape}, not one score a class (N, classes)."
            raise InputError(message, hint="Choose a classifier of timm's.")
        return output

    return forward
