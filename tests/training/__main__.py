"""Trains the demo's four small classifiers: `python -m tests.training resnet --output DIR`.

Besides the picture's class, each net learns the class of every cell of its last grid from the boxes of the scenes (see
`tests.training.lessons`). So these nets show that maps are drawn right; they do not show that positions are learnt from
labels alone.

The same seed on the same machine gives the same weights: one thread, fixed steps, everything from seeds. The scenes are
drawn first, which takes some minutes, or read from the folder `--cache`.
"""

from __future__ import annotations

import argparse
import math
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

import camctl.demo
from camctl.demo.scenes import CLASSES
from tests.training.lessons import Lesson, Teacher, centre, shared
from tests.training.pictures import SIDE, Pictures, cached, normalised, varied

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.training.pictures import Batch

MODELS = Path(camctl.demo.__file__).parent / "models"
SINGLE_SEEDS, PAIR_SEEDS, HELD_OUT_SEEDS = (1_000_000, 24_000), (2_000_000, 16_000), (9_000_000, 2_000)
BATCH = 64
CENTRED_ON = 512
RATE, WARM_UP, DECAY, CLIP = 3e-3, 0.06, 0.05, 1.0


@dataclass(frozen=True)
class Phase:
    """A number of steps on pictures of one size; `pairs` of each batch are scenes of two objects."""

    steps: int
    side: int = SIDE
    pairs: int = 0


@dataclass(frozen=True)
class Course:
    """Training schedule of one family."""

    lesson: Lesson
    phases: tuple[Phase, ...]


COURSES = {
    "resnet": Course(
        Lesson("backbone.layer4.1.bn2"),
        (Phase(800, 56), Phase(500, pairs=26)),
    ),
    "swin": Course(
        Lesson("backbone.norm3"),
        (Phase(1200, 56), Phase(800, pairs=32)),
    ),
    "vit": Course(
        Lesson("backbone.layers.4.ln1", 1, "backbone.layers.4", "backbone.ln1", through_head=False),
        (Phase(1600, 56), Phase(1000, pairs=32)),
    ),
    "t2t": Course(
        Lesson("backbone.encoder.3.ln1", 1, "backbone.encoder.3", "backbone.norm"),
        (Phase(1600, 64), Phase(1000, pairs=32)),
    ),
}


def build(family: str) -> nn.Module:
    """Build the family's untrained net from its configuration file, with known defects of the library repaired."""
    from mmengine.config import Config
    from mmengine.logging import MMLogger
    from mmpretrain.apis import get_model

    from camctl.sources.repairs import repair

    MMLogger.get_current_instance().setLevel("WARNING")  # else a paragraph for each parameter
    model: nn.Module = get_model(Config.fromfile(MODELS / f"{family}.py"), pretrained=False)
    model.init_weights()  # type: ignore[operator]
    repair(model)
    return model


def batches(course: Course, singles: Pictures, pairs: Pictures, seed: int) -> Iterator[Batch]:
    """Yield every batch of the course in order."""
    random = np.random.default_rng(seed)
    for phase in course.phases:
        for _ in range(phase.steps):
            ones = random.integers(0, len(singles.images), BATCH - phase.pairs)
            parts = [varied(singles, ones, phase.side, random)]
            if phase.pairs:
                twos = random.integers(0, len(pairs.images), phase.pairs)
                parts.append(varied(pairs, twos, phase.side, random))
            yield replace(
                parts[0],
                images=np.concatenate([part.images for part in parts]),
                labels=np.concatenate([part.labels for part in parts]),
                boxes=np.concatenate([part.boxes for part in parts]),
            )


def rate(done: float) -> float:
    """Return the learning rate as a share of its peak after a share of the work: a warm-up, then half a cosine."""
    if done < WARM_UP:
        return done / WARM_UP
    return 0.5 + 0.5 * math.cos(math.pi * (done - WARM_UP) / (1 - WARM_UP))


