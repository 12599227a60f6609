"""The source `timm`: any classifier of timm by name, from the hub or from a folder."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from camctl.errors import CamctlError, Hint, InputError, one_line
from camctl.kit.addresses import shown
from camctl.kit.bands import input_shape
from camctl.kit.downloads import check_checkpoint, fetch, local_file
from camctl.kit.fitting import check_fit, fit, mismatch
from camctl.kit.hub import HINT, hub_file
from camctl.kit.quiet import quiet
from camctl.kit.random_weights import enliven, seeded, settle
from camctl.kit.renaming import aligned, likely
from camctl.plugin import Checkpoint, LoadedModel, LoadOptions, Source
from camctl_timm import checkpoints, references
from camctl_timm.labels import class_names
from camctl_timm.preprocess import make_preprocess

if TYPE_CHECKING:
    from torch import Tensor, nn

    from camctl.kit.checkpoints import Weights

WEIGHTS = ("model.safetensors", "pytorch_model.bin")
"""Names of weights on the hub, the format that cannot hold code first."""

_MOST_RELATIVES = 40
"""Number of networks that are tried, a hundredth of a second each, to name the one that a checkpoint fits."""
FOLDER_WEIGHTS = (*WEIGHTS, "pytorch_model.pth", "model.pth")

_REGISTERED = re.compile(r"^@register_model\s+def (\w+)", re.MULTILINE)


class Timm(Source):
    """`timm:NAME`, `timm:NAME.TAG`, `timm:NAME@CHECKPOINT`, `timm:hf-hub:org/name` and `timm:local-dir:FOLDER`."""

    summary = "Any classifier of timm: timm:NAME, timm:hf-hub:org/name, timm:local-dir:FOLDER."
    example = "resnet50"

    def load(self, reference: str, checkpoint: str | None, device: str, options: LoadOptions) -> LoadedModel:
        """Build the model with the checkpoint's weights, random ones, or timm's published ones.

        `options.cfg_options` are passed to `timm.create_model`, such as num_classes and img_size.
        Raises `InputError`, `UnknownNameError`, or `CamctlError` if a download fails.
        """
        parts = references.split(reference)
        if checkpoint is not None and parts.checkpoint is not None:
            message = f"Two checkpoints: '{parts.checkpoint}' in the model's name, and '{checkpoint}'."
            raise InputError(message, hint="Give one of them.")
        named = checkpoint if checkpoint is not None else parts.checkpoint
        check_checkpoint(named, options)
        weights = None
        if named is not None:
            weights = checkpoints.read(local_file(named, options), options, named=named)
        found = references.look_up(parts, options.progress)
        arguments, size = _arguments(found, options)
        _check_head(reference, found, arguments, weights)
        name = f"timm:{reference}"
        notes: tuple[str, ...] = ()
        if options.random_weights:
            module = _build(found, arguments, options.seed)
            enliven(module, options.seed)
        elif weights is not None:
            module, notes = _with_own(found, arguments, weights, name, options.seed)
        else:
            weights = _published(parts, found, options)
            named = weights.path.name
            _check_published(found, arguments, weights, name)
            module, notes = _with_published(found, arguments, weights, name, options.seed), weights.notes
        module.eval()
        with quiet():
            preprocess, input_size, bands = make_preprocess(module, size)
        forward = _make_forward(module)
        if options.random_weights:
            settle(module, forward, input_shape(preprocess, input_size, bands), options.seed)
        module.to(device)
        classes = int(getattr(module, "num_classes", 0))
        names = _names(weights, classes)
        return LoadedModel(
            name=name,
            source="timm",
            module=module,
            forward=forward,
            preprocess=preprocess,
            input_size=input_size,
            bands=bands,
            class_names=names or class_names(found.config, classes),
            output="logits",
            checkpoint=Checkpoint(path=shown(named), sha256=weights.sha256) if weights and named else None,
            random_weights=options.random_weights,
            notes=(*notes, *(weights.naming(names) if weights else ())),
        )

    def names(self) -> list[str]:
        """Names of timm's architectures. Its files are read as text, since importing timm takes seconds."""
        spec = find_spec("timm")
        folders = spec.submodule_search_locations or [] if spec else []
        files = (file for folder in folders for file in Path(folder, "models").glob("*.py"))
        texts = (file.read_text(encoding="utf-8") for file in files)
        return sorted(name for text in texts for name in _REGISTERED.findall(text))


