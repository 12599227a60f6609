"""What is found once per model: its adapter, its modules, and how it sees pictures of a size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import finalize

from camctl import registry
from camctl.errors import Hint, PluginError
from camctl.values.request import DETECTED

if TYPE_CHECKING:
    from torch import Tensor

    from camctl.engine.layout import LayoutHints
    from camctl.engine.modules import ModuleTable
    from camctl.plugin import LoadedModel
    from camctl.values.picture import Picture
    from camctl.values.request import Family
    from camctl.values.view import View

_views: dict[int, dict[tuple[int, int], View]] = {}
"""Identity of a model that is alive -> size of a picture -> its view."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Plan:
    """A model with everything about it that depends on no picture."""

    loaded: LoadedModel
    table: ModuleTable
    hints: LayoutHints
    adapter: str
    """Name of the adapter that knows the model; empty if none does."""

    def inputs(self, picture: Picture | None) -> Tensor:
        """Return a picture, or noise, as the model's input (1, 3, h, w)."""
        from camctl.engine.inputs import inputs_of

        return inputs_of(self.loaded, picture, self.table.parameters)

    def forward(self, inputs: Tensor) -> Tensor:
        """Compute the logits (N, classes) of inputs (N, 3, h, w), one column per class.

        Raises `InputError`: the model fails on these inputs.
        """
        from camctl.engine.predictions import class_logits

        return class_logits(self.loaded.forward)(inputs)

    def view(self, size: tuple[int, int]) -> View:
        """Return what the model sees of a picture of this height and width; measured once per model and size."""
        from camctl.engine.view import measure_view

        key = id(self.loaded)
        if key not in _views:
            _views[key] = {}
            finalize(self.loaded, _views.pop, key, None).atexit = False
        if size not in _views[key]:
            _views[key][size] = measure_view(self.loaded.preprocess, size)
        return _views[key][size]

    def claimed_layers(self) -> tuple[str, ...]:
        """Return the target layers that the adapter names; empty without an adapter.

        Raises `PluginError`: the model has no layer of such a name.
        """
        layers = tuple(self.hints.adapter.target_layers(self.loaded.module)) if self.hints.adapter else ()
        if missing := [layer for layer in layers if layer not in self.table.parts]:
            message = f"The adapter '{self.adapter}' names the layer '{missing[0]}', which this model does not have."
            raise PluginError(message, hint=Hint("Choose a layer out of these", "layers"))
        return layers


def plan_of(loaded: LoadedModel, family: Family = DETECTED) -> Plan:
    """Find the adapter that knows a model, and list its modules."""
    from camctl.engine.layout import LayoutHints
    from camctl.engine.modules import ModuleTable

    match = registry.match_adapter(loaded.module, family.adapter)
    claimed = match.plugin.extra_tokens(loaded.module) if match else None
    hints = LayoutHints(
        adapter=match.plugin if match else None,
        claimed_tokens=claimed,
        extra_tokens=family.num_extra_tokens,
        tokens=family.vit_like,
    )
    table = ModuleTable.of(loaded.module)
    return Plan(loaded=loaded, table=table, hints=hints, adapter=match.found.name if match else "")
