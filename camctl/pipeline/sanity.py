"""Maps of a network whose weights are drawn anew, from the head down: do they change? (Adebayo et al. 2018).

A method whose map stays as it was when the head is random does not see the class; one whose map stays when all is
random reads the picture alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from camctl.errors import CamctlError
from camctl.pipeline.passes import Clock, run_passes
from camctl.pipeline.scene import before
from camctl.values.comparison import ANOTHER
from camctl.values.cam import BLANK

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from camctl.pipeline.passes import Key, Manner
    from camctl.pipeline.scene import LayerGroup, Scene
    from camctl.plugin import LoadedModel
    from camctl.values.cam import Cam, VerdictName
    from camctl.values.target import Target

    Map = tuple[VerdictName, NDArray[np.float32]]

DRAWS, FEWEST, MOST = 24, 4, 8
"""Random heads over all pictures, where the fewest and the most a picture allow: each has heads of its own.

Deeper stages are drawn once for all pictures, on top of the first head."""

SETTLED = 8
"""As many of the pictures, at most, teach batch norms their statistics."""


@dataclass(frozen=True, eq=False)
class Whole:
    """What the whole network drew of one picture."""

    scene: Scene
    groups: Sequence[LayerGroup | CamctlError]
    targets: Sequence[Target | CamctlError]
    cams: Mapping[Key, Cam]


@dataclass(frozen=True, kw_only=True, eq=False)
class UndoneMap:
    """As `camctl.values.comparison.Redrawn`, the cell being told by the picture's place and the key."""

    image: int
    key: Key
    stage: str
    seed: int
    verdict: VerdictName
    correlation: float
    ssim: float
    values: NDArray[np.float32] | None


@dataclass(frozen=True, eq=False)
class Undone:
    """What is left of a model's maps, stage by stage."""

    stages: tuple[str, ...]
    maps: tuple[UndoneMap, ...]


def undo(
    loaded: LoadedModel, wholes: Mapping[int, Whole], manner: Manner, progress: Callable[[int, int], None]
) -> Undone:
    """Draw the maps of every picture again at each stage, on a copy of the model; the model itself stays as it is.

    One forward pass a stage, seed and picture, and one backward pass a class, for all methods and layers. Raises
    `InputError` where the model cannot be copied.
    """
    from camctl.engine.model_copy import replica, run_order
    from camctl.engine.stages import stages

    copied = replica(loaded)
    first = next(iter(wholes.values()))
    found = stages(copied.module, *run_order(copied, loaded.module, first.scene.inputs))
    maps: list[UndoneMap] = list(_another(wholes, manner))
    drawing = _Drawing(loaded, copied, [whole.scene.inputs for whole in wholes.values()])
    turns = _turns(list(wholes), len(found))
    total = sum(len(images) for _, _, images in turns)
    done = 0
    for depth, seed, images in turns:
        drawing.redraw(found[depth].owners, seed)
        for image in images:
            progress(done, total)
            whole = wholes[image]
            again = _maps(replace(whole.scene, loaded=copied), whole, manner)
            maps += _against(whole, again, image, found[depth].name, seed)
            done += 1
    progress(total, total)
    shown = min(wholes)
    kept = [one if one.image == shown and one.key[0] == one.seed == 0 else replace(one, values=None) for one in maps]
    return Undone(tuple(stage.name for stage in found), tuple(kept))


def _turns(images: Sequence[int], stages: int) -> list[tuple[int, int, Sequence[int]]]:
    """Which stage is drawn from which seed, and shown which pictures.

    Of the heads the first is drawn last, so that the deeper stages come on top of it.
    """
    heads = min(max(-(-DRAWS // len(images)), FEWEST), MOST)
    first = [(0, seed, images[seed // heads :][:1]) for seed in reversed(range(heads * len(images)))]
    return [*first, *((depth, 0, images) for depth in range(1, stages))]


class _Drawing:
    """A copy of a model on the way to random weights."""

    def __init__(self, loaded: LoadedModel, copied: LoadedModel, inputs: Sequence[Tensor]) -> None:
        import torch

        self.whole, self.copied = loaded.module, copied
        self.inputs = torch.cat([one for one in inputs if one.shape == inputs[0].shape][:SETTLED])
        self.random: dict[str, None] = {}

    def redraw(self, owners: Sequence[str], seed: int) -> None:
        """Draw the own weights of some modules anew.

        Batch norms among those that are random start anew as well, as their `reset_parameters` has it, and then learn
        their statistics from the pictures: in eval mode, with none, a deep net would explode or fade.
        """
        import torch
        from torch import nn

        from camctl.kit.random_weights import redraw, settle

        generator = torch.Generator().manual_seed(seed)
        for name in owners:
            part = self.copied.module.get_submodule(name)
            place = next((tensor.device for tensor in (*part.parameters(), *part.buffers())), torch.device("cpu"))
            redraw(part.cpu(), self.whole.get_submodule(name), generator)
            part.to(place)
        self.random |= dict.fromkeys(owners)
        random = nn.ModuleList(self.copied.module.get_submodule(name) for name in self.random)
        settle(random, lambda _noise: self.copied.forward(self.inputs), self.inputs.shape[1:], seed)


def _maps(scene: Scene, whole: Whole, manner: Manner) -> dict[Key, Map]:
    """The maps of a scene, for the classes that the whole network was asked for."""
    passed = run_passes(scene, whole.groups, manner, lambda _classes: whole.targets, Clock())
    return {
        key: (drawn.verdict.name, drawn.values.cpu().numpy())
        for key, drawn in passed.maps.items()
        if not isinstance(drawn, CamctlError)
    }


def _another(wholes: Mapping[int, Whole], manner: Manner) -> Iterator[UndoneMap]:
    """Each picture's maps against those of the next; a single one's against those of itself, turned upside down."""
    images = list(wholes)
    for place, image in enumerate(images):
        whole = wholes[image]
        if len(images) == 1:
            turned = before(whole.scene, whole.scene.inputs.flip((2, 3)))
            yield from _against(whole, _maps(turned, whole, manner), image, ANOTHER, 0)
        else:
            following = wholes[images[(place + 1) % len(images)]]
            others: dict[Key, Map] = {key: (cam.verdict, cam.values) for key, cam in following.cams.items()}
            yield from _against(whole, others, image, ANOTHER, 0)


def _against(whole: Whole, others: Mapping[Key, Map], image: int, stage: str, seed: int) -> Iterator[UndoneMap]:
    """Sound maps of the whole network against others, at the size at which maps are correlated."""
    from camctl.ranking import SIDE, rank_correlation, resized, ssim

    for key, cam in whole.cams.items():
        if cam.blank or key not in others:
            continue
        verdict, values = others[key]
        scale = min(1.0, SIDE / max(cam.values.shape))
        size = tuple(max(1, round(side * scale)) for side in cam.values.shape)
        one, other = resized(cam.values, size), resized(values, size)
        sound = verdict not in BLANK
        if not sound and stage == ANOTHER:
            continue
        yield UndoneMap(
            image=image,
            key=key,
            stage=stage,
            seed=seed,
            verdict=verdict,
            correlation=rank_correlation(one, other) if sound else 0.0,
            ssim=ssim(one, other) if sound else 0.0,
            values=other,
        )