def _arguments(found: references.Found, options: LoadOptions) -> tuple[dict[str, Any], tuple[int, int] | None]:
    """Arguments of the model, and the user's input size (h, w)."""
    arguments = {**found.arguments, **options.cfg_options}
    for name, least in (("num_classes", 0), ("in_chans", 1)):
        count = arguments.get(name, least)
        if not isinstance(count, int) or count < least:
            message = f"{name} is {count!r}; expected a number of {least} or more."
            raise InputError(message, hint=Hint("Give a whole number", cfg_options=f"{name}=3"))
    size = arguments.get("img_size")
    if size is None:
        return arguments, None
    edges = [size, size] if isinstance(size, int) else list(size) if isinstance(size, list | tuple) else []
    if len(edges) != 2 or not all(isinstance(edge, int) and edge > 0 for edge in edges):  # noqa: PLR2004
        raise InputError(f"img_size is {size!r}; expected an edge or height and width.", hint="Try img_size=224")
    if not found.config.get("fixed_input_size"):
        del arguments["img_size"]  # convolutions take any size, and have no such argument
    return arguments, (edges[0], edges[1])


def _check_head(reference: str, found: references.Found, arguments: dict[str, Any], weights: Weights | None) -> None:
    """Set `num_classes` to that of the checkpoint's head. Raises `InputError` for a model without a head."""
    if weights is not None and "num_classes" not in arguments:
        rows = checkpoints.head_rows(weights.state, found.config)
        published = found.config.get("num_classes", 1000) + (found.config.get("label_offset") or 0)
        if rows is not None and rows != published:
            arguments["num_classes"] = rows
    if not arguments.get("num_classes", found.config.get("num_classes", 1000)):
        message = f"'{reference}' has no classifier: it outputs features, not classes."
        raise InputError(message, hint=Hint("Add a head, and weights trained with it", cfg_options="num_classes=N"))


def _check_published(found: references.Found, arguments: dict[str, Any], weights: Weights, name: str) -> None:
    """Raise `InputError` if the user asks for another number of classes than the published head has."""
    rows, wanted = checkpoints.head_rows(weights.state, found.config), arguments.get("num_classes")
    if wanted is not None and rows is not None and wanted not in {rows, found.config.get("num_classes")}:
        hint = "Give a checkpoint that was trained with so many classes, or omit num_classes."
        sizes = [("head.weight", (rows,), (wanted,))]
        raise mismatch(sizes, path=weights.path, hint=hint, where=name)


def _names(weights: Weights | None, classes: int) -> tuple[str, ...] | None:
    """The checkpoint's own class names, if there is one for each logit."""
    names = weights.class_names if weights else None
    return names if names and len(names) == classes else None


def _build(found: references.Found, arguments: dict[str, Any], seed: int, **weights: Any) -> nn.Module:
    """Build the model; with `pretrained=True` timm reads its weights only from the given overlay."""
    import timm

    try:
        with quiet(), seeded(seed):
            module: nn.Module = timm.create_model(
                found.architecture, pretrained_cfg=dict(found.config) or None, **arguments, **weights
            )
    except (CamctlError, MemoryError):
        raise
    except Exception as error:
        if weights.get("pretrained"):
            raise
        message = f"'{found.architecture}' cannot be built: {one_line(error)}"
        raise InputError(message, hint="Check the config options, which are passed to timm.create_model.") from error
    # The config would keep a second copy of all weights.
    getattr(module, "pretrained_cfg", {}).pop("state_dict", None)
    if not getattr(module, "num_classes", 0):
        message = f"'{found.architecture}' has no classifier: it outputs features, not classes."
        raise InputError(message, hint="Choose a classifier of timm's.")
    return module


def _published(reference: references.Reference, found: references.Found, options: LoadOptions) -> Weights:
    """The published weights. Raises `InputError` if there are none, `CamctlError` if they cannot be downloaded."""
    config = found.config
    if reference.place == references.FOLDER:
        folder = Path(reference.name).expanduser()
        file = next((folder / name for name in FOLDER_WEIGHTS if (folder / name).is_file()), None)
        if file is None:
            message = f"There are no weights in the folder '{folder}'."
            raise InputError(message, hint=Hint(f"Save {WEIGHTS[0]} there, or use", random_weights=True))
    elif reference.place == references.HUB:
        name, revision = references.hub_name(reference.name)
        file = hub_file(name, *WEIGHTS, revision=revision, progress=options.progress)
    elif config.get("hf_hub_id"):
        filename = config.get("hf_hub_filename")
        file = hub_file(config["hf_hub_id"], *((filename,) if filename else WEIGHTS), progress=options.progress)
    elif config.get("url"):
        file = fetch(config["url"], options.progress, hint=HINT)
    else:
        message = f"There are no published weights of '{reference.name}'."
        raise InputError(message, hint=HINT)
    return checkpoints.read(file, options)


