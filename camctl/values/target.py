"""The class, or the other question, that a map explains."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence


Direction = Literal["", "up", "down"]
"""Whether a map explains why a value is higher or lower; empty for a class."""


CONTRAST = "A vs B: what speaks for A rather than B, and the probability of A if only A and B were possible"
"""How to read the name and the score of a class in contrast with others."""


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
    like: str = ""
    """Path of the picture that the explained one is compared with; empty if it is with none."""
    where: str = ""
    """The region of a dense output in words: `predicted`, a box or a mask's file; empty if there is none."""
    box: tuple[float, float, float, float] | None = None
    """The detected box in pixels of the picture; None if there is none."""
    plain: bool = False
    """Whether the score is shown as it is (a cosine), not as a share of 1."""
    name: str = ""
    """What a figure calls it instead of its title; empty for that."""
    mark: Any = field(default=None, compare=False, repr=False)
    """What is drawn on the picture: a box in its pixels, or a mask (h, w) of the model's input; None for neither."""
    other: Any = field(default=None, compare=False, repr=False)
    """The `Picture` that the explained one is compared with; None if it is with none."""
    question: Any = field(default=None, compare=False, repr=False)
    """What is asked of the model's output, if that is more than a class, a contrast or a value."""

    @property
    def special(self) -> bool:
        """Whether its label says less than its title."""
        return bool(self.versus or self.direction or self.where or self.box)

    @property
    def measure(self) -> str:
        """What its score is called: `probability`, or the `value` or `cosine` that is shown as it is."""
        return "value" if self.direction else "cosine" if self.plain else "probability"

    @property
    def title(self) -> str:
        """Label for people, such as `tabby, tabby cat`, `tabby vs lynx and puma`, `age up` or `road in predicted`."""
        if self.name:
            return self.name
        named = self._named
        if self.where:
            return f"{named} in {self.where}"
        return f"{named} at {','.join(f'{side:.0f}' for side in self.box)}" if self.box else named

    @property
    def _named(self) -> str:
        if self.direction:
            return f"{self.label} {self.direction}"
        if not self.versus:
            return self.label
        first, *names = (target.label.split(",")[0] for target in (self, *self.versus))
        against = listed(names)
        return f"{first} vs {against}" if self.strength == 1 else f"{first} vs {self.strength:g} x {against}"

    def to_dict(self) -> dict[str, Any]:
        """Return the target as `--json` prints it."""
        alone: dict[str, Any] = {"index": self.index, "label": self.label, "score": self.score}
        alone |= {key: value for key, value in (("like", self.like), ("where", self.where)) if value}
        if self.box:
            alone["box"] = [round(side, 2) for side in self.box]
        if self.direction:
            alone["direction"] = self.direction
        if not self.versus:
            return alone
        return {**alone, "versus": [other.to_dict() for other in self.versus], "strength": self.strength}


def listed(names: Sequence[str]) -> str:
    """Return names as people list them: `a, b and c`."""
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last
