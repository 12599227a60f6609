"""A scene: one model before one picture, with what is known of its layers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

from camctl import registry
from camctl.errors import InputError, PluginError
from camctl.pipeline.load import loaded_of
from camctl.values.picture import read_picture
from camctl.values.request import DETECTED, Family

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from camctl.engine.layout import LayoutHints
    from camctl.pipeline.load import AnyModel
    from camctl.plugin import LoadedModel, Method
    from camctl.values.explanation import LayerMap, View
    from camctl.values.picture import AnyPicture, Picture

NO_LAYER = "No layer of this model has a spatial grid that the class score depends on."


@dataclass(frozen=True, kw_only=True, eq=False)
class Scene:
    """A model and a picture, ready for the passes."""

    loaded: LoadedModel
    picture: Picture
    inputs: Tensor
    """(1, 3, h, w)."""
    view: View
    hints: LayoutHints
    adapter: str
    """Name of the adapter that knows the model; empty where none does."""

    def forward(self, inputs: Tensor) -> Tensor:
        """Inputs (N, 3, h, w) -> logits (N, classes), one column a class. Raises `InputError` where the model fails."""
        from camctl.engine.predictions import class_logits

        return class_logits(self.loaded.forward)(inputs)

    def probe(self, target: int | None = None) -> LayerMap:
        """Every layer, as one forward and one backward pass (from a class, the best by default) show it."""
        from camctl.engine.probe import probe

        return probe(self.loaded.module, self.forward, self.inputs, self.hints, target)


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
    """How it was chosen, where that is worth a line."""

    @property
    def every(self) -> tuple[str, ...]:
        """The layers of all methods' maps."""
        return (*self.names, *self.pre_activation)

    def of(self, method: Method) -> tuple[str, ...]:
        """The layers of a method's map: before the activation for those that bear activations of both signs."""
        return self.pre_activation if method.signed and self.pre_activation else self.names


def set_scene(loaded: LoadedModel, picture: Picture, family: Family) -> Scene:
    """Prepare the picture for the model, and see which adapter knows it."""
    from camctl.engine.inputs import inputs_of

    hints, adapter = _hints(loaded, family)
    return Scene(
        loaded=loaded,
        picture=picture,
        inputs=inputs_of(loaded, picture),
        view=_view(loaded.preprocess, picture.pixels.shape[:2]),
        hints=hints,
        adapter=adapter,
    )


def default_layers(scene: Scene) -> LayerGroup:
    """What the adapter names, or what the probe finds. Raises `InputError` where no layer will do."""
    if scene.hints.adapter is not None:
        group = LayerGroup(_claimed(scene.loaded, scene.hints, scene.adapter), f"adapter {scene.adapter}")
    else:
        seen = scene.probe()
        group = LayerGroup(seen.default, "probe", seen.pre_activation, seen.rectified)
    if not group.names:
        raise InputError(NO_LAYER, hint="See what each layer puts out with: camctl layers MODEL")
    return group


def survey(model: AnyModel, image: AnyPicture | None = None, *, family: Family = DETECTED) -> LayerMap:
    """Run the model once and see every module's output, grid and gradient, and the default target layers.

    Without a picture the probe sees seeded noise of the model's usual input size.
    """
    from camctl.engine.inputs import inputs_of
    from camctl.engine.predictions import class_logits
    from camctl.engine.probe import probe, with_default

    loaded = loaded_of(model)
    hints, name = _hints(loaded, family)
    inputs = inputs_of(loaded, read_picture(image) if image is not None else None)
    layers = probe(loaded.module, class_logits(loaded.forward), inputs, hints)
    return with_default(layers, _claimed(loaded, hints, name), f"adapter {name}") if hints.adapter else layers


def _hints(loaded: LoadedModel, family: Family) -> tuple[LayoutHints, str]:
    """What is known of the layers' layouts, and the adapter's name."""
    from camctl.engine.layout import LayoutHints

    found = registry.match_adapter(loaded.module, family.adapter)
    claimed = found.plugin.extra_tokens(loaded.module) if found is not None else None
    hints = LayoutHints(
        adapter=found.plugin if found else None,
        claimed_tokens=claimed,
        extra_tokens=family.num_extra_tokens,
        tokens=family.vit_like,
    )
    return hints, found.found.name if found else ""


def _claimed(loaded: LoadedModel, hints: LayoutHints, name: str) -> tuple[str, ...]:
    """The target layers that the adapter `name` claims, as far as the model has them."""
    layers = tuple(hints.adapter.target_layers(loaded.module)) if hints.adapter else ()
    known = {part for part, _ in loaded.module.named_modules()}
    if missing := [layer for layer in layers if layer not in known]:
        message = f"The adapter '{name}' names the layer '{missing[0]}', which this model does not have."
        raise PluginError(message, hint="Choose a layer with --target-layers; camctl layers MODEL lists them.")
    return layers


@lru_cache(maxsize=8)
def _view(preprocess: Callable[[NDArray[np.uint8]], Tensor], shape: tuple[int, int]) -> View:
    """Measured once a preprocessing and picture size: folders hold many pictures of one size."""
    from camctl.engine.view import measure_view

    return measure_view(preprocess, shape)


def before(scene: Scene, inputs: Tensor) -> Scene:
    """The same scene with other inputs (1, 3, h, w), of the same picture and view."""
    return replace(scene, inputs=inputs)