def train(
    model: nn.Module,
    course: Course,
    singles: Pictures,
    pairs: Pictures,
    *,
    seed: int,
    report: Callable[[str], None],
) -> None:
    """Train the model in place."""
    teacher = Teacher(course.lesson, model)
    weights = [*model.parameters(), *teacher.parameters()]
    optimizer = torch.optim.AdamW(
        [
            {"params": [weight for weight in weights if weight.dim() > 1], "weight_decay": DECAY},
            {"params": [weight for weight in weights if weight.dim() <= 1], "weight_decay": 0.0},
        ],
        betas=(0.9, 0.98),
    )
    # Work is measured in pixels: a step on small cuts costs a fraction of one on whole pictures.
    work = sum(phase.steps * phase.side**2 for phase in course.phases)
    done = 0
    model.train()
    for step, batch in enumerate(batches(course, singles, pairs, seed)):
        for group in optimizer.param_groups:
            group["lr"] = RATE * rate(done / work)
        done += batch.images.shape[-1] ** 2
        picture_loss = functional.cross_entropy(model(torch.from_numpy(batch.images)), shared(batch))
        cell_loss = teacher(batch)
        optimizer.zero_grad()
        (picture_loss + cell_loss).backward()
        nn.utils.clip_grad_norm_(weights, CLIP)
        optimizer.step()
        if step % 50 == 0:
            report(f"step {step}: picture loss {picture_loss.item():.3f}, cell loss {cell_loss.item():.3f}")
    teacher.dismiss()
    model.eval()
    centre(model, course.lesson, torch.from_numpy(normalised(pairs.images[:CENTRED_ON])))


def accuracy(model: nn.Module, pictures: Pictures) -> float:
    """Return the share of single-object pictures whose class has the highest score."""
    right = 0
    with torch.inference_mode():
        for start in range(0, len(pictures.images), BATCH):
            part = slice(start, start + BATCH)
            scores = model(torch.from_numpy(normalised(pictures.images[part])))
            right += int((scores.argmax(dim=1).numpy() == pictures.labels[part, 0]).sum())
    return right / len(pictures.images)


def halved(model: nn.Module) -> dict[str, Tensor]:
    """Copy the weights in the shipped precision: half, and small integers for Swin's table of positions."""
    kinds = {torch.float32: torch.float16, torch.int64: torch.int16}
    return {name: value.detach().to(kinds[value.dtype]).clone() for name, value in model.state_dict().items()}


def main() -> None:
    """Train one family and write its checkpoint."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("family", choices=sorted(COURSES))
    parser.add_argument("--output", type=Path, required=True, help="folder for the checkpoint")
    parser.add_argument("--cache", type=Path, help="folder that keeps the drawn scenes between runs")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2, help="processes that draw scenes")
    options = parser.parse_args()

    torch.set_num_threads(1)
    singles = cached(options.cache, *SINGLE_SEEDS, 1, options.workers)
    pairs = cached(options.cache, *PAIR_SEEDS, 2, options.workers)
    held_out = cached(options.cache, *HELD_OUT_SEEDS, 1, options.workers)

    torch.manual_seed(options.seed)
    model, course = build(options.family), COURSES[options.family]
    began = time.monotonic()
    train(model, course, singles, pairs, seed=options.seed, report=lambda line: print(line, flush=True))  # noqa: T201
    seconds = time.monotonic() - began

    # The rounded weights, which are shipped, are measured.
    state = halved(model)
    model.load_state_dict(state)
    meta: dict[str, Any] = {
        "dataset_meta": {"classes": list(CLASSES)},
        "family": options.family,
        "accuracy": accuracy(model, held_out),
        "held_out_seeds": [HELD_OUT_SEEDS[0], sum(HELD_OUT_SEEDS)],
        "steps": sum(phase.steps for phase in course.phases),
        "seed": options.seed,
        "taught_with_boxes": True,
    }
    options.output.mkdir(parents=True, exist_ok=True)
    path = options.output / f"{options.family}.pth"
    torch.save({"meta": meta, "state_dict": state}, path)
    print(f"{path}: {path.stat().st_size / 1000:.0f} KB, accuracy {meta['accuracy']:.4f}, {seconds:.0f} s")  # noqa: T201


if __name__ == "__main__":
    main()
