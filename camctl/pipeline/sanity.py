"""Maps of a network whose weights are redrawn, from the head down: do they change? (Adebayo et al. 2018).

A method whose map stays the same with a random head does not see the class; one whose map stays the same with all
weights random reads the picture alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from camctl.errors import CamctlError
from camctl.pipeline.manner import Clock
from camctl.pipeline.passes import run_passes
from camctl.values.cam import BLANK
from camctl.values.comparison import ANOTHER, Redrawn

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor, nn

    from camctl.pipeline.manner import Key, Manner
    from camctl.pipeline.plan import Plan
    from camctl.pipeline.scene import LayerGroup, Scene
    from camctl.plugin import LoadedModel
    from camctl.values.cam import Cam, VerdictName
    from camctl.values.target import Target

    Map = tuple[VerdictName, NDArray[np.float32]]
    Indexed = tuple[int, Key, Redrawn]
    """Index of the picture, key of the map, and the map without its cell."""

DRAWS, FEWEST, MOST = 24, 4, 8
"""Number of random heads over all pictures, within the fewest and the most per picture: each picture has its own.

Deeper stages are drawn once for all pictures, on top of the first head."""

SETTLED = 8
"""Largest number of pictures that teach batch norms their statistics."""


@dataclass(frozen=True, eq=False)
class Whole:
    """The maps of one picture by the network with its own weights."""

    scene: Scene
    groups: Sequence[LayerGroup | CamctlError]
    targets: Sequence[Target | CamctlError]
    cams: Mapping[Key, Cam]


@dataclass(frozen=True, eq=False)
class Randomised:
    """What redrawn weights leave of a model's maps, stage by stage."""

    stages: tuple[str, ...]
    maps: tuple[Indexed, ...]


def randomised(
    plan: Plan, wholes: Mapping[int, Whole], manner: Manner, progress: Callable[[int, int], None]
) -> Randomised:
    """Draw the maps of every picture again at each stage, on a copy of the model; the model itself is not changed.

    One forward pass per stage, seed and picture, and one backward pass per target, for all methods and layers.

    Raises `InputError`: the model cannot be copied.
    """
    import torch

    from camctl.engine.model_copy import replica, run_order, stages
    from camctl.engine.model_state import ModuleTable

    copied = replica(plan.loaded)
    first = next(iter(wholes.values()))
    reader = plan.reader.on(copied.forward)
    parts = stages(copied.module, *run_order(copied, plan.loaded.module, reader, first.scene.inputs))
    maps: list[Indexed] = list(_other_pictures(wholes, manner))
    alike = [whole.scene.inputs for whole in wholes.values() if whole.scene.inputs.shape == first.scene.inputs.shape]
    inputs, random = torch.cat(alike[:SETTLED]), dict[str, None]()
    copied_plan = replace(plan, loaded=copied, table=ModuleTable.of(copied.module), reader=reader)
    turns = _turns(list(wholes), len(parts))
    total = sum(len(images) for _, _, images in turns)
    done = 0
    for depth, seed, images in turns:
        _redraw(plan.loaded.module, copied, inputs, parts[depth].owners, random, seed)
        for image in images:
            progress(done, total)
            whole = wholes[image]
            again = _maps(replace(whole.scene, plan=copied_plan), whole, manner)
            maps += _compared(whole, again, image, parts[depth].name, seed)
            done += 1
    progress(total, total)
    # The maps of the first picture, target and seed are shown.
    shown = min(wholes)
    light = [
        (image, key, one if image == shown and key[0] == one.seed == 0 else replace(one, values=None))
        for image, key, one in maps
    ]
    return Randomised(tuple(stage.name for stage in parts), tuple(light))


def _turns(images: Sequence[int], stages: int) -> list[tuple[int, int, Sequence[int]]]:
    """Return which stage is redrawn with which seed, and shown which pictures; deeper stages come on the first head."""
    heads = min(max(-(-DRAWS // len(images)), FEWEST), MOST)
    first = [(0, seed, images[seed // heads :][:1]) for seed in reversed(range(heads * len(images)))]
    return [*first, *((depth, 0, images) for depth in range(1, stages))]


def _redraw(
    original: nn.Module, copied: LoadedModel, inputs: Tensor, owners: Sequence[str], random: dict[str, None], seed: int
) -> None:
    """Redraw the own weights of some modules of a copy; `random` has the names of those that were, and of these.

    Random batch norms start anew as well, and then learn their statistics from the pictures: in eval mode without
    statistics a deep net would explode or fade.
    """
    import torch
    from torch import nn

    from camctl.kit.random_weights import redraw, settle

    generator = torch.Generator().manual_seed(seed)
    for name in owners:
        part = copied.module.get_submodule(name)
        device = next((tensor.device for tensor in (*part.parameters(), *part.buffers())), torch.device("cpu"))
        redraw(part.cpu(), original.get_submodule(name), generator)
        part.to(device)
    random |= dict.fromkeys(owners)
    parts = nn.ModuleList(copied.module.get_submodule(name) for name in random)
    settle(parts, lambda _noise: copied.forward(inputs), inputs.shape[1:], seed)


def _maps(scene: Scene, whole: Whole, manner: Manner) -> dict[Key, Map]:
    """Return the maps of a scene, for the targets that the whole network explained."""
    passed = run_passes(scene, whole.groups, manner, lambda _predictions: whole.targets, Clock())
    return {
        key: (drawn.verdict.name, drawn.values.cpu().numpy())
        for key, drawn in passed.maps.items()
        if not isinstance(drawn, CamctlError)
    }


def _other_pictures(wholes: Mapping[int, Whole], manner: Manner) -> Iterator[Indexed]:
    """Compare each picture's maps with those of the next; a single one's with those of itself, turned upside down."""
    images = list(wholes)
    for index, image in enumerate(images):
        whole = wholes[image]
        if len(images) == 1:
            turned = replace(whole.scene, inputs=whole.scene.inputs.flip((2, 3)))
            yield from _compared(whole, _maps(turned, whole, manner), image, ANOTHER, 0)
        else:
            following = wholes[images[(index + 1) % len(images)]]
            others: dict[Key, Map] = {key: (cam.verdict, cam.values) for key, cam in following.cams.items()}
            yield from _compared(whole, others, image, ANOTHER, 0)


def _compared(whole: Whole, others: Mapping[Key, Map], image: int, stage: str, seed: int) -> Iterator[Indexed]:
    """Compare sound maps of the whole network with others, at the size at which maps are correlated."""
    from camctl.ranking.correlation import SIDE, rank_correlation, resized, ssim

    for key, cam in whole.cams.items():
        if cam.blank or key not in others:
            continue
        verdict, values = others[key]
        scale = min(1.0, SIDE / max(cam.values.shape))
        size = tuple(max(1, round(side * scale)) for side in cam.values.shape)
        own, other = resized(cam.values, size), resized(values, size)
        sound = verdict not in BLANK
        if not sound and stage == ANOTHER:
            continue
        redrawn = Redrawn(
            stage=stage,
            seed=seed,
            verdict=verdict,
            correlation=rank_correlation(own, other) if sound else 0.0,
            ssim=ssim(own, other) if sound else 0.0,
            values=other,
        )
        yield image, key, redrawn
