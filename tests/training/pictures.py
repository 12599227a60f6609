"""Training pictures of the demo: scenes drawn once by seed, and augmented in every batch."""

from __future__ import annotations

import multiprocessing
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from camctl.demo.scenes import CLASSES, render, scene

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

SIDE = 112
MOST_OBJECTS = 2
NOTHING = -1
SHIFT = 6
HALF = 0.5
MEAN = np.array([123.675, 116.28, 103.53], np.float32)
STD = np.array([58.395, 57.12, 57.375], np.float32)


@dataclass(frozen=True)
class Pictures:
    """Scenes as arrays: images (N, S, S, 3), labels (N, 2) with -1 for none, boxes (N, 2, 4) in pixels."""

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    boxes: NDArray[np.float32]


@dataclass(frozen=True)
class Batch:
    """Input of a training step: normalised images (B, 3, S, S), labels (B, 2) and boxes (B, 2, 4) in pixels."""

    images: NDArray[np.float32]
    labels: NDArray[np.int64]
    boxes: NDArray[np.float32]


def draw_one(task: tuple[int, int]) -> tuple[NDArray[np.uint8], list[int], list[tuple[float, ...]]]:
    """Draw one scene of (seed, objects): its image, labels and boxes."""
    cv2.setNumThreads(1)
    drawn = scene(*task)
    labels = [CLASSES.index(sticker.label) for sticker in drawn.objects]
    boxes = [tuple(SIDE * edge for edge in sticker.box) for sticker in drawn.objects]
    return render(drawn, SIDE), labels, boxes


def draw(first: int, count: int, objects: int, workers: int = 1) -> Pictures:
    """Draw the scenes of the seeds `first` to `first + count - 1`."""
    tasks = [(seed, objects) for seed in range(first, first + count)]
    images = np.empty((count, SIDE, SIDE, 3), np.uint8)
    labels = np.full((count, MOST_OBJECTS), NOTHING, np.int64)
    boxes = np.zeros((count, MOST_OBJECTS, 4), np.float32)
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        for index, (image, classes, edges) in enumerate(pool.imap(draw_one, tasks, chunksize=64)):
            images[index], labels[index, :objects], boxes[index, :objects] = image, classes, edges
    return Pictures(images, labels, boxes)


def cached(folder: Path | None, first: int, count: int, objects: int, workers: int = 1) -> Pictures:
    """Like `draw`, with a cache: read the scenes from the folder, or store them there."""
    if folder is None:
        return draw(first, count, objects, workers)
    path = folder / f"scenes-{first}-{count}-{objects}.npz"
    if not path.exists():
        pictures = draw(first, count, objects, workers)
        folder.mkdir(parents=True, exist_ok=True)
        np.savez(path, images=pictures.images, labels=pictures.labels, boxes=pictures.boxes)
        return pictures
    with np.load(path) as stored:
        return Pictures(stored["images"], stored["labels"], stored["boxes"])


def normalised(images: NDArray[np.uint8] | NDArray[np.float32]) -> NDArray[np.float32]:
    """Turn (N, S, S, 3) in 0..255 into (N, 3, S, S) as the nets see it."""
    return np.ascontiguousarray(((images - MEAN) / STD).transpose(0, 3, 1, 2))


def varied(pictures: Pictures, chosen: NDArray[np.int64], side: int, random: np.random.Generator) -> Batch:
    """Cut, flip and recolour the chosen pictures.

    The full side shifts a picture by a few pixels; a smaller one cuts a window around its first object at the same
    scale, so that a net learns the class before it has to search for it.
    """
    images = np.empty((len(chosen), side, side, 3), np.float32)
    labels, boxes = pictures.labels[chosen], pictures.boxes[chosen].copy()
    for row, index in enumerate(chosen):
        image = pictures.images[index]
        if side == SIDE:
            image = np.pad(image, ((SHIFT, SHIFT), (SHIFT, SHIFT), (0, 0)), mode="reflect")
            x, y = random.integers(0, 2 * SHIFT + 1, 2)
            boxes[row] += SHIFT
        else:
            centre = (boxes[row, 0, :2] + boxes[row, 0, 2:]) / 2 + random.uniform(-SHIFT, SHIFT, 2)
            x, y = np.clip(np.round(centre - side / 2), 0, SIDE - side).astype(int)
        image = image[y : y + side, x : x + side]
        boxes[row] -= [x, y, x, y]
        if random.random() < HALF:
            image = image[:, ::-1]
            boxes[row][:, [0, 2]] = side - boxes[row][:, [2, 0]]
        images[row] = image[..., random.permutation(3)]
    images *= random.uniform(0.8, 1.2, (len(chosen), 1, 1, 1)).astype(np.float32)
    images += random.uniform(-20, 20, (len(chosen), 1, 1, 3)).astype(np.float32)
    return Batch(normalised(images), labels, boxes)


def cells(batch: Batch, rows: int) -> NDArray[np.int64]:
    """Return the class whose box holds each cell's centre (B, rows * rows); background comes last."""
    side = batch.images.shape[-1]
    centres = (np.arange(rows, dtype=np.float32) + np.float32(0.5)) * (side / rows)
    classes = np.full((len(batch.labels), rows, rows), len(CLASSES), np.int64)
    for index in range(MOST_OBJECTS):
        x0, y0, x1, y1 = batch.boxes[:, index].T[..., None]
        across = (centres > x0) & (centres < x1)
        down = (centres > y0) & (centres < y1)
        inside = (down[:, :, None] & across[:, None, :]) & (batch.labels[:, index] != NOTHING)[:, None, None]
        classes = np.where(inside, batch.labels[:, index][:, None, None], classes)
    return classes.reshape(len(classes), -1)
