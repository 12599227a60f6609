"""A scene: a model with one picture."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from camctl.errors import Hint
from camctl.pipeline.load import loaded_of
from camctl.pipeline.plan import plan_of
from camctl.values.picture import read_picture
from camctl.values.request import DETECTED, Family

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from camctl.pipeline.load import AnyModel
    from camctl.pipeline.plan import Plan
    from camctl.plugin import LoadedModel, Method, Question
    from camctl.values.layer_map import LayerMap
    from camctl.values.picture import AnyPicture, Picture
    from camctl.values.view import View

NO_LAYER = "No layer of this model has a spatial grid that the class score depends on."

PICTURE = "picture"
"""Layer of a model that nothing can be seen of: its input."""

SEE_LAYERS = Hint("See every layer's output", "layers", all=True)


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

    @property
    def place(self) -> tuple[View, tuple[int, int]]:
        """The view of the picture, and its height and width."""
        return self.view, self.picture.size

    def probe(self, question: Question | None = None) -> LayerMap:
        """Observe every layer in one forward and one backward pass from a question (the best class by default)."""
        from camctl.engine.probe import probe

        plan = self.plan
        return probe(plan.table, plan.forward, self.inputs, plan.hints, question or plan.usual_question)

    def survey(self) -> LayerMap:
        """Return what a probe finds out about the layers, once for all pictures of a size.

        The first picture decides whose score depends on the default layers; until there is one, each is probed.
        """
        key = (self.plan.hints, (self.inputs.shape[-2], self.inputs.shape[-1]))
        if key in self.plan.surveys:
            return self.plan.surveys[key]
        layers = self.probe()
        if layers.default and {record.name for record in layers.records if record.usable}.issuperset(layers.default):
            self.plan.surveys[key] = layers
        return layers


@dataclass(frozen=True)
class LayerGroup:
    """Target layers that make one map, and who chose them: `you`, `adapter NAME` or `probe`.

    `pre_activation` and `rectified` are those of `LayerMap`; a layer that the user names has neither.
    """

    names: tuple[str, ...]
    chosen_by: str
    pre_activation: tuple[str, ...] = ()
    rectified: bool = False
    note: str = ""
    """How it was chosen, if that is worth a line."""

    def of(self, method: Method) -> tuple[str, ...]:
        """Return a method's layers: before the activation if it accepts activations of both signs."""
        return self.pre_activation if method.signed and self.pre_activation else self.names


def scene_of(plan: Plan, picture: Picture) -> Scene:
    """Prepare a picture for a model."""
    return Scene(plan=plan, picture=picture, inputs=plan.inputs(picture), view=plan.meter.view(picture))


def classes_of(model: AnyModel) -> tuple[Sequence[str], tuple[str, ...]]:
    """Return the names of a model's classes, by one run on noise, and what the user should know about them.

    Raises `InputError`: they are not known.
    """
    import torch

    from camctl.engine.model_state import untouched
    from camctl.errors import InputError

    plan = plan_of(loaded_of(model))
    with torch.no_grad(), untouched(plan.table):
        count = plan.forward(plan.inputs(None)).shape[1]
    names, _ = plan.names(count)
    if names is None:
        message = f"The names of the model's {count} classes are not known."
        raise InputError(message, hint=Hint("Give them", labels="FILE"))
    return names, plan.notes


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
    from camctl.engine.probe import probe

    plan = plan_of(loaded_of(model), family)
    inputs = plan.inputs(read_picture(image) if image is not None else None)
    layers = replace(probe(plan.table, plan.forward, inputs, plan.hints, plan.usual_question), output=plan.output)
    if not plan.adapter and not plan.loaded.opaque:
        return layers
    default, chosen_by = plan.claimed_layers(), f"adapter {plan.adapter}"
    if plan.loaded.opaque:
        default, chosen_by = (PICTURE,), "source"
    return replace(layers, default=default, chosen_by=chosen_by, pre_activation=(), rectified=False)
