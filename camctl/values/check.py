"""What a check of a model found: frozen values, no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from camctl.values.cam import VerdictName

Mark = Literal["ok", "limited", "failed"]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was tried, and how it went.

    `limited`: nothing speaks against maps by default, but something that goes beyond them will not do, or it cannot be
    told.
    """

    name: str
    mark: Mark
    text: str
    """One line."""
    hint: str = ""
    """What to do; empty where there is nothing to do."""

    def to_dict(self) -> dict[str, Any]:
        """As it stands in `--json`."""
        return {"name": self.name, "mark": self.mark, "text": self.text, "hint": self.hint}


@dataclass(frozen=True, kw_only=True)
class Check:
    """Whether a map of a model can be made and trusted, in the terms of the published coverage tables."""

    model: str
    image: str
    """The picture's path; `noise` where none was given."""
    input_size: tuple[int, int]
    layers: tuple[str, ...]
    """The default target layers; empty where there are none."""
    chosen_by: str
    """`adapter NAME` or `probe`."""
    grid: tuple[int, int] | None
    """Of the map; None where there is none."""
    extra_tokens: int
    """Before the patch tokens of the first layer."""
    verdict: VerdictName | Literal["no-layer"]
    """On a GradCAM map of the best class; `no-layer` where nothing can be captured."""
    reason: str
    hint: str
    """The next command to try; empty for `ok`."""
    seconds: float
    """Of that map: finding the layer, forward and backward pass, and asking the model about it. Loading is left out."""
    finding_passes: float
    """Bare forward passes that finding the layer cost; 0 where an adapter named it."""
    random_weights: bool
    repairs: tuple[str, ...]
    notes: tuple[str, ...]
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether the map is `ok` and nothing failed."""
        return self.verdict == "ok" and all(each.mark != "failed" for each in self.findings)

    def to_dict(self) -> dict[str, Any]:
        """As `camctl layers --check --json` prints it."""
        return {
            "model": self.model,
            "image": self.image,
            "input_size": list(self.input_size),
            "layers": list(self.layers),
            "chosen_by": self.chosen_by,
            "grid": list(self.grid) if self.grid else None,
            "extra_tokens": self.extra_tokens,
            "verdict": self.verdict,
            "reason": self.reason,
            "hint": self.hint,
            "seconds": round(self.seconds, 3),
            "finding_passes": round(self.finding_passes, 1),
            "random_weights": self.random_weights,
            "repairs": list(self.repairs),
            "notes": list(self.notes),
            "ok": self.ok,
            "findings": [each.to_dict() for each in self.findings],
        }
