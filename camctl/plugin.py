"""The contract: everything that a method, an adapter, a source or a metric needs to know of camctl.

A plugin package imports this module (and `camctl.errors`) and nothing else of camctl. Nothing heavy
is imported here, so that a listing of plugins costs no torch.

Entry-point groups: `camctl.methods` names a `Method`, `camctl.metrics` a `Metric`, `camctl.adapters` an
`Adapter` and `camctl.sources` a `Source` (an instance, or a class that needs no arguments).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor, nn

GROUPS = {
    "method": "camctl.methods",
    "adapter": "camctl.adapters",
    "source": "camctl.sources",
    "metric": "camctl.metrics",
}
"""Kind of plugin -> the entry-point group it is found in."""

Need = Literal["activations", "gradients", "replay", "rescoring"]
Reduction = Literal["sum", "principal", "none"]
Aggregate = Literal["mean", "max", "product"]
MetricNeed = Literal["scores", "maps", "box"]
Better = Literal["higher", "lower", "neither"]


# ---------------------------------------------------------------------------------------- sources


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


# --------------------------------------------------------------------------------------- adapters


@runtime_checkable
class Adapter(Protocol):
    """What is known of a model family. Its claims are checked against what the forward pass shows."""

    summary: str

    def matches(self, model: nn.Module) -> bool:
        """Whether this adapter knows the model. Cheap: looks at classes and attributes alone."""
        ...

    def target_layers(self, model: nn.Module) -> Sequence[str]:
        """Names of the default target layers, as in `model.named_modules()`."""
        ...

    def extra_tokens(self, model: nn.Module) -> int:
        """How many class, distillation or register tokens precede the patch tokens; 0 for none."""
        ...

    def to_grid(self, output: Tensor, input_size: tuple[int, int]) -> Tensor | None:
        """A layer's output -> (N, C, H, W), or None to leave the layout to the engine.

        Only rearranges and drops values (views, permutations, slices): the engine learns the way
        back from it. `input_size` is the model input's (height, width) in pixels.
        """
        ...


# ---------------------------------------------------------------------------------------- methods


@dataclass(frozen=True, kw_only=True)
class Capture:
    """One forward pass and one backward pass, seen at one target layer for one target.

    Tensors are float32 on the model's device. N is the number of views (1, or 6 with `--aug-smooth`).
    """

    activations: Tensor
    """(N, C, H, W): the target layer's output as a grid, extra tokens left out."""
    gradients: Tensor
    """(N, C, H, W): of the target's logit with respect to the activations; empty (0,) where not needed."""
    inputs: Tensor
    """(N, 3, h, w): what the model was given."""
    targets: Tensor
    """(N,): index of the class explained, int64."""
    logits: Tensor
    """(N, classes)."""
    layer: str
    """Name of the target layer."""
    module: nn.Module
    """The model itself; leave it as it was found."""
    forward: Callable[[Tensor], Tensor]
    """Inputs (M, 3, h, w) -> logits (M, classes), for methods that need `rescoring`."""
    grid_of: Callable[[Tensor], Tensor]
    """The target layer's raw output -> (N, C, H, W), as `activations` was made."""
    output_of: Callable[[Tensor, Tensor], Tensor]
    """The way back: a grid (N, C, H, W) and the raw output it came from -> a raw output holding that grid."""
    replay: Callable[[Tensor], Tensor]
    """Runs what follows the target layer: other grids in its place, any number K a view, (N*K, C, H, W), those of the
    first view first -> logits (N*K, classes). Extra tokens stay as they were. For methods that need `replay`."""


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What a method costs beside the shared forward pass, in words and in forward passes.

    `passes(C, H, W)` counts forward passes of the whole model, for C channels on an H x W grid and options at
    their defaults (a truncated backward pass counts as 0).
    """

    text: str
    passes: Callable[[int, int, int], float] = lambda _c, _h, _w: 0.0


@dataclass(frozen=True, kw_only=True)
class Method:
    """A way to turn a capture into evidence; made by the decorator `method`."""

    compute: Callable[..., Tensor]
    """`compute(capture, **options)` -> evidence (N, C, H, W), or (N, H, W) where `reduction` is "none"."""
    name: str
    """As papers spell it; the user's name for it is its entry point's."""
    summary: str
    paper: str
    formula: str
    needs: frozenset[Need]
    cost: Cost
    reduction: Reduction
    discriminative: bool
    """Whether the map depends on the class asked for."""
    aggregate: Aggregate | None
    """How its maps of several layers are fused, where its paper says so; None leaves it to the user."""
    cannot: Callable[[nn.Module], str]
    """Why it cannot work on a model, in one line; empty where it can. Asked before any pass is run."""

    @property
    def options(self) -> dict[str, Any]:
        """What `--method-options` may set, and the defaults."""
        return _options(self.compute)


def method(  # noqa: PLR0913
    *,
    name: str,
    summary: str,
    paper: str,
    needs: set[Need],
    formula: str = "",
    cost: Cost | None = None,
    reduction: Reduction = "sum",
    discriminative: bool | None = None,
    aggregate: Aggregate | None = None,
    cannot: Callable[[nn.Module], str] = lambda _module: "",
) -> Callable[[Callable[..., Tensor]], Method]:
    """Turn a function of a capture into a `Method`.

    `discriminative` is taken from `needs` when not given: activations alone know no class.
    """

    def decorate(compute: Callable[..., Tensor]) -> Method:
        return Method(
            compute=compute,
            name=name,
            summary=summary,
            paper=paper,
            formula=formula,
            needs=frozenset(needs),
            cost=cost or Cost(text="1 backward" if "gradients" in needs else "none"),
            reduction=reduction,
            discriminative=bool(needs - {"activations"}) if discriminative is None else discriminative,
            aggregate=aggregate,
            cannot=cannot,
        )

    return decorate


def _options(compute: Callable[..., Any]) -> dict[str, Any]:
    """Keyword-only parameters of a plugin's function, and their defaults."""
    parameters = inspect.signature(compute).parameters.values()
    return {p.name: p.default for p in parameters if p.kind is inspect.Parameter.KEYWORD_ONLY}


