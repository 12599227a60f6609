"""The target layers of one map."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from camctl.errors import Hint, InputError

if TYPE_CHECKING:
    from camctl.pipeline.scene import Scene
    from camctl.plugin import Method

NO_LAYER = "No layer of this model has a spatial grid that the class score depends on."

SEE_LAYERS = Hint("See every layer's output", "layers")


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

    @property
    def every(self) -> tuple[str, ...]:
        """The layers of all methods' maps."""
        return (*self.names, *self.pre_activation)

    def of(self, method: Method) -> tuple[str, ...]:
        """Return a method's layers: before the activation if it accepts activations of both signs."""
        return self.pre_activation if method.signed and self.pre_activation else self.names


def default_layers(scene: Scene) -> LayerGroup:
    """Return the layers that the adapter names, or the probe chooses. Raises `InputError` if there is none."""
    if scene.plan.adapter:
        group = LayerGroup(scene.plan.claimed_layers(), f"adapter {scene.plan.adapter}")
    else:
        layers = scene.probe()
        group = LayerGroup(layers.default, "probe", layers.pre_activation, layers.rectified)
    if not group.names:
        raise InputError(NO_LAYER, hint=SEE_LAYERS)
    return group
