"""A data set run against plain inference over the same files.

Plain inference is torch's DataLoader with the same worker processes, preprocessing and batches, the bare model in
inference mode, argmax, and rows in a Parquet file.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from functools import partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.benchmarks.turns import Table, in_turns

if TYPE_CHECKING:
    from tests.benchmarks.turns import Work

NETS = ("mobilenet_v3_large", "resnet50")
SIX = ("GradCAM", "GradCAM++", "XGradCAM", "EigenCAM", "EigenGradCAM", "LayerCAM")
PICTURES = 200

SIZE = (375, 500)
"""Height and width of the JPEG files in pixels."""

BARS = {"camctl GradCAM": 1 / 0.85, "camctl six methods": 1 / 0.75}
"""Largest time, as a multiple of plain inference's."""


def dataset(device: str, rounds: int) -> Iterator[Table]:
    """Time runs over files."""
    for name in NETS:
        with tempfile.TemporaryDirectory() as made:
            runs = Runs(name, device, Path(made), PICTURES)
            works: dict[str, Work] = {
                "plain inference": runs.plain,
                "camctl GradCAM": partial(runs.explained, ["GradCAM"]),
                "camctl six methods": partial(runs.explained, SIX),
            }
            times = in_turns(works, max(1, rounds // 3), warm=0, device=device)
            title = f"{name}, {PICTURES} JPEG of {SIZE[1]} x {SIZE[0]}, batches of {runs.batch}, {device}"
            yield Table(title, "plain inference", times, BARS)


class Runs:
    """A model, and pictures in a folder, where results are written as well."""

    def __init__(self, name: str, device: str, folder: Path, pictures: int) -> None:
        import camctl
        from camctl.datasets import open_data
        from camctl.pipeline.dataset.explainer import Explainer
        from camctl.pipeline.dataset.request import DatasetRequest

        self.loaded = camctl.load(f"torchvision:{name}", random_weights=True, device=device)
        self.folder, self.numbers = folder, count()
        self.files = draw(folder, pictures)
        data, request = open_data(str(folder / "pictures")), DatasetRequest(methods=("GradCAM",))
        own = Explainer(self.loaded, data, request, batch_size=None, workers=None)
        self.batch, self.workers = own.batch_size, own.workers

    def explained(self, methods: Any, pictures: int | None = None) -> None:
        """Run camctl over the first files; all by default."""
        import camctl

        data = str(self.folder / "pictures")
        if pictures is not None:
            data = str(self.folder / f"{pictures}.txt")
            Path(data).write_text("\n".join(map(str, self.files[:pictures])), encoding="utf-8")
        out = self.folder / f"out{next(self.numbers)}"
        camctl.explain_dataset(
            self.loaded, data, out, methods=methods, batch_size=self.batch, workers=self.workers
        )  # fmt: skip

    def plain(self, pictures: int | None = None) -> None:
        """Run plain inference over the first files; all by default."""
        import pyarrow as pa
        import pyarrow.parquet as pq
        import torch
        from torch.utils.data import DataLoader, Dataset

        from camctl.values.picture import read_picture

        loaded, files = self.loaded, self.files[:pictures]

        class Files(Dataset[Any]):
            def __len__(self) -> int:
                return len(files)

            def __getitem__(self, index: int) -> Any:
                return index, loaded.preprocess(read_picture(files[index]).pixels)

        device = next(loaded.module.parameters()).device
        loader = DataLoader(
            Files(), self.batch, num_workers=self.workers, pin_memory=device.type == "cuda", prefetch_factor=2
        )
        rows = []
        with torch.inference_mode():
            for indices, inputs in loader:
                scores, classes = loaded.forward(inputs.to(device, non_blocking=True)).softmax(1).max(1)
                rows.append((indices.tolist(), classes.tolist(), scores.tolist()))
        indices, classes, scores = ([value for row in rows for value in row[column]] for column in range(3))
        table = pa.table({"id": [str(files[index]) for index in indices], "class": classes, "score": scores})
        pq.write_table(table, self.folder / f"plain{next(self.numbers)}.parquet", compression="zstd")


def draw(folder: Path, pictures: int) -> list[Path]:
    """Draw pictures of the demo as JPEG files; sixteen scenes, each at many places, so that it takes seconds."""
    import cv2
    import numpy as np

    from camctl.demo.scenes import render, scene

    place = folder / "pictures"
    place.mkdir()
    scenes = [render(scene(seed), 640) for seed in range(16)]
    random = np.random.default_rng(0)
    files = []
    for number in range(pictures):
        top, left = random.integers(0, 640 - SIZE[0]), random.integers(0, 640 - SIZE[1])
        part = scenes[number % len(scenes)][top : top + SIZE[0], left : left + SIZE[1]]
        noisy = np.clip(part + random.normal(0, 6, part.shape), 0, 255).astype(np.uint8)
        files.append(place / f"{number:06d}.jpg")
        cv2.imwrite(str(files[-1]), noisy[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 90])
    return files
