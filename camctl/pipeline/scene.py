"""A scene: one model with one picture."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from camctl.pipeline.load import loaded_of
from camctl.pipeline.plan import plan_of
from camctl.values.picture import read_picture
from camctl.values.request import DETECTED, Family

if TYPE_CHECKING:
    from torch import Tensor

    from camctl.pipeline.load import AnyModel
    from camctl.pipeline.plan import Plan
    from camctl.plugin import LoadedModel, Question
    from camctl.values.layer_map import LayerMap
    from camctl.values.picture import AnyPicture, Picture
    from camctl.values.view import View


@dataclass(frozen=True, kw_only=True, eq=False)
class Scene:
    """A model with a picture, ready for the passes."""

    plan: Plan
    picture: Picture
    inputs: Tensor
    """(1, 3, h, w)."""
    view: View

    @property
    def loaded(self) -> LoadedModel:
        """The model."""
        return self.plan.loaded

    def forward(self, inputs: Tensor) -> Tensor:
        """Compute the logits of inputs, as `Plan.forward` does."""
        return self.plan.forward(inputs)

    def probe(self, question: Question | None = None) -> LayerMap:
        """Observe every layer in one forward and one backward pass from a question (the best class by default)."""
        from camctl.engine.probe import probe

        return probe(self.plan.table, self.forward, self.inputs, self.plan.hints, question)

    def with_inputs(self, inputs: Tensor) -> Scene:
        """Return the same scene with other inputs (1, 3, h, w) of the same picture and view."""
        return replace(self, inputs=inputs)


def scene_of(plan: Plan, picture: Picture) -> Scene:
    """Prepare a picture for a model."""
    return Scene(plan=plan, picture=picture, inputs=plan.inputs(picture), view=plan.view(picture.size))


def survey(model: AnyModel, image: AnyPicture | None = None, *, family: Family = DETECTED) -> LayerMap:
    """Run a model once and return every module's output, grid and gradient, and the default target layers.

    Parameters
    ----------
    model
        What `load` returns, its `model` text, or a module of your own.
    image
        A path, a PIL image, or pixels (H, W, 3), uint8 RGB; None takes seeded noise of the model's usual input size.
    family
        What is known about the model's family.

    Raises
    ------
    InputError
        The model or the picture cannot be used.

    Examples
    --------
    >>> import camctl
    >>> layers = camctl.survey("demo:vit")
    >>> layers.default
    ('backbone.layers.4.ln1',)
    """
    from camctl.engine.probe import probe, with_default

    plan = plan_of(loaded_of(model), family)
    inputs = plan.inputs(read_picture(image) if image is not None else None)
    layers = probe(plan.table, plan.forward, inputs, plan.hints)
    if plan.hints.adapter is None:
        return layers
    return with_default(layers, plan.claimed_layers(), f"adapter {plan.adapter}")
