"""Milliseconds of work on a device, which is not waited for while it works."""

from __future__ import annotations

from contextlib import contextmanager
from time import perf_counter
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Iterator


class Stopwatch:
    """Times pieces of work on a device; a CUDA device is waited for only when `milliseconds` is read."""

    def __init__(self, device: torch.device) -> None:
        self._stream = torch.cuda.current_stream(device) if device.type == "cuda" else None
        self._spent = 0.0
        self._pieces: list[tuple[torch.cuda.Event, torch.cuda.Event]] = []

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Time the work that a block gives to the device."""
        if self._stream is None:
            start = perf_counter()
            yield
            self._spent += (perf_counter() - start) * 1e3
            return
        began, ended = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        began.record(self._stream)
        yield
        ended.record(self._stream)
        self._pieces.append((began, ended))

    @property
    def milliseconds(self) -> float:
        """Milliseconds of all pieces of work so far."""
        for began, ended in self._pieces:
            ended.synchronize()
            self._spent += began.elapsed_time(ended)
        self._pieces.clear()
        return self._spent
