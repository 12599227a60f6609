"""The network itself: which class, with which weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from camctl.errors import CamctlError, InputError, one_line, out_of_memory
from camctl.kit.checkpoints import file_hash, read_checkpoint
from camctl.kit.downloads import local_file
from camctl.kit.fitting import mismatch, notes_on
from camctl.kit.hub import hub_file
from camctl.kit.random_weights import enliven, seeded
from camctl.plugin import Checkpoint, LoadOptions

if TYPE_CHECKING:
    from torch import Tensor, nn

    from camctl_transformers.finding import Found

_WEIGHTS = (
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
)
_CLASSES = "Set num_labels to N in its config.json, or give the checkpoint that was trained with this very model."
NEEDS = {"dinat": "natten", "timm_wrapper": "timm"}
"""Family -> the package that its code calls."""


def classifier_class(config: Any) -> Any | None:
    """The image classification class of a configuration; None where transformers has none."""
    from transformers.models.auto.modeling_auto import MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING as MAPPING

    if type(config) not in MAPPING or config.model_type == "shieldgemma2":
        return None
    found = MAPPING[type(config)]
    choices = tuple(found) if isinstance(found, list | tuple) else (found,)
    said = set(getattr(config, "architectures", None) or ())
    return next((each for each in choices if each.__name__ in said), choices[0])


def zero_shot_class(config: Any) -> Any | None:
    """The class that scores pictures against texts; None where there is none with both features."""
    from transformers.models.auto.modeling_auto import MODEL_FOR_ZERO_SHOT_IMAGE_CLASSIFICATION_MAPPING as MAPPING

    if type(config) not in MAPPING:
        return None
    found = MAPPING[type(config)]
    both = all(hasattr(found, name) for name in ("get_image_features", "get_text_features"))
    return found if both else None


def says_classifier(config: Any) -> bool:
    """Whether the weights were saved by an image classification class."""
    return any("ForImageClassification" in name for name in getattr(config, "architectures", None) or ())


def at_random(kind: Any, found: Found, seed: int) -> nn.Module:
    """The network with weights drawn from the seed."""
    from camctl_transformers.finding import quiet

    with seeded(seed), quiet():
        module: nn.Module = _made(lambda: kind(found.config), found)
    enliven(module, seed)
    return module.float().eval()


def with_weights(
    kind: Any, found: Found, checkpoint: str | None, device: str, options: LoadOptions
) -> tuple[nn.Module, Checkpoint, tuple[str, ...]]:
    """The network, where its weights came from, and notes on what is missing."""
    import torch

    from camctl_transformers.finding import quiet

    # Half precision is slow on a CPU, and not all of it is there.
    dtype: Any = torch.float32 if device == "cpu" else "auto"
    given: dict[str, Any] = {"config": found.config, "output_loading_info": True, "dtype": dtype}
    given |= {"ignore_mismatched_sizes": True}  # told below, in the user's words
    if checkpoint is not None:
        weights = read_checkpoint(local_file(checkpoint, options), trust=options.trust_checkpoint)
        state: dict[str, Tensor] = dict(weights.state)
        source = Checkpoint(path=checkpoint, sha256=weights.sha256)
    else:
        first, files = _published(found, options)
        state, source = {}, Checkpoint(path=str(first), sha256=file_hash(*files))
        if files[0].suffix != ".safetensors":  # transformers' own reader runs no code either, and cannot be told to
            for file in files:
                state |= read_checkpoint(file, trust=options.trust_checkpoint).state
    given |= {"state_dict": state} if state else found.at
    with quiet():
        module, told = _made(lambda: kind.from_pretrained(None if state else found.name, **given), found)
    where = checkpoint or found.name
    if told["mismatched_keys"]:
        raise mismatch(sorted(told["mismatched_keys"]), path=where, hint=_CLASSES, where="the configuration")
    notes = notes_on(module, sorted(told["missing_keys"]), sorted(told["unexpected_keys"]), path=where)
    return module.eval(), source, notes


def _made(make: Any, found: Found) -> Any:
    """What `make` gives; its failures in one line each."""
    try:
        return make()
    except CamctlError:
        raise
    except Exception as error:
        what = found.name or found.config.model_type
        if out_of_memory(error):
            raise CamctlError(f"There is too little memory for '{what}'.", hint="Use a smaller model.") from error
        needed = NEEDS.get(found.config.model_type)
        if needed is not None and isinstance(error, ImportError):
            message = f"'{what}' needs the package {needed}, which is not installed."
            raise InputError(message, hint=f"Install it with: pip install {needed}") from error
        message = f"'{what}' cannot be loaded: {one_line(error)}"
        raise InputError(message, hint="Save it again with save_pretrained, or try --random-weights.") from error


def _published(found: Found, options: LoadOptions) -> tuple[Path, list[Path]]:
    """The file that stands for the weights of a folder or of a hub's model, and all files that hold them."""
    folder = Path(found.name)

    def file(*names: str) -> Path:
        if not folder.is_dir():
            return hub_file(found.name, *names, revision=found.revision, progress=options.progress)
        first = next((folder / name for name in names if (folder / name).is_file()), None)
        if first is None:
            message = f"There are no weights in '{found.name}'."
            raise InputError(message, hint="Add --random-weights, or give a CHECKPOINT file.")
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
