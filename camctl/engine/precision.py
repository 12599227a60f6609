"""How precisely the float32 arithmetic of a model is done: the same map on a CPU and on a GPU.

On CUDA, torch computes convolutions in TF32 by default, which keeps 10 bits of a mantissa: maps then differ by up to
0.7 of their range from those of a CPU. Inside a capture float32 means float32, unless the user asks for less.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial, wraps
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from torch import Tensor

    from camctl.plugin.models import Precision

HALVES = {"bf16": torch.bfloat16, "fp16": torch.float16}
"""Precision -> the type in which autocast computes."""


@dataclass(frozen=True)
class Setting:
    """A setting of torch's, and its values for float32 and for TF32."""

    get: Callable[[], Any]
    put: Callable[[Any], None]
    exact: Any
    tf32: Any

    def read(self) -> Any:
        """Return the value; None if torch refuses to say it."""
        try:
            return self.get()
        except RuntimeError:
            return None


def _named(owner: Any, name: str, exact: Any, tf32: Any) -> Setting:
    return Setting(partial(getattr, owner, name), partial(setattr, owner, name), exact, tf32)


SETTINGS = (
    Setting(torch.get_float32_matmul_precision, torch.set_float32_matmul_precision, "highest", "high"),
    _named(torch.backends.cudnn, "allow_tf32", exact=False, tf32=True),
    _named(torch.backends.cuda.matmul, "fp32_precision", "ieee", "tf32"),
    *(_named(attrgetter(kind)(torch.backends.cudnn), "fp32_precision", "ieee", "tf32") for kind in ("conv", "rnn")),
)
"""The old names first: torch refuses to read one of them after its new name was set to what it cannot say."""

INHERITED = "none"


@contextmanager
def float32(*, tf32: bool = False) -> Iterator[None]:
    """Let CUDA's float32 convolutions and matrix products be float32, or TF32; the settings are put back afterwards."""
    before = [(setting, setting.read()) for setting in SETTINGS]
    for setting in SETTINGS:
        wanted = setting.tf32 if tf32 else setting.exact
        if setting.read() not in {None, wanted, *(() if tf32 else (INHERITED,))}:
            setting.put(wanted)
    try:
        yield
    finally:
        for setting, value in before:
            if value is not None and setting.read() != value:
                setting.put(value)


def cast(forward: Callable[[Tensor], Any], precision: Precision) -> Callable[[Tensor], Any]:
    """Return a model's forward pass with the operations that bear it computed in half precision (autocast)."""
    half = HALVES.get(precision)
    if half is None:
        return forward

    @wraps(forward)
    def casting(inputs: Tensor) -> Any:
        # Weights are cast anew in each pass: a cached cast would be a constant without a graph in the next one.
        with torch.autocast(inputs.device.type, dtype=half, cache_enabled=False):
            return forward(inputs)

    return casting
