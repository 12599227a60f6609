"""What to try next when a map is worthless."""

from __future__ import annotations

from shlex import quote
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from camctl.engine.verdict import Verdict
    from camctl.plugin import Method
    from camctl.values.explanation import LayerMap, Target


class Advice:
    """One hint a map; the probe that some need is run once, and only then.

    Parameters
    ----------
    probe: gives the layer map for the score of a class, by index.
    layers: the target layers that were used.
    model: what the user calls the model.
    probed: whether the probe chose those layers, so that it need not be asked for better ones.
    """

    def __init__(
        self, probe: Callable[[int], LayerMap], layers: Collection[str], model: str, *, probed: bool = False
    ) -> None:
        self.probe, self.layers, self.model, self.probed = probe, layers, quote(model), probed
        self._live: str | None = None

    def hint(self, verdict: Verdict, method: Method, target: Target) -> str:  # noqa: PLR0911 - one a verdict
        """One line with the next command; empty for `ok`."""
        if verdict.name == "ok":
            return ""
        if verdict.by_method:
            return f"Try another --method than {method.name}, and tell its author."
        if not method.needs:
            return f"{method.name} sees nothing in the picture, at which alone it looks: leave it out, or take another."
        if verdict.name == "not-finite":
            return "Check the checkpoint: a weight or the picture's preprocessing gives NaN or infinity."
        no_places = verdict.name in {"zero-gradient", "single-cell"}
        live = self._live_layer(target) if no_places or not (self.probed or verdict.name == "flat") else ""
        if live and live not in self.layers:
            return f"Try --target-layers {live}"
        if no_places:
            return f"See which layers will do with: camctl layers {self.model} --usable"
        if verdict.name == "negative-only":
            return f"Try another --method than {method.name} (GradCAMElementWise keeps what speaks for the class)."
        return f"Try another --method or --target-layers; camctl layers {self.model} --usable lists the layers."

    def _live_layer(self, target: Target) -> str:
        if self._live is None:
            seen = self.probe(target.index)
            usable = {record.name for record in seen.records if record.usable}
            self._live = next((name for name in seen.default if name in usable), "")
        return self._live
