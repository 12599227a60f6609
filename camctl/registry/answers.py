"""What third parties' plugins may answer: each check says what is wrong, in words that follow the plugin's name."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields, is_dataclass
from itertools import chain
from numbers import Integral
from typing import TYPE_CHECKING, Any, get_args

from camctl.errors import one_line
from camctl.plugin import Checkpoint, LoadedModel, OutputKind, ScoreKind
from camctl.registry.shared_state import holds

KINDS = get_args(OutputKind)

if TYPE_CHECKING:
    import pyarrow as pa
    from torch import Tensor, nn

    from camctl.plugin import Capture, Method

LARGEST_INPUT = 2**28
"""Most pixels of a model's usual input."""


def described(value: object) -> str:
    """Return what was returned, for messages: the shape of a tensor, the type of anything else."""
    from torch import Tensor

    if isinstance(value, Tensor):
        return f"shape {tuple(value.shape)}"
    return "None" if value is None else type(value).__name__


def wrong_tensor(tensor: Tensor) -> str:
    """Return why the values of a tensor cannot be read as real numbers, as `returned ...`; empty if they can."""
    from torch import strided

    if tensor.is_nested or tensor.is_quantized or tensor.layout != strided or tensor.is_complex():
        kind = "nested" if tensor.is_nested else tensor.layout
        return f"returned a tensor of {tensor.dtype}, {kind}; expected real numbers in a plain tensor."
    if tensor.is_meta:
        return "returned a tensor on meta, which has no values."
    return "" if holds(tensor) else f"returned shape {tuple(tensor.shape)} over a storage that is too small for it."


def wrong_evidence(evidence: object, capture: Capture, method: Method) -> str:
    """Return what is wrong with a method's evidence, as `returned ...; expected ...`; empty if nothing is."""
    from torch import Tensor

    views, _, height, width = capture.activations.shape
    maps = method.reduction == "none"
    expected = f"({views}, H, W)" if maps else f"({views}, C, {height}, {width})"
    if not isinstance(evidence, Tensor):
        return f"returned {described(evidence)}; expected a tensor {expected}."
    if evidence.is_nested:
        return wrong_tensor(evidence)
    shape = evidence.shape
    fits = len(shape) == (3 if maps else 4) and shape[0] == views and (maps or shape[2:] == (height, width))
    if not fits or not evidence.numel():
        return f"returned {described(evidence)}; expected {expected}."
    if evidence.device != capture.activations.device:
        return f"returned a tensor on {evidence.device}; expected {capture.activations.device}."
    return wrong_tensor(evidence)


def wrong_grid(grid: object, output: Tensor) -> str:
    """Return what is wrong with an adapter's grid of a layer's output; empty if nothing is."""
    from torch import Tensor

    expected = f"a rearrangement of {tuple(output.shape)} as (N, C, H, W), or None"
    if not isinstance(grid, Tensor) or grid.is_nested or grid.ndim != 4:  # noqa: PLR2004
        return f"returned {described(grid)}; expected {expected}."
    if len(grid) != len(output) or not 0 < grid.numel() <= output.numel():
        return f"returned {described(grid)}; expected {expected}."
    if (grid.device, grid.dtype) != (output.device, output.dtype):
        return f"returned a tensor of {grid.dtype} on {grid.device}; expected {output.dtype} on {output.device}."
    return wrong_tensor(grid)


def wrong_rows(rows: object, schema: pa.Schema, missing: Collection[int]) -> str:
    """Return what is wrong with the rows that a runner yields; empty if nothing is.

    `missing` are the indices of the pictures whose rows have not come yet.
    """
    import pyarrow as pa

    if not isinstance(rows, pa.Table):
        return f"returned {described(rows)}; expected a pyarrow.Table."
    if rows.schema.names != schema.names:
        names = set(rows.schema.names) ^ set(schema.names)
        return f"returned a table that differs in the columns {', '.join(sorted(names)[:5]) or '(their order)'}."
    for field in schema:
        if (given := rows.schema.field(field.name).type) != field.type:
            return f"returned the column '{field.name}' of {given}; expected {field.type}."
    try:
        rows.validate(full=True)
    except pa.ArrowInvalid as error:
        return f"returned a table that is not valid: {one_line(error)}."
    for index in rows.column("index").unique().to_pylist():
        if index not in missing:
            return f"returned rows of the picture {index}, which are not missing."
    return ""


def wrong_inputs(inputs: object) -> str:
    """Return what is wrong with a prepared picture; empty if nothing is."""
    from torch import Tensor

    if not isinstance(inputs, Tensor):
        return f"returned {described(inputs)} from preprocess; expected (channels, h, w) in float32."
    plain = not inputs.is_nested and inputs.is_floating_point()
    if not plain or inputs.ndim != 3 or not inputs.numel():  # noqa: PLR2004
        return f"returned {described(inputs)} in {inputs.dtype} from preprocess; expected (channels, h, w) in float32."
    if inputs.device.type != "cpu":
        return f"returned a tensor on {inputs.device} from preprocess; expected cpu."
    return wrong_tensor(inputs)


