"""The result of a model's check: frozen values, no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from camctl.values.cam import VerdictName

Mark = Literal["ok", "limited", "failed"]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was tried, and its result.

    `limited`: default maps are not affected, but something beyond them will not work, or the result is unknown.
    """

    name: str
    mark: Mark
    text: str
    """One line."""
    hint: str = ""
    """Next step; empty if there is none."""

    def to_dict(self) -> dict[str, Any]:
        """Return the finding as `--json` prints it."""
        return {"name": self.name, "mark": self.mark, "text": self.text, "hint": self.hint}


@dataclass(frozen=True, kw_only=True)
class Check:
    """Whether a map of a model can be made and trusted, in the terms of the published coverage tables."""

    model: str
    image: str
    """The picture's path; `noise` if none was given."""
    input_size: tuple[int, int]
    layers: tuple[str, ...]
    """The default target layers; empty if there are none."""
    chosen_by: str
    """`adapter NAME` or `probe`."""
    grid: tuple[int, int] | None
    """Height and width of the map; None without a map."""
    extra_tokens: int
    """Number of tokens before the patch tokens of the first layer."""
    verdict: VerdictName | Literal["no-layer"]
    """Verdict on a GradCAM map of the best class; `no-layer` if no layer can be captured."""
    reason: str
    hint: str
    """Next command to try; empty for `ok`."""
    seconds: float
    """Seconds for that map: finding the layer, both passes and verification, without loading."""
    finding_passes: float
    """Cost of finding the layer in bare forward passes; 0 if an adapter named it."""
    random_weights: bool
    repairs: tuple[str, ...]
    notes: tuple[str, ...]
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether the map is `ok` and nothing failed."""
        return self.verdict == "ok" and all(finding.mark != "failed" for finding in self.findings)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as `camctl layers --check --json` prints it."""
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
            "findings": [finding.to_dict() for finding in self.findings],
        }
