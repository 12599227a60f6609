"""The next step to try if a map is worthless."""

from __future__ import annotations

from shlex import quote
from typing import TYPE_CHECKING

from camctl.errors import Hint

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from camctl.engine.verdict import Verdict
    from camctl.plugin import Method, Question
    from camctl.values.layer_map import LayerMap


class Advice:
    """One hint per map; the probe that some hints need runs at most once.

    Parameters
    ----------
    probe: Returns the layer map for a question.
    layers: The target layers that were used.
    model: The user's name for the model.
    probed: Whether the probe chose those layers, so that it knows no better ones.
    """

    def __init__(
        self, probe: Callable[[Question], LayerMap], layers: Collection[str], model: str, *, probed: bool = False
    ) -> None:
        self.probe, self.layers, self.model, self.probed = probe, layers, quote(model), probed
        self._live: str | None = None

    def hint(self, verdict: Verdict, method: Method, question: Question) -> str:  # noqa: PLR0911 - one per verdict
        """Return one line with the next command; empty for `ok`."""
        if verdict.name == "ok":
            return ""
        if verdict.by_method:
            return f"Report this to the author of {method.name}, and use another method."
        if not method.needs:
            return f"{method.name} looks only at the picture and finds nothing in this one. Use another method."
        if verdict.name == "not-finite":
            return "Check the checkpoint: a weight or the picture's preprocessing yields NaN or infinity."
        no_grid = verdict.name in {"zero-gradient", "single-cell"}
        live = self._live_layer(question) if no_grid or not (self.probed or verdict.name == "flat") else ""
        if live and live not in self.layers:
            return Hint("Try another layer", target_layers=live)
        if not no_grid and verdict.name == "negative-only":
            return Hint("Try a method that keeps the evidence for the class", method="GradCAMElementWise")
        text = "See the layers that can be used" if no_grid else "Try another method, or another layer out of these"
        return Hint(text, "layers", model=self.model, usable=True)

    def _live_layer(self, question: Question) -> str:
        if self._live is None:
            layers = self.probe(question)
            usable = {record.name for record in layers.records if record.usable}
            self._live = next((name for name in layers.default if name in usable), "")
        return self._live
