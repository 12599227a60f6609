"""What a model's output is, and who says so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

OutputKind = Literal["logits", "probabilities", "log-probabilities", "sigmoid", "values", "embedding", "dense", "boxes"]
"""What a model's output is; `sigmoid` are probabilities that do not exclude each other, `values` a regression's."""


MOST_LISTED = 8
"""Number of heads that the line on an output lists."""


@dataclass(frozen=True, kw_only=True)
class Output:
    """What a model's output is, who says so, and which of its heads is explained."""

    kind: OutputKind
    decided_by: str
    """`source`, `module` (an attribute of it), `you`, or `found` (from the output itself)."""
    scores: Literal["softmax", "sigmoid", "value", "cosine"] = "softmax"
    """How answers become the scores that people see."""
    explained: str = ""
    """What the maps explain in place of the output itself, such as `logit`; empty if it is the output."""
    head: str = ""
    """Name of the head that is explained; empty if there is only one."""
    heads: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """Name of each head -> shape of its output."""
    notes: tuple[str, ...] = ()
    """What the user should know about it, a line each."""

    @property
    def title(self) -> str:
        """The output in one line, such as `probabilities, detected; maps explain the logit before the softmax`."""
        who = {"found": "detected", "source": "stated by the source", "module": "stated by the module"}
        scores = " with sigmoid scores" if (self.kind, self.scores) == ("logits", "sigmoid") else ""
        parts = [f"{self.kind}{scores}, {who.get(self.decided_by, f'stated by {self.decided_by}')}"]
        if self.heads:
            parts.append(f"head {self.head} of {self.listed(*self.heads)}")
        if self.explained:
            parts.append(f"maps explain the {self.explained}")
        return "; ".join(parts)

    @property
    def others(self) -> tuple[str, ...]:
        """Names of the heads that are not explained."""
        return tuple(name for name in self.heads if name != self.head)

    def listed(self, *names: str) -> str:
        """Return heads with their shapes, such as `age 1x8, kind 1x3`."""
        shapes = [f"{name} {'x'.join(map(str, self.heads[name]))}" for name in names]
        more = [f"{len(shapes) - MOST_LISTED} more"] if len(shapes) > MOST_LISTED else []
        return ", ".join([*shapes[:MOST_LISTED], *more])

    def to_dict(self) -> dict[str, Any]:
        """Return the output as `--json` prints it."""
        heads = {name: list(shape) for name, shape in self.heads.items()}
        own = {"kind": self.kind, "decided_by": self.decided_by, "scores": self.scores}
        own["explained"] = self.explained or self.kind
        return {**own, "head": self.head, "heads": heads}
