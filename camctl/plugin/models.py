"""The contract of sources and adapters: how models are loaded, and what is known of their families."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from camctl.plugin.questions import ScoreKind  # noqa: TC001 - the dataclass is read at run time
from camctl.values.output import OutputKind  # noqa: TC001

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor, nn


Precision = Literal["float32", "tf32", "bf16", "fp16"]
"""How a model's float32 arithmetic is done: as float32; on CUDA with TF32's 10 bits of mantissa; or with the operations
that bear it in half precision (torch's autocast)."""


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """Origin of the weights. `sha256` is the file's, in hexadecimal."""

    path: str
    sha256: str


@dataclass(frozen=True, kw_only=True, repr=False)
class LoadedModel:
    """A classifier ready to be explained; what every source returns.

    `module` is in eval mode, on its device, in its own precision. Target layers are named as in
    `module.named_modules()`.
    """

    name: str
    """Name as the user wrote it, such as `timm:resnet50`."""
    source: str
    """Entry-point name of its source."""
    module: nn.Module
    forward: Callable[[Tensor], Any]
    """Batch (N, 3, h, w) of preprocessed pictures -> the model's output: a tensor (N, classes), or several in a tuple,
    list, dict or dataclass."""
    preprocess: Callable[[NDArray[np.uint8]], Tensor]
    """Pixels (H, W, 3), uint8 RGB -> one model input (channels, h, w), float32 on the CPU."""
    input_size: tuple[int, int]
    """Usual height and width of a model input in pixels; for probing without a picture."""
    bands: int = 3
    """Number of bands that `preprocess` takes. Other than 3: a picture's own numbers (H, W, bands) instead of pixels,
    within 0..1 if the user gives their range."""
    class_names: tuple[str, ...] | None = None
    """One name a column of the output; None if unknown."""
    synonyms: tuple[str, ...] = ()
    """Other names of each class, separated by commas: a class is found by them, and they are not shown."""
    output: OutputKind | None = None
    """What the output is; None lets the engine find out."""
    output_by: str = "source"
    """Who says what the output is: `source`, `module` (an attribute of it) or `you`."""
    head: str | int | None = None
    """Name or index of the head that is explained, of several; None takes the one that has the class names, or the
    largest."""
    score: ScoreKind = "softmax"
    """How logits become scores (`sigmoid` for multi-label heads)."""
    precision: Precision = "float32"
    """How its float32 arithmetic is done; set after loading."""
    opaque: bool = False
    """Whether nothing inside it can be seen: the only layer of `module` is `picture`, the input, and only methods that
    score changed pictures work."""
    checkpoint: Checkpoint | None = None
    random_weights: bool = False
    repairs: tuple[str, ...] = ()
    """Known defects of the model's library that were repaired, one line each."""
    notes: tuple[str, ...] = ()
    """Remarks on how it was loaded, one line each."""
    resizing: str = ""
    """Remark for a picture of another size than `input_size`, if what becomes of it is a guess."""

    def __repr__(self) -> str:
        return f"<LoadedModel {self.name}: {type(self.module).__name__}, {len(self.class_names or ()):,} class names>"

    def _repr_html_(self) -> str:
        from camctl.render.notebook_table import model_table

        return model_table(self)


@dataclass(frozen=True, kw_only=True)
class LoadOptions:
    """The user's options for loading; a source reads those that concern it.

    `progress` is called as `progress(text, done, total)` in bytes, while a file is fetched.
    """

    random_weights: bool = False
    seed: int = 0
    trust_checkpoint: bool = False
    weights: str | None = None
    """Which weights of a checkpoint: `ema`, `plain`, or the key under which they lie; None is the usual choice."""
    repairs: bool = True
    cfg_options: Mapping[str, Any] = field(default_factory=dict)
    labels: tuple[str, ...] = ()
    """Class names; for a zero-shot model, the texts to score pictures against. Other sources can ignore them: the
    classes are renamed after loading."""
    output: OutputKind | None = None
    """What the output is, if the user says so; sources can ignore it: it is set after loading, as is `head`."""
    head: str | int | None = None
    progress: Callable[[str, int, int], None] | None = None


class Source(ABC):
    """Finds and loads the models of one library."""

    summary: str = ""
    example: str = ""
    """What may follow `source:`, such as `resnet50`; shown in hints."""
    own_weights: bool = False
    """Whether it brings weights of its own: without a checkpoint nothing is downloaded."""

    @abstractmethod
    def load(self, reference: str, checkpoint: str | None, device: str, options: LoadOptions) -> LoadedModel:
        """Load the model that `reference` (the part after `source:`) names, in eval mode, on `device`.

        Raises `camctl.errors.InputError` for what the user can correct.
        """

    def names(self) -> Iterable[str]:
        """Names that may follow `source:`, which a shell offers after Tab; only those that are found in an instant."""
        return ()


class Adapter(ABC):
    """Knowledge of a model family. Its claims are compared with what the forward pass shows."""

    summary: str = ""

    @abstractmethod
    def matches(self, model: nn.Module) -> bool:
        """Whether this adapter knows the model. Must be cheap: looks at classes and attributes only."""

    @abstractmethod
    def target_layers(self, model: nn.Module) -> Sequence[str]:
        """Names of the default target layers, as in `model.named_modules()`."""

    def extra_tokens(self, model: nn.Module) -> int:  # noqa: ARG002 - for subclasses
        """Number of class, distillation and register tokens before the patch tokens."""
        return 0

    def to_grid(self, output: Tensor, input_size: tuple[int, int]) -> Tensor | None:  # noqa: ARG002 - for subclasses
        """Rearrange a layer's output as (N, C, H, W); None lets the engine find the grid.

        Only rearranges and drops values (views, permutations, slices): the engine learns the way back from it.
        `input_size` is the model input's (height, width) in pixels.
        """
        return None

    def __str__(self) -> str:
        """Name in messages."""
        return type(self).__name__