def wrong_output(output: object, batch: Tensor) -> str:
    """Return what is wrong with the output of a model's forward pass for a batch; empty if nothing is.

    Its shape, but for the number of inputs, is for those who know what the output means.
    """
    from torch import Tensor

    count = f"one result for each of {len(batch)} inputs"
    if not isinstance(output, Tensor):
        known = isinstance(output, (Mapping, list, tuple)) or is_dataclass(output) or hasattr(output, "logits")
        return "" if known else f"returned {described(output)} from its forward pass; expected a tensor."
    if problem := wrong_tensor(output):
        return problem.replace("returned", "returned from its forward pass", 1)
    if not output.is_floating_point() or output.dtype.itemsize == 1:  # eight-bit numbers have no arithmetic
        return f"returned {output.dtype} from its forward pass; expected real numbers, such as torch.float32."
    if not output.numel():
        return f"returned {described(output)} from its forward pass; expected one score a class (N, classes)."
    squeezed = len(batch) == 1 and output.ndim <= 1  # some models squeeze a batch of one away
    if not squeezed and (not output.ndim or len(output) != len(batch)):
        return f"returned {described(output)} from its forward pass; expected {count}."
    return ""


def wrong_model(loaded: object) -> str:
    """Return what is wrong with the fields of a source's model, as `returned ...; expected ...`; empty if none is."""
    from torch import nn

    if not isinstance(loaded, LoadedModel):
        return f"returned {described(loaded)}; expected LoadedModel."
    if not isinstance(loaded.module, nn.Module):
        return f"returned {described(loaded.module)} as the module; expected nn.Module."
    expected = {
        "name": (isinstance(loaded.name, str), "a text"),
        "source": (isinstance(loaded.source, str), "a text"),
        "forward": (callable(loaded.forward), "a function"),
        "preprocess": (callable(loaded.preprocess), "a function"),
        "input_size": (_is_size(loaded.input_size), "(height, width) in pixels"),
        "bands": (isinstance(loaded.bands, int) and loaded.bands > 0, "a number of bands"),
        "class_names": (loaded.class_names is None or _is_texts(loaded.class_names), "one text a class, or None"),
        "score": (
            isinstance(loaded.score, str) and loaded.score in get_args(ScoreKind),
            f"one of {', '.join(get_args(ScoreKind))}",
        ),
        "output": (loaded.output is None or loaded.output in KINDS, f"one of {', '.join(KINDS)}, or None"),
        "output_by": (isinstance(loaded.output_by, str), "a text"),
        "head": (loaded.head is None or isinstance(loaded.head, str | int), "a name, an index, or None"),
        "checkpoint": (_is_checkpoint(loaded.checkpoint), "a Checkpoint of texts, or None"),
        "opaque": (isinstance(loaded.opaque, bool), "True or False"),
        "random_weights": (isinstance(loaded.random_weights, bool), "True or False"),
        "repairs": (_is_texts(loaded.repairs), "a list of texts"),
        "notes": (_is_texts(loaded.notes), "a list of texts"),
        "resizing": (isinstance(loaded.resizing, str), "a text"),
    }
    for name in (field.name for field in fields(LoadedModel) if field.name in expected):
        fits, words = expected[name]
        if not fits:
            return f"returned {_quoted(getattr(loaded, name))} as {name}; expected {words}."
    return _without_values(loaded.module)


def _without_values(module: nn.Module) -> str:
    """Return the first weight that lies on the meta device, in words; empty if there is none."""
    for name, weight in chain(module.named_parameters(), module.named_buffers()):
        if weight.is_meta:
            return f"returned a model whose weight '{name}' has no values: it is on the device meta."
    return ""


def _is_size(size: Any) -> bool:
    """Return whether this is a height and a width."""
    if not isinstance(size, Sequence) or len(size) != 2 or not all(isinstance(side, Integral) for side in size):  # noqa: PLR2004
        return False
    height, width = size
    return bool(min(height, width) > 0) and height * width <= LARGEST_INPUT


def _is_texts(values: Any) -> bool:
    return (
        isinstance(values, Sequence) and not isinstance(values, str) and all(isinstance(text, str) for text in values)
    )


def _is_checkpoint(checkpoint: Any) -> bool:
    if checkpoint is None:
        return True
    return isinstance(checkpoint, Checkpoint) and _is_texts((checkpoint.path, checkpoint.sha256))


def _quoted(value: object) -> str:
    """Return a number or a short text as Python writes it, else the type."""
    if isinstance(value, (int, float, str, tuple)) and len(text := repr(value)) < 40:  # noqa: PLR2004
        return text
    return described(value)