# ---------------------------------------------------------------------------------------- metrics


@dataclass(frozen=True, kw_only=True)
class Case:
    """One map put to the test. Tensors lie on the model's device; (h, w) is the model input's size in pixels."""

    values: Tensor
    """(h, w), float32, 0..1: the map, never worthless."""
    inputs: Tensor
    """(1, 3, h, w), in the model's precision: what it was given. Zero is the mean colour of its training pictures."""
    score: float
    """Score (0..1) of the class explained, for the whole picture."""
    box: tuple[float, float, float, float] | None
    """Where the object is: x0, y0, x1, y1 in pixels of the input; None where nobody said."""
    score_of: Callable[[Tensor], Tensor]
    """Any number of other inputs (M, 3, h, w) -> scores (M,), float32, of the same class; run in batches."""
    map_of: Callable[[Tensor], Tensor]
    """Another input (1, 3, h, w) -> its map (h, w), by the same method for the same class; zeros where worthless."""

    @cached_property
    def shown(self) -> Tensor:
        """(1, 3, h, w): the inputs times the map, so that only what it shows is left."""
        return self.inputs * self.values.to(self.inputs.dtype)

    @cached_property
    def shown_score(self) -> float:
        """Score of the class for what the map shows of the picture."""
        return float(self.score_of(self.shown)[0])


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A figure that says what a map is worth; made by the decorator `metric`."""

    compute: Callable[..., float]
    """`compute(case, **options)` -> the figure."""
    name: str
    """As people read it; the user's name for it is its entry point's."""
    summary: str
    paper: str
    formula: str
    better: Better
    """Which figures speak for a map; `neither` for those that only describe it."""
    needs: frozenset[MetricNeed]
    """`scores`: it runs the model; `maps`: it draws other maps; `box`: it is left out where no box is given."""
    cost: Cost

    @property
    def options(self) -> dict[str, Any]:
        """What `--metric-options` may set, and the defaults."""
        return _options(self.compute)


def metric(
    *,
    name: str,
    summary: str,
    paper: str,
    better: Better,
    needs: set[MetricNeed] | None = None,
    formula: str = "",
    cost: Cost | None = None,
) -> Callable[[Callable[..., float]], Metric]:
    """Turn a function of a case into a `Metric`."""

    def decorate(compute: Callable[..., float]) -> Metric:
        return Metric(
            compute=compute,
            name=name,
            summary=summary,
            paper=paper,
            formula=formula,
            better=better,
            needs=frozenset(needs or ()),
            cost=cost or Cost(text="none"),
        )

    return decorate
