"""Pictures of a data set, read and prepared for the model ahead of it, by worker processes."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, cast

from camctl.errors import CamctlError, Hint, one_line
from camctl.values.picture import read_content, read_picture
from camctl.workers import context, forking, leave_signals_to_parent

if TYPE_CHECKING:
    from torch import Tensor
    from torch.utils.data import Dataset

    from camctl.datasets import Data
    from camctl.engine.view import ViewMeter
    from camctl.plugin import LoadedModel
    from camctl.values.picture import Picture
    from camctl.values.reading import Reading
    from camctl.values.view import View

AHEAD = 2
"""Number of batches that each worker prepares ahead of the model."""


@dataclass(frozen=True)
class Prepared:
    """One picture as the model sees it, and what is told about it; its pixels are left behind."""

    index: int
    size: tuple[int, int]
    """Height and width in pixels."""
    sha256: str
    view: View


@dataclass(frozen=True)
class Batch:
    """Pictures of a data set whose inputs have one size, (B, C, h, w)."""

    pictures: Sequence[Prepared]
    inputs: Tensor

    def pin_memory(self) -> Batch:
        """Return the batch in memory that a GPU copies from while it works; called by torch's DataLoader."""
        return replace(self, inputs=self.inputs.pin_memory())


@dataclass(frozen=True)
class Chunk:
    """What became of the pictures that were prepared together."""

    batches: Sequence[Batch]
    faults: dict[int, str] = field(default_factory=dict)
    """Index of a picture -> why it cannot be explained, in one line."""

    def pin_memory(self) -> Chunk:
        """Return the chunk with pinned inputs; called by torch's DataLoader."""
        return replace(self, batches=[batch.pin_memory() for batch in self.batches])


@dataclass(frozen=True, eq=False)
class Pictures:
    """The pictures of a data set, prepared for one model."""

    data: Data
    loaded: LoadedModel
    meter: ViewMeter
    reading: Reading

    def picture(self, index: int) -> Picture:
        """Read a picture. Raises `InputError`."""
        content = self.data.read(index)
        if isinstance(content, bytes):
            return read_content(content, self.data.entries[index].path, self.reading)
        return read_picture(content, self.reading)

    def chunk(self, indices: Sequence[int]) -> Chunk:
        """Read and prepare pictures; those that fail are faults."""
        import torch

        from camctl.engine.view import prepared

        faults: dict[int, str] = {}
        by_size: dict[tuple[int, ...], list[tuple[Prepared, Tensor]]] = {}
        for index in indices:
            try:
                picture = self.picture(index)
                inputs = prepared(self.loaded, picture)
                about = Prepared(index, picture.size, picture.sha256, self.meter.view(picture))
            except CamctlError as error:
                faults[index] = error.message
            except Exception as error:  # noqa: BLE001 - the preprocessing may be the user's
                faults[index] = f"The model's preprocessing fails on it: {one_line(error)}"
            else:
                by_size.setdefault(tuple(inputs.shape), []).append((about, inputs))
        batches = [
            Batch([about for about, _ in part], torch.stack([inputs for _, inputs in part]))
            for part in by_size.values()
        ]
        return Chunk(batches, faults)

    def chunks(self, indices: Sequence[int], size: int, workers: int) -> Iterator[Chunk]:
        """Yield the pictures of these indices in their order, `size` at a time, prepared ahead by worker processes.

        Raises `CamctlError`: a worker was killed.
        """
        parts = [indices[start : start + size] for start in range(0, len(indices), size)]
        workers = min(workers, len(parts))
        if not workers:
            yield from map(self.chunk, parts)
            return
        loader = self._loader(parts, workers)
        with forking():
            prepared = iter(loader)
        try:
            yield from prepared
        except RuntimeError as error:
            if "DataLoader worker" not in str(error):
                raise
            message = f"A worker that reads pictures was killed: {one_line(error)}"
            raise CamctlError(message, hint=Hint("Run the same command again; with less memory", workers=0)) from error

    def _loader(self, parts: Sequence[Sequence[int]], workers: int) -> Any:
        from torch.utils.data import DataLoader

        first = next(self.loaded.module.parameters(), None)

        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="This DataLoader will create")
            return DataLoader(
                cast("Dataset[Chunk]", _Parts(self, parts)),
                batch_size=None,
                num_workers=workers,
                prefetch_factor=AHEAD,
                multiprocessing_context=context(),
                pin_memory=first is not None and first.is_cuda,
                worker_init_fn=leave_signals_to_parent,
            )


class _Parts:
    """The chunks of pictures, as torch's DataLoader takes them."""

    def __init__(self, pictures: Pictures, parts: Sequence[Sequence[int]]) -> None:
        self.pictures, self.parts = pictures, parts

    def __len__(self) -> int:
        return len(self.parts)

    def __getitem__(self, number: int) -> Chunk:
        return self.pictures.chunk(self.parts[number])