def _with_published(
    found: references.Found, arguments: dict[str, Any], weights: Weights, name: str, seed: int
) -> nn.Module:
    """Build the model, and let timm convert and load the weights.

    Raises `InputError` if they do not fit, or leave a parameter at random.
    """
    overlay: dict[str, Any] = {"source": None}
    if not weights.state:
        overlay |= {"file": str(weights.path), "custom_load": True}
    else:
        overlay |= {"state_dict": dict(weights.state)}
    if arguments.get("num_classes", found.config.get("num_classes")) != found.config.get("num_classes"):
        # Else timm drops the checkpoint's head for a random one.
        overlay |= {"num_classes": arguments["num_classes"], "label_offset": 0}
    try:
        module = _build(found, arguments, seed, pretrained=True, pretrained_cfg_overlay=overlay)
        if weights.state and not checkpoints.fits(module, weights.state):
            other = _build(found, arguments, seed + 1, pretrained=True, pretrained_cfg_overlay=overlay)
            drawn = checkpoints.differing(module, other)
            if drawn:
                check_fit(module, drawn, (), path=weights.path, where=name)
    except CamctlError:
        raise
    except Exception as error:
        message = f"The weights in '{weights.path}' do not fit {name}: {one_line(error)}"
        raise InputError(message, hint="Give a checkpoint of exactly this model.") from error
    return module


def _with_own(
    found: references.Found, arguments: dict[str, Any], weights: Weights, name: str, seed: int
) -> tuple[nn.Module, tuple[str, ...]]:
    """Build the model with the user's weights: by name if they fit, else converted from the authors' layout."""
    if not weights.state:
        return _with_published(found, arguments, weights, name, seed), ()
    module = _build(found, arguments, seed)
    if "num_classes" not in arguments and checkpoints.head_rows(weights.state, found.config) is None:
        rows = checkpoints.head_rows(aligned(module, weights).state, found.config)
        if rows is not None and rows != getattr(module, "num_classes", rows):
            arguments = {**arguments, "num_classes": rows}
            module = _build(found, arguments, seed)
    other = Hint("Set what differs", cfg_options=("num_classes=N", "img_size=S"))
    hint = Hint("Set the number of classes", cfg_options="num_classes=N")
    try:
        return module, fit(module, weights, hint=hint, where=name, other_sizes=other)
    except InputError as error:
        with suppress(InputError):  # the error is about the file as it is
            return _with_published(found, arguments, weights, name, seed), weights.notes
        if other_name := likely(weights, _relatives(found.architecture)):
            raise InputError(error.message, hint=f"The weights fit timm:{other_name}.") from error
        raise


def _relatives(architecture: str) -> list[tuple[str, Callable[[], nn.Module]]]:
    """The networks whose names begin alike, and how to build them; at most `_MOST_RELATIVES`."""
    import timm

    family = re.match(r"[a-z_]*[a-z]", architecture)
    names = [name for name in timm.list_models(f"{family[0]}*" if family else architecture) if name != architecture]
    names.sort(key=lambda name: (len(name), name))  # the plain ones first
    return [(name, partial(timm.create_model, name)) for name in names[:_MOST_RELATIVES]]


def _make_forward(module: nn.Module) -> Callable[[Tensor], Tensor]:
    def forward(batch: Tensor) -> Tensor:
        import torch

        output = module(batch)
        if isinstance(output, tuple | list) and output:
            output = output[0]  # the second is an auxiliary head's
        if not isinstance(output, torch.Tensor) or output.ndim != 2:  # noqa: PLR2004
            kind = f"shape {tuple(output.shape)}" if isinstance(output, torch.Tensor) else type(output).__name__
            message = f"The model outputs {kind}; expected one score a class (N, classes)."
            raise InputError(message, hint="Choose a classifier of timm's.")
        return output

    return forward
