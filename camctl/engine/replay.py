"""Run only what follows the target layer.

One forward pass is traced operation by operation. The operations that depend on the target layer's output form a tape;
everything else, such as the parameters, is a constant on it. The tape is then played for many grids at once by `vmap`,
which adds a batch dimension to every operation: no shape that the network computed for itself changes.

A tape is used only after its output matched a full forward pass. Otherwise, or if tracing fails (activations become
Python numbers), full forward passes are run.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

from camctl.engine.graph import restarting
from camctl.engine.layout import tensor_in, with_tensor
from camctl.engine.model_state import ModuleTable, untouched
from camctl.engine.tape import Tape, Untraceable
from camctl.errors import one_line, out_of_memory
from camctl.plugin.methods import hooked

if TYPE_CHECKING:
    from torch import Tensor, nn

    from camctl.engine.layout import Layout

CHUNK = 192
"""Largest number of grids played at once, 32 for each of six views; one for each row of a larger batch."""

MOST = 32
"""Largest number of grids played at once for one row."""

TOLERANCE = {torch.float32: 1e-4, torch.float64: 1e-6}
"""Largest difference from a full forward pass, as a share of the largest logit; `ROUGH` for half precisions."""

ROUGH = 0.05


class Replay:
    """Computes logits from grids at the target layer. Nothing runs before the first call; the tape is recorded once.

    A layer that is called several times is replayed from `call`, counted from 1, by default its last one. `raw` is its
    output for `inputs`.
    """

    def __init__(
        self,
        model: nn.Module | ModuleTable,
        layer: str,
        layout: Layout,
        raw: Tensor,
        inputs: Tensor,
        forward: Callable[[Tensor], Tensor],
        call: int = 0,
    ) -> None:
        self.table, self.layout = ModuleTable.of(model), layout
        self.layer = self.table.parts[layer]
        self.raw, self.inputs, self.forward = raw, inputs, forward
        self.why_whole = ""
        """Why full forward passes are run; empty if a tape is played, or before the first call."""
        self._tape: Tape | None = None
        self._call = call
        self._calls = self._left = 0

    def __call__(self, grids: Tensor) -> Tensor:
        """Grids (N*K, C, H, W), the K of the first row first -> logits (N*K, classes), float32."""
        views = self.inputs.shape[0]
        wanted = self.layout.to_grid(self.raw).shape[1:]
        if grids.ndim != 4 or grids.shape[1:] != wanted or grids.shape[0] % views:  # noqa: PLR2004
            message = f"replay takes grids ({views}*K, {', '.join(map(str, wanted))}), not {tuple(grids.shape)}"
            raise ValueError(message)
        with torch.no_grad(), untouched(self.table):
            if self._tape is None and not self.why_whole:
                self._prepare()
            if self._tape is not None:
                try:
                    return self._play(self._tape, grids)
                except RuntimeError as error:
                    if out_of_memory(error):
                        raise
                    self._give_up(error)
            return self._whole(grids)

    def _prepare(self) -> None:
        """Record the tape and compare it with a full forward pass on grids that differ from the layer's own."""
        grid = self.layout.to_grid(self.raw)
        probe = torch.stack([grid, grid.flip(2, 3) / 2], 1).flatten(0, 1)
        try:
            tape = self._record()
            played = self._play(tape, probe)[1::2]
        except Exception as error:
            if out_of_memory(error):
                raise
            self._give_up(error)
            return
        if _close(played, self._whole(probe[1::2]), self.raw.dtype):
            self._tape = tape
        else:
            self._give_up(Untraceable("the tape's output differs from the network's"))

    def _give_up(self, error: Exception) -> None:
        self._tape, self.why_whole = None, one_line(error)

    def _record(self) -> Tape:
        tape, calls = Tape(), 0

        def start(output: Any) -> Any:
            nonlocal calls
            calls += 1
            tensor = tensor_in(output)
            if tensor is None or self._call not in {0, calls}:
                return None
            # A layer may pass its input through, or its output may be written over: the tape starts at a clone.
            clone = tensor.clone()
            tape.start(clone)
            return with_tensor(output, tensor, clone)

        def again() -> None:
            nonlocal calls
            calls = 0

        # Fused attention has no batched form; the plain operations have.
        fast = torch.backends.mha.get_fastpath_enabled()
        torch.backends.mha.set_fastpath_enabled(False)
        try:
            with hooked(self.layer, start), sdpa_kernel(SDPBackend.MATH), tape, restarting(again):
                logits = self.forward(self.inputs)
        finally:
            torch.backends.mha.set_fastpath_enabled(fast)
        if not tape._count:  # noqa: SLF001
            raise Untraceable("the layer has no output")
        tape.finish(logits)
        self._calls = calls
        return tape

    def _play(self, tape: Tape, grids: Tensor) -> Tensor:
        by_view = grids.unflatten(0, (self.inputs.shape[0], -1))
        chunks = []
        with warnings.catch_warnings():
            # An operation without a batched form runs grid by grid: slower, with the same result.
            warnings.filterwarnings("ignore", message="There is a performance drop")
            for part in by_view.split(max(1, min(MOST, CHUNK // len(by_view))), 1):
                count = part.shape[1]
                raws = self.raw[:, None].expand(-1, count, *self.raw.shape[1:]).flatten(0, 1)
                outputs = self.layout.output_of(part.flatten(0, 1), raws).unflatten(0, (-1, count)).transpose(0, 1)
                # The outputs may be the caller's own grids.
                outputs = outputs.clone() if tape.writes_over_input else outputs
                chunks.append(torch.func.vmap(tape.play)(outputs).float())
        return torch.cat(chunks).transpose(0, 1).flatten(0, 1)

    def _whole(self, grids: Tensor) -> Tensor:
        """Return logits by full forward passes, one grid per view inserted at the layer's call."""
        by_view = grids.unflatten(0, (self.inputs.shape[0], -1))
        if not self._calls:
            self._count_calls()
        logits = []
        for part in by_view.unbind(1):
            self._left = self._calls
            again = partial(setattr, self, "_left", self._calls)
            with hooked(self.layer, partial(self._put, part)), restarting(again):
                logits.append(self.forward(self.inputs).float())
        return torch.stack(logits, 1).flatten(0, 1)

    def _count_calls(self) -> None:
        def count(_output: Any) -> None:
            self._calls += 1

        with hooked(self.layer, count), restarting(partial(setattr, self, "_calls", 0)):
            self.forward(self.inputs)

    def _put(self, grids: Tensor, output: Any) -> Any:
        self._left -= 1
        tensor = tensor_in(output)
        if tensor is None or self._calls - self._left != (self._call or self._calls):
            return None
        # A network that sets hooks on its tensors runs with gradients, and needs them from here on as well.
        put = self.layout.output_of(grids, tensor).detach().requires_grad_(torch.is_grad_enabled()).clone()
        return with_tensor(output, tensor, put)


def _close(one: Tensor, other: Tensor, precision: torch.dtype) -> bool:
    scale = other.abs().nan_to_num(0, 0, 0).max().clamp_min(1e-12)
    allowed = float(scale) * TOLERANCE.get(precision, ROUGH)
    return one.shape == other.shape and torch.allclose(one, other, rtol=0, atol=allowed, equal_nan=True)
