"""The result of a model's check: frozen values, no torch."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from camctl.values.cam import VerdictName
    from camctl.values.output import Output

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
    output: Output | None = None
    """What the model's output is, and who says so."""

    @property
    def ok(self) -> bool:
        """Whether the map is `ok` and nothing failed."""
        return self.verdict == "ok" and all(finding.mark != "failed" for finding in self.findings)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as `camctl layers --check --json` prints it."""
        report = asdict(self)
        findings = report.pop("findings")
        report["output"] = self.output.to_dict() if self.output else None
        rounded = {"seconds": round(self.seconds, 3), "finding_passes": round(self.finding_passes, 1)}
        return {**report, **rounded, "ok": self.ok, "findings": findings}
