"""The contract of methods: from a capture to evidence."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from collections.abc import Set as AbstractSet
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from camctl.plugin.functions import Cost, PluginFunction, decorator
from camctl.plugin.questions import Question  # noqa: TC001 - the dataclass is read at run time

if TYPE_CHECKING:
    from torch import Tensor, nn

Need = Literal["activations", "gradients", "replay", "rescoring"]
Reduction = Literal["sum", "principal", "none"]
Aggregate = Literal["mean", "max", "product"]
Evidence: TypeAlias = "Tensor"
"""What a method computes: (N, C, H, W), or maps (N, H, W) if its reduction is "none"."""


@dataclass(frozen=True, kw_only=True)
class Capture:
    """One forward pass and one backward pass of a batch, seen at one target layer, with one question a picture.

    Tensors are float32 on the model's device. N is the number of pictures times their views (1, or 6 with
    `--aug-smooth`), the views of the first picture first. No picture may see another's: a map out of a batch is the map
    of the picture alone.
    """

    activations: Tensor
    """(N, C, H, W): the target layer's output as a grid, extra tokens left out."""
    gradients: Tensor
    """(N, C, H, W): of each target's logit with respect to the activations; empty (0,) where not needed."""
    inputs: Tensor
    """(N, 3, h, w): what the model was given."""
    targets: Tensor
    """(N,): the column of `logits` that is explained, int64."""
    logits: Tensor
    """(N, K): the answers to the questions; of a class the logits (N, classes)."""
    layer: str
    """Name of the target layer."""
    module: nn.Module
    """The model itself; leave it as it was found."""
    forward: Callable[..., Tensor]
    """For methods that need `rescoring`. `forward(inputs)`: any number M of inputs for each of the N, (N*M, 3, h, w),
    those of the first one first -> answers (N*M, K). `forward(inputs, row=n)`: inputs (M, 3, h, w) for the n-th alone
    -> answers (M, K)."""
    grid_of: Callable[[Tensor], Tensor]
    """The target layer's raw output -> (N, C, H, W), as `activations` was made."""
    output_of: Callable[[Tensor, Tensor], Tensor]
    """The way back: a grid (N, C, H, W) and the raw output it came from -> a raw output holding that grid."""
    replay: Callable[[Tensor], Tensor]
    """Runs what follows the target layer: other grids in its place, any number M for each of the N, (N*M, C, H, W),
    those of the first one first -> answers (N*M, K). Extra tokens stay as they were. For methods that need `replay`."""
    questions: tuple[Question, ...]
    """What is asked of the model's output, one question for each of the N; a method that reads the head's own weights
    needs to look at them."""
    views: int = 1
    """Number of views of each picture."""

    def hooked(self, change: Callable[[Any], Any], layer: str = "") -> AbstractContextManager[None]:
        """Pass the target layer's raw output (or another layer's) through `change` inside a `with` block.

        `change` returns what the network goes on with, or None to leave the output as it is.
        """
        return hooked(self.module.get_submodule(layer or self.layer), change)


@contextmanager
def hooked(part: nn.Module, change: Callable[[Any], Any]) -> Iterator[None]:
    """Pass a module's output through `change` inside the block."""
    handle = part.register_forward_hook(lambda _module, _args, output: change(output))
    try:
        yield
    finally:
        handle.remove()


@dataclass(frozen=True, kw_only=True)
class Method(PluginFunction):
    """A way to turn a capture into evidence; made by the decorator `method`."""

    compute: Callable[..., Evidence] = field(kw_only=False)
    """`compute(capture, **options)` -> evidence."""
    needs: AbstractSet[Need]
    reduction: Reduction = "sum"
    discriminative: bool = None  # type: ignore[assignment]
    """Whether the map depends on the class; by default, if it needs more than activations."""
    signed: bool = True
    """Whether its arithmetic works on activations of both signs. If not, its default layer is the activated one, and
    on a norm that a functional ReLU follows it is given the positive part; a layer that the user names is left as it
    is."""
    aggregate: Aggregate | None = None
    """How its maps of several layers are fused, if its paper says so; None leaves it to the user."""
    cannot: Callable[[nn.Module], str] = lambda _module: ""
    """Why it cannot work on a model, in one line; empty if it can. Called before any pass is run."""
    remarks: tuple[str, ...] = ()
    """Measured weaknesses, a sentence each, with the figure and the network."""
    baseline: bool = False
    """Whether it ignores class and network: a map that the others must beat."""

    def __post_init__(self) -> None:
        """Derive the defaults of `discriminative` and `cost` from `needs`."""
        super().__post_init__()
        if self.discriminative is None:
            object.__setattr__(self, "discriminative", bool(self.needs - {"activations"}))
        if "gradients" in self.needs and self.cost == Cost():
            object.__setattr__(self, "cost", Cost(text="1 backward"))


method = decorator(Method)
"""Turn a function of a capture into a `Method`, whose fields are the keywords."""
