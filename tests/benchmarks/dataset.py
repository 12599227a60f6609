"""Measure a dataset run against plain inference over the same data: `python -m tests.benchmarks.dataset`.

Plain inference is torch's DataLoader with the same worker processes, preprocessing and batches, the bare model in
inference mode, argmax, and rows in a Parquet file. Both are measured in turns, and ratios of pictures a second are
printed. With `--memory`, batches of tensors in memory against the bare forward pass, maps on the host: for a GPU.
Nothing here is a test. All weights are random.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, Any

from tests.benchmarks.turns import machine

if TYPE_CHECKING:
    from camctl.plugin import LoadedModel

AIMS = {"GradCAM": 0.85, "six methods": 0.75}
"""Share of plain inference that each should reach, at least."""

SIX = ("GradCAM", "GradCAM++", "XGradCAM", "EigenCAM", "EigenGradCAM", "LayerCAM")
EIGHT = (*SIX, "HiResCAM", "GradCAMElementWise")

SIZE = (375, 500)
"""Height and width of the JPEG files in pixels."""


def main() -> None:
    """Measure the models that the arguments name."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", default=["torchvision:mobilenet_v3_large", "torchvision:resnet50"])
    parser.add_argument("--pictures", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--batch-size", type=int, default=None)
    parser.add_argument("--workers", type=int, default=None)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--memory", action="store_true", help="batches of tensors in memory instead of files")
    arguments = parser.parse_args()
    say(machine(arguments.device))
    for name in arguments.models:
        import camctl

        loaded = camctl.load(name, random_weights=True, device=arguments.device)
        if arguments.memory:
            in_memory(loaded, arguments)
        else:
            with tempfile.TemporaryDirectory() as folder:
                files = draw(Path(folder), arguments.pictures)
                from_files(loaded, files, Path(folder), arguments)


def say(*words: object) -> None:
    """Print words at once."""
    print(*words, flush=True)  # noqa: T201


def draw(folder: Path, count: int) -> list[Path]:
    """Draw pictures of the demo as JPEG files; sixteen scenes, each at many places, so that it takes seconds."""
    import cv2
    import numpy as np

    from camctl.demo.scenes import render, scene

    place = folder / "pictures"
    place.mkdir()
    scenes = [render(scene(seed), 640) for seed in range(16)]
    random = np.random.default_rng(0)
    files = []
    for number in range(count):
        top, left = random.integers(0, 640 - SIZE[0]), random.integers(0, 640 - SIZE[1])
        part = scenes[number % len(scenes)][top : top + SIZE[0], left : left + SIZE[1]]
        noisy = np.clip(part + random.normal(0, 6, part.shape), 0, 255).astype(np.uint8)
        files.append(place / f"{number:06d}.jpg")
        cv2.imwrite(str(files[-1]), noisy[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 90])
    return files


def from_files(loaded: LoadedModel, files: list[Path], folder: Path, arguments: Any) -> None:
    """Compare runs over files."""
    from camctl.datasets import open_data
    from camctl.pipeline.dataset.explainer import Explainer
    from camctl.pipeline.dataset.request import DatasetRequest

    data = open_data(str(folder / "pictures"))
    explainer = Explainer(
        loaded, data, DatasetRequest(methods=("GradCAM",)), batch_size=arguments.batch_size, workers=arguments.workers
    )
    batch, workers = explainer.batch_size, explainer.workers
    works = {
        "plain inference": lambda number: plain(loaded, files, folder / f"plain{number}.parquet", batch, workers),
        "GradCAM": lambda number: run(loaded, folder, f"one{number}", ("GradCAM",), batch, workers),
        "six methods": lambda number: run(loaded, folder, f"six{number}", SIX, batch, workers),
    }
    seconds: dict[str, list[float]] = {name: [] for name in works}
    for number in range(arguments.rounds):
        for name, work in works.items():
            start = perf_counter()
            work(number)
            seconds[name].append(perf_counter() - start)
    say(f"\n{loaded.name}, {len(files)} JPEG of {SIZE[1]} x {SIZE[0]}, batches of {batch}, {workers} workers")
    tell(seconds, "plain inference", len(files))


def plain(loaded: LoadedModel, files: list[Path], out: Path, batch: int, workers: int) -> None:
    """Run plain inference over files."""
    import pyarrow as pa
    import pyarrow.parquet as pq
    import torch
    from torch.utils.data import DataLoader, Dataset

    from camctl.values.picture import read_picture

    class Files(Dataset[Any]):
        def __len__(self) -> int:
            return len(files)

        def __getitem__(self, index: int) -> Any:
            return index, loaded.preprocess(read_picture(files[index]).pixels)

    device = next(loaded.module.parameters()).device
    rows = []
    loader = DataLoader(
        Files(), batch_size=batch, num_workers=workers, pin_memory=device.type == "cuda", prefetch_factor=2
    )
    with torch.inference_mode():
        for indices, inputs in loader:
            scores, classes = loaded.forward(inputs.to(device, non_blocking=True)).softmax(1).max(1)
            rows.append((indices.tolist(), classes.tolist(), scores.tolist()))
    columns = [[value for row in rows for value in row[column]] for column in range(3)]
    table = pa.table({"id": [str(files[index]) for index in columns[0]], "class": columns[1], "score": columns[2]})
    pq.write_table(table, out, compression="zstd")


def run(loaded: LoadedModel, folder: Path, name: str, methods: tuple[str, ...], batch: int, workers: int) -> None:
    """Run camctl over files."""
    import camctl

    pictures, out = str(folder / "pictures"), folder / name
    camctl.explain_dataset(loaded, pictures, out, methods=methods, batch_size=batch, workers=workers)


def in_memory(loaded: LoadedModel, arguments: Any) -> None:
    """Compare batches of tensors in memory, maps on the host, with the bare forward pass."""
    import numpy as np
    import torch

    from camctl.engine.model_state import untouched
    from camctl.pipeline.layer_selection import fused_layers
    from camctl.pipeline.method_selection import pick_methods
    from camctl.pipeline.passes import Clock, Manner, run_batch
    from camctl.pipeline.scene import Scene, plan_of, scene_of
    from camctl.values.picture import Picture

    plan = plan_of(loaded)
    first = scene_of(plan, Picture("", np.zeros((256, 256, 3), np.uint8) + np.arange(256, dtype=np.uint8)[:, None]))
    device = first.inputs.device
    batch = arguments.batch_size or (256 if device.type == "cuda" else 16)
    inputs = torch.randn(batch, *first.inputs.shape[1:], device=device, dtype=first.inputs.dtype)
    scenes = [Scene(plan=plan, picture=first.picture, inputs=part, view=first.view) for part in inputs.split(1)]

    def wait() -> None:
        if device.type == "cuda":
            torch.cuda.synchronize()

    def bare() -> None:
        with torch.inference_mode():
            loaded.forward(inputs)

    def maps(*methods: str) -> Any:
        manner = Manner(methods=pick_methods(methods))
        group = fused_layers(first, (), "mean")
        choices = [lambda predictions: predictions.top(1)] * batch
        return lambda: run_batch(scenes, [group], manner, choices, Clock())

    works = {"bare forward pass": bare, "GradCAM": maps("GradCAM"), "eight methods": maps(*EIGHT)}
    seconds: dict[str, list[float]] = {name: [] for name in works}
    with untouched(plan.table):
        for number in range(arguments.rounds + 2):
            for name, work in works.items():
                wait()
                start = perf_counter()
                work()
                wait()
                if number > 1:
                    seconds[name].append(perf_counter() - start)
    say(f"\n{loaded.name}, {batch} tensors of {tuple(inputs.shape[1:])} in memory on {device}")
    tell(seconds, "bare forward pass", batch)


def tell(seconds: dict[str, list[float]], unit: str, pictures: int) -> None:
    """Print pictures a second, and ratios to the unit."""
    whole = median(seconds[unit])
    for name, spent in seconds.items():
        own = median(spent)
        aim = f"  (aim {AIMS[name]:.2f})" if name in AIMS and unit == "plain inference" else ""
        say(f"  {name:20} {pictures / own:8.1f} pictures/s  {whole / own:.3f}{aim}")


if __name__ == "__main__":
    main()
