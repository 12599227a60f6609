"""One forward pass and one truncated backward pass per target yield every method, layer and smoothing of a batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from camctl.errors import CamctlError, Hint, as_value
from camctl.pipeline.drawing import AUGMENTED, Pass
from camctl.pipeline.manner import Clock, Passed
from camctl.pipeline.method_selection import black_box_method

if TYPE_CHECKING:
    from camctl.engine.cam import Drawn, Maps
    from camctl.engine.predictions import Predictions
    from camctl.pipeline.manner import Choice, Key, Manner, Step
    from camctl.pipeline.scene import LayerGroup, Scene
    from camctl.plugin import Question
    from camctl.values.target import Target

MEASURED = "{} measures best if a class token alone is read, and is the default then; for GradCAM"


def run_passes(
    scene: Scene,
    groups: Sequence[LayerGroup | CamctlError],
    manner: Manner,
    choose: Choice,
    clock: Clock,
    step: Step = None,
) -> Passed:
    """Draw everything that is asked of a scene: a batch of one picture. Raises what stands for it in `run_batch`."""
    (passed,) = run_batch([scene], groups, manner, [choose], clock, step)
    if isinstance(passed, CamctlError):
        raise passed
    return passed


def run_batch(
    scenes: Sequence[Scene],
    groups: Sequence[LayerGroup | CamctlError],
    manner: Manner,
    choices: Sequence[Choice],
    clock: Clock,
    step: Step = None,
) -> list[Passed | CamctlError]:
    """Draw everything that is asked of the scenes of one model, whose inputs have one size, in one batch.

    A layer, class or method that fails costs its own maps alone, and a picture whose targets cannot be found (an error
    stands for it then) itself alone. The clock records `forward`, `backward` (each with ` (aug)` for the six views)
    and `methods`. `step` is called with a text, maps done and all of them.

    Raises `InputError`: the model fails.
    """
    import torch

    from camctl.engine.capture import Recorder
    from camctl.engine.maps import FACTORS, PLAIN, augment

    plan = scenes[0].plan
    sound = [group for group in groups if not isinstance(group, CamctlError)]
    names = tuple(dict.fromkeys(name for group in sound for method in manner.methods for name in group.of(method)))
    gradients = not plan.loaded.opaque and any("gradients" in method.needs for method in manner.methods)
    inputs = scenes[0].inputs if len(scenes) == 1 else torch.cat([scene.inputs for scene in scenes])
    asked: list[_Asked] = []
    outlines: dict[Key, Maps | CamctlError] = {}
    runs: dict[str, str] = {}
    # The plain view comes first: it decides on the class for all six views of the second pass.
    for augmented in sorted({smoothing in AUGMENTED for smoothing in manner.smoothings}):
        views = 2 * len(FACTORS) if augmented else 1
        with Recorder(plan.table, names, plan.hints, gradients=gradients, views=views) as recorder:
            logits = recorder.forward(augment(inputs) if augmented else inputs, plan.forward, keep_faults=True)
            if not asked:
                plain = logits.detach().unflatten(0, (-1, views))[:, PLAIN if augmented else 0]
                places = [scene.place for scene in scenes]
                asked = [
                    _Asked.of(predictions, choose)
                    for predictions, choose in zip(plan.predictions(plain, places), choices, strict=True)
                ]
            slots = _slots(asked)
            outlines |= Pass(plan, groups, manner, recorder, augmented=augmented, step=step).draw(slots)
            runs |= recorder.notes
            watches, sign = recorder.watches, " (aug)" if augmented else ""
            clock.add(f"forward{sign}", watches["forward"].milliseconds)
            if gradients and slots:
                clock.add(f"backward{sign}", watches["backward"].milliseconds, len(slots))
    return _passed(asked, outlines, manner, clock, tuple(runs.values()))


@dataclass(frozen=True)
class _Asked:
    """What is asked of one picture: the model's predictions, the targets, and the questions; or why nothing can be."""

    predictions: Predictions
    targets: tuple[Target | CamctlError, ...] = ()
    error: CamctlError | None = None

    @classmethod
    def of(cls, predictions: Predictions, choose: Choice) -> _Asked:
        try:
            return cls(predictions, tuple(choose(predictions)))
        except CamctlError as error:
            return cls(predictions, error=as_value(error))

    def questions(self) -> list[Question | None]:
        """Return the question of each target; None for one that is an error."""
        return [
            None if isinstance(target, CamctlError) else self.predictions.question(target) for target in self.targets
        ]


def _slots(asked: Sequence[_Asked]) -> list[list[Question]]:
    """Return one question of each picture, for each of the most targets that one has.

    What a picture lacks is filled with a question of the same kind, whose answers have the same shape; its map is not
    read.
    """
    from camctl.plugin import ClassQuestion

    own = [picture.questions() for picture in asked]
    slots = []
    for slot in range(max(map(len, own))):
        there = [questions[slot] if slot < len(questions) else None for questions in own]
        first = next((question for question in there if question is not None), ClassQuestion(0))
        slots.append([question or first for question in there])
    return slots


def _passed(
    asked: Sequence[_Asked],
    outlines: Mapping[Key, Maps | CamctlError],
    manner: Manner,
    clock: Clock,
    notes: tuple[str, ...],
) -> list[Passed | CamctlError]:
    """Bring the maps of a batch to the host, and return them by picture."""
    from camctl.engine.cam import fetch

    # One map stands for several targets if it is the same for all of them.
    distinct = {id(maps): maps for maps in outlines.values() if not isinstance(maps, CamctlError)}
    count = len(asked) * sum(not isinstance(maps, CamctlError) for maps in outlines.values())
    fetched = dict(zip(distinct, fetch(list(distinct.values())), strict=True))
    clock.add("methods", sum(each.milliseconds for found in fetched.values() for each in found), count)
    named = {maps.method.name for maps in distinct.values()} - {method.name for method in manner.methods}
    if named:
        named -= {"GradCAM", black_box_method().name}
    chosen = [Hint(MEASURED.format(name), method="GradCAM") for name in sorted(named)]
    passed: list[Passed | CamctlError] = []
    for b, picture in enumerate(asked):
        if picture.error is not None:
            passed.append(picture.error)
            continue
        maps: dict[Key, Drawn | CamctlError] = {}
        for key, outline in outlines.items():
            if key[0] < len(picture.targets):
                target = picture.targets[key[0]]
                whole = outline if isinstance(outline, CamctlError) else fetched[id(outline)][b]
                maps[key] = target if isinstance(target, CamctlError) else whole
        passed.append(Passed(picture.predictions, picture.targets, maps, (*chosen, *notes)))
    return passed
