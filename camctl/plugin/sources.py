"""What a source is: it finds and loads the models of one library."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor, nn


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """Where the weights came from. `sha256` is the file's, in hexadecimal."""

    path: str
    sha256: str


@dataclass(frozen=True, kw_only=True)
class LoadedModel:
    """A classifier ready to be explained; what every source returns.

    `module` is in eval mode, on its device, in its own precision. Target layers are named as in
    `module.named_modules()`.
    """

    name: str
    """As the user named it, such as `timm:resnet50`."""
    source: str
    """Entry-point name of the source that loaded it."""
    module: nn.Module
    forward: Callable[[Tensor], Tensor]
    """A batch (N, 3, h, w), as `preprocess` makes it -> logits (N, classes)."""
    preprocess: Callable[[NDArray[np.uint8]], Tensor]
    """Pixels (H, W, 3), uint8 RGB -> one model input (3, h, w), float32 on the CPU."""
    input_size: tuple[int, int]
    """Height and width of a usual model input, in pixels; for probing without a picture."""
    class_names: tuple[str, ...] | None = None
    """One a logit, or None where nobody knows them."""
    score: Literal["softmax", "sigmoid"] = "softmax"
    """How logits become the scores that people are shown (`sigmoid` for multi-label heads)."""
    checkpoint: Checkpoint | None = None
    random_weights: bool = False
    repairs: tuple[str, ...] = ()
    """Defects of the model's own library that were mended, one line each."""
    notes: tuple[str, ...] = ()
    """What the user should know of how it was loaded, one line each."""


@dataclass(frozen=True, kw_only=True)
class LoadOptions:
    """What the user asked of loading; a source reads what concerns it.

    `progress` is called as `progress(text, done, total)` in bytes, while a file is fetched.
    """

    random_weights: bool = False
    seed: int = 0
    trust_checkpoint: bool = False
    repairs: bool = True
    cfg_options: Mapping[str, Any] = field(default_factory=dict)
    labels: tuple[str, ...] = ()
    """What the classes are called; for a zero-shot model, the texts that it scores pictures against. Of other models
    they need not be read: the classes are renamed once the model is loaded."""
    progress: Callable[[str, int, int], None] | None = None


@runtime_checkable
class Source(Protocol):
    """Knows how to find and load the models of one library."""

    summary: str

    def load(self, reference: str, checkpoint: str | None, device: str, options: LoadOptions) -> LoadedModel:
        """Load the model that `reference` (the part after `source:`) names, in eval mode, on `device`.

        Raises `camctl.errors.InputError` where the user can mend it.
        """
        ...
