"""Build a network: its class, and its weights."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from camctl.errors import CamctlError, Hint, InputError, one_line, out_of_memory
from camctl.kit.addresses import shown
from camctl.kit.checkpoints import Weights, file_hash, read_checkpoint
from camctl.kit.fitting import check_fit, mismatch
from camctl.kit.hub import hub_file
from camctl.kit.random_weights import enliven, seeded
from camctl.kit.renaming import aligned
from camctl_transformers.finding import Found, quiet

if TYPE_CHECKING:
    from torch import Tensor, nn

    from camctl.plugin import Checkpoint, LoadOptions
    from camctl_transformers.tasks import Task

_WEIGHTS = (
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
)
_HEADS = ("classifier.weight", "head.weight", "classifier.1.weight")
_POOLER = re.compile(r"(.+\.)?pooler\.")
_CLASSES = "Set num_labels to N in its config.json, or give the checkpoint that was trained with this very model."
NEEDS = {"dinat": "natten", "timm_wrapper": "timm"}
"""Family -> package that it needs besides transformers."""


def at_random(kind: Any, found: Found, seed: int) -> nn.Module:
    """Build the network with random weights."""
    with seeded(seed), quiet():
        module: nn.Module = _made(lambda: kind(found.config), found)
    enliven(module, seed)
    return module.float().eval()


def has_head(weights: Weights | None, found: Found) -> bool:
    """Whether a checkpoint, or an adapter of the model, is a classifier's."""
    return found.adapter is not None or any(name.endswith(_HEADS) for name in (weights.state if weights else ()))


def with_weights(
    task: Task, found: Found, weights: Weights | None, checkpoint: str | None, device: str, options: LoadOptions
) -> tuple[nn.Module, Checkpoint, tuple[str, ...]]:
    """Build the network with a checkpoint's or its published weights; with their origin, and notes on them.

    Raises `InputError` if a parameter is not among the weights or has another size.
    """
    kind = task.kind
    weights = weights or _published(found, options)
    if found.adapter is not None and checkpoint is None:
        found, weights = _adapted(kind, found, weights, options)
    module, info = _built(kind, found, weights.state, device, options)
    if task.name == "encoding" and (lacking := info["missing_keys"]) and all(map(_POOLER.match, lacking)):
        # Weights of a classifier or of a training without labels: the pooler was not trained.
        module, info = _built(kind, found, weights.state, device, options, add_pooling_layer=False)
    if weights.state and (info["missing_keys"] or info["mismatched_keys"]):
        # Not by transformers' names: perhaps by those of a wrapper around its model.
        renamed = aligned(module, weights)
        if renamed.state.keys() != weights.state.keys():
            weights = renamed
            module, info = _built(kind, found, weights.state, device, options)
    where = shown(checkpoint or found.name)
    if info["mismatched_keys"]:
        raise mismatch(sorted(info["mismatched_keys"]), path=where, hint=_CLASSES, where="the configuration")
    missing, unexpected = sorted(info["missing_keys"]), sorted(info["unexpected_keys"])
    notes = check_fit(module, missing, unexpected, path=where, given=weights.state)
    return module.eval(), weights.origin, (*weights.notes, *notes)


def _built(
    kind: Any, found: Found, state: Mapping[str, Tensor], device: str, options: LoadOptions, **more: Any
) -> tuple[Any, dict[str, Any]]:
    """Build the network with these weights, or by transformers' own reader without any; with its report."""
    import torch

    # Half precision is slow on a CPU, and incomplete.
    arguments: dict[str, Any] = {"config": found.config, "dtype": torch.float32 if device == "cpu" else "auto"}
    arguments |= more | ({"state_dict": dict(state)} if state else found.at)
    name = None if state else found.name
    with quiet(), seeded(options.seed):
        module, info = _made(
            # Other sizes are in the report.
            lambda: kind.from_pretrained(name, output_loading_info=True, ignore_mismatched_sizes=True, **arguments),
            found,
        )
    return module, info


def _published(found: Found, options: LoadOptions) -> Weights:
    """The weights of a folder or a hub's model; empty if transformers reads them best by itself."""
    first, files = _files(found, options)
    # transformers' own reader never trusts a checkpoint.
    state = {} if files[0].suffix == ".safetensors" else _state(found, options)
    return Weights(path=first, sha256=file_hash(*files), state=state, named=str(first))


def _state(found: Found, options: LoadOptions) -> dict[str, Tensor]:
    """The published weights by the names in their files."""
    state: dict[str, Tensor] = {}
    for file in _files(found, options)[1]:
        state |= read_checkpoint(file, trust=options.trust_checkpoint).state
    return state


def _adapted(kind: Any, found: Found, weights: Weights, options: LoadOptions) -> tuple[Found, Weights]:
    """Merge an adapter into its model's weights, by today's names of them or the file's; with a head of its classes."""
    module, _ = _built(kind, found, weights.state, "cpu", options)
    adapter: Any = found.adapter
    try:
        merged = read_checkpoint(adapter, trust=options.trust_checkpoint, base=module.state_dict())
    except InputError:
        merged = read_checkpoint(adapter, trust=options.trust_checkpoint, base=_state(found, options))
    return replace(found, config=_with_head(found.config, merged.state)), merged


def _with_head(config: Any, state: Mapping[str, Tensor]) -> Any:
    """A configuration with as many classes as the classifier of these weights."""
    rows = next((len(value) for name, value in state.items() if name in _HEADS), config.num_labels)
    if rows == config.num_labels:
        return config
    config = copy.deepcopy(config)
    config.num_labels = rows
    return config


def _made(make: Any, found: Found) -> Any:
    """Call `make`, and report its failures in one line."""
    try:
        return make()
    except CamctlError:
        raise
    except Exception as error:
        name = found.name or found.config.model_type
        if out_of_memory(error):
            raise CamctlError(f"There is too little memory for '{name}'.", hint="Use a smaller model.") from error
        backbone = getattr(getattr(found.config, "backbone_config", None), "model_type", "")
        needed = "timm" if backbone == "timm_backbone" else NEEDS.get(found.config.model_type)
        if needed is not None and isinstance(error, ImportError):
            message = f"'{name}' needs the package {needed}, which is not installed."
            raise InputError(message, hint=f"Install it with: pip install {needed}") from error
        message = f"'{name}' cannot be loaded: {one_line(error)}"
        hint = Hint("Save it again with save_pretrained, or try", random_weights=True)
        raise InputError(message, hint=hint) from error


def _files(found: Found, options: LoadOptions) -> tuple[Path, list[Path]]:
    """The main file of a folder's or a hub model's weights, and all files that hold them."""
    folder = Path(found.name)

    def file(*names: str) -> Path:
        if not folder.is_dir():
            return hub_file(found.name, *names, revision=found.revision, progress=options.progress)
        first = next((folder / name for name in names if (folder / name).is_file()), None)
        if first is None:
            message = f"There are no weights in '{found.name}'."
            raise InputError(message, hint=Hint("Give a checkpoint file, or use", random_weights=True))
        return first

    first = file(*_WEIGHTS)
    if first.suffix != ".json":
        return first, [first]
    try:
        names = sorted(set(json.loads(first.read_text(encoding="utf-8"))["weight_map"].values()))
    except (ValueError, KeyError, AttributeError) as error:
        message = f"'{first}' is no index of weights: {one_line(error)}"
        raise InputError(message, hint="Copy or download it again.") from error
    return first, [file(str(name)) for name in names]
