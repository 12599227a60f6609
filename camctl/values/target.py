"""The class that a map explains."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence


Direction = Literal["", "up", "down"]
"""Whether a map explains why a value is higher or lower; empty for a class."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """The class explained, its label and its score (0..1); of a regression the value, in its own unit.

    In contrast with the classes in `versus` its score is the one it would have if there were only it and them: the
    sigmoid of its lead, `y - strength * mean(y_k)`.
    """

    index: int
    label: str
    score: float
    versus: tuple[Target, ...] = ()
    strength: float = 1.0
    """Weight of the contrast."""
    direction: Direction = ""
    """Of a regression's value: whether the map explains why it is higher or lower."""

    @property
    def title(self) -> str:
        """Label for people, such as `tabby, tabby cat`, `tabby vs lynx and puma` or `age up`."""
        if self.direction:
            return f"{self.label} {self.direction}"
        if not self.versus:
            return self.label
        first, *names = (target.label.split(",")[0] for target in (self, *self.versus))
        against = listed(names)
        return f"{first} vs {against}" if self.strength == 1 else f"{first} vs {self.strength:g} x {against}"

    def to_dict(self) -> dict[str, Any]:
        """Return the target as `--json` prints it."""
        alone = {"index": self.index, "label": self.label, "score": self.score}
        if self.direction:
            alone["direction"] = self.direction
        if not self.versus:
            return alone
        return {**alone, "versus": [other.to_dict() for other in self.versus], "strength": self.strength}


def listed(names: Sequence[str]) -> str:
    """Return names as people list them: `a, b and c`."""
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last
