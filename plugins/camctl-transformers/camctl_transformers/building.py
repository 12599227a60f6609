"""The network itself: which class, with which weights."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from camctl.errors import CamctlError, InputError, one_line, out_of_memory
from camctl.plugin import Checkpoint

if TYPE_CHECKING:
    from torch import nn

    from camctl_transformers.finding import Found

_WEIGHTS = (
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
)
_SHOWN = 3
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
    from camctl_transformers.random_weights import enliven, seeded

    with seeded(seed), quiet():
        module: nn.Module = _made(lambda: kind(found.config), found)
    enliven(module, seed)
    return module.float().eval()


def with_weights(
    kind: Any, found: Found, checkpoint: str | None, device: str
) -> tuple[nn.Module, Checkpoint | None, tuple[str, ...]]:
    """The network, where its weights came from, and notes on what is missing."""
    import torch

    from camctl_transformers.files import read
    from camctl_transformers.finding import quiet

    # Half precision is slow on a CPU, and not all of it is there.
    dtype: Any = torch.float32 if device == "cpu" else "auto"
    given: dict[str, Any] = {"config": found.config, "output_loading_info": True, "dtype": dtype}
    source = None
    if checkpoint is not None:
        path = Path(checkpoint).expanduser()
        state, sha256 = read(path)
        source = Checkpoint(path=checkpoint, sha256=sha256)
        with quiet():
            module, told = _made(lambda: kind.from_pretrained(None, state_dict=state, **given), found)
    else:
        with quiet():
            module, told = _made(lambda: kind.from_pretrained(found.name, **given), found)
            source = _source(found.name)
    notes = _notes(told, module, checkpoint or found.name)
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
        if isinstance(error, OSError) and "no file named" in str(error):
            message = f"There are no weights in '{what}'."
            raise InputError(message, hint="Add --random-weights, or give a CHECKPOINT file.") from error
        message = f"'{what}' cannot be loaded: {one_line(error)}"
        raise InputError(message, hint="Save it again with save_pretrained, or try --random-weights.") from error


def _source(name: str) -> Checkpoint | None:
    """The file of the weights and its hash; of several files, their index and the hash over all of them."""
    from transformers.utils import cached_file

    config = cached_file(name, "config.json", local_files_only=True)
    folder = Path(str(config)).parent
    first = next((folder / each for each in _WEIGHTS if (folder / each).is_file()), None)
    if first is None:
        return None
    stem = first.name.partition(".")[0]
    files = (
        sorted(folder.glob(f"{stem}-*{Path(first.stem).suffix or first.suffix}"))
        if first.suffix == ".json"
        else [first]
    )
    digest = hashlib.sha256()
    for file in files:
        with file.open("rb") as stream:
            while chunk := stream.read(1 << 22):
                digest.update(chunk)
    return Checkpoint(path=str(first), sha256=digest.hexdigest())


def _notes(told: Any, module: nn.Module, name: str) -> tuple[str, ...]:
    missing = sorted(key for key in told["missing_keys"] if not key.endswith("num_batches_tracked"))
    expected = [key for key in module.state_dict() if not key.endswith("num_batches_tracked")]
    if missing and len(missing) >= len(expected):
        message = f"The weights of '{name}' are for another model: none of them has a place in this one."
        raise InputError(message, hint=f"It wants {_some(expected)}.")
    parts = []
    if missing:
        parts.append(
            f"{len(missing)} of {len(expected)} weights are not in it and keep random values ({_some(missing)})"
        )
    if unexpected := sorted(told["unexpected_keys"]):
        parts.append(f"{len(unexpected)} in it are not used ({_some(unexpected)})")
    return (f"Checkpoint: {'; '.join(parts)}.",) if parts else ()


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
