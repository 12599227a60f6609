"""Build a network: its class, and its weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from camctl.errors import CamctlError, Hint, InputError, one_line, out_of_memory
from camctl.kit.addresses import shown
from camctl.kit.checkpoints import file_hash, read_checkpoint
from camctl.kit.downloads import load_weights
from camctl.kit.fitting import check_fit, mismatch
from camctl.kit.hub import hub_file
from camctl.kit.random_weights import enliven, seeded
from camctl.kit.renaming import aligned
from camctl.plugin import Checkpoint, LoadOptions
from camctl_transformers.finding import Found, quiet

if TYPE_CHECKING:
    from torch import Tensor, nn

_WEIGHTS = (
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
)
_CLASSES = "Set num_labels to N in its config.json, or give the checkpoint that was trained with this very model."
NEEDS = {"dinat": "natten", "timm_wrapper": "timm"}
"""Family -> package that it needs besides transformers."""


def classifier_class(config: Any) -> Any | None:
    """The image classification class of a configuration; None if transformers has none."""
    from transformers.models.auto.modeling_auto import MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING as MAPPING

    if type(config) not in MAPPING or config.model_type == "shieldgemma2":
        return None
    entry = MAPPING[type(config)]
    classes = tuple(entry) if isinstance(entry, list | tuple) else (entry,)
    saved = set(getattr(config, "architectures", None) or ())
    return next((kind for kind in classes if kind.__name__ in saved), classes[0])


def zero_shot_class(config: Any) -> Any | None:
    """The class that scores pictures against texts; None if there is none with features of both."""
    from transformers.models.auto.modeling_auto import MODEL_FOR_ZERO_SHOT_IMAGE_CLASSIFICATION_MAPPING as MAPPING

    if type(config) not in MAPPING:
        return None
    kind = MAPPING[type(config)]
    both = all(hasattr(kind, name) for name in ("get_image_features", "get_text_features"))
    return kind if both else None


def is_classifier(config: Any) -> bool:
    """Whether the weights were saved by an image classification class."""
    return any("ForImageClassification" in name for name in getattr(config, "architectures", None) or ())


def at_random(kind: Any, found: Found, seed: int) -> nn.Module:
    """Build the network with random weights."""
    with seeded(seed), quiet():
        module: nn.Module = _made(lambda: kind(found.config), found)
    enliven(module, seed)
    return module.float().eval()


def with_weights(
    kind: Any, found: Found, checkpoint: str | None, device: str, options: LoadOptions
) -> tuple[nn.Module, Checkpoint, tuple[str, ...]]:
    """Build the network with a checkpoint's or its published weights; with their origin, and notes on missing ones."""
    import torch

    # Half precision is slow on a CPU, and incomplete.
    dtype: Any = torch.float32 if device == "cpu" else "auto"
    arguments: dict[str, Any] = {"config": found.config, "output_loading_info": True, "dtype": dtype}
    arguments |= {"ignore_mismatched_sizes": True}  # reported below
    weights = load_weights(checkpoint, options)
    remarks: tuple[str, ...] = ()
    if weights is not None:
        state: dict[str, Tensor] = dict(weights.state)
        source = weights.origin
    else:
        first, files = _published(found, options)
        state, source = {}, Checkpoint(path=str(first), sha256=file_hash(*files))
        if files[0].suffix != ".safetensors":  # transformers' own reader never trusts a checkpoint
            for file in files:
                state |= read_checkpoint(file, trust=options.trust_checkpoint).state

    def made() -> tuple[Any, Any]:
        with quiet(), seeded(options.seed):
            named = {"state_dict": state} if state else found.at
            result: tuple[Any, Any] = _made(
                lambda: kind.from_pretrained(None if state else found.name, **arguments, **named), found
            )
            return result

    module, info = made()
    if weights is not None and (info["missing_keys"] or info["mismatched_keys"]):
        # Not by transformers' names: perhaps by those of a wrapper around its model.
        renamed = aligned(module, weights)
        if renamed.state.keys() != state.keys():
            state, remarks = dict(renamed.state), renamed.notes
            module, info = made()
    where = shown(checkpoint or found.name)
    if info["mismatched_keys"]:
        raise mismatch(sorted(info["mismatched_keys"]), path=where, hint=_CLASSES, where="the configuration")
    notes = check_fit(module, sorted(info["missing_keys"]), sorted(info["unexpected_keys"]), path=where, given=state)
    return module.eval(), source, (*(remarks or (weights.notes if weights else ())), *notes)


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
        needed = NEEDS.get(found.config.model_type)
        if needed is not None and isinstance(error, ImportError):
            message = f"'{name}' needs the package {needed}, which is not installed."
            raise InputError(message, hint=f"Install it with: pip install {needed}") from error
        message = f"'{name}' cannot be loaded: {one_line(error)}"
        hint = Hint("Save it again with save_pretrained, or try", random_weights=True)
        raise InputError(message, hint=hint) from error


def _published(found: Found, options: LoadOptions) -> tuple[Path, list[Path]]:
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
