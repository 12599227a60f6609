"""How a figure was made, as its file tells whoever finds it later."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from camctl.values.comparison import Comparison


def origin(comparison: Comparison, command: str = "") -> dict[str, str]:
    """Return the `Command`, if one made the figure, and the `Versions` of the packages that made the maps."""
    versions: dict[str, str] = {}
    for run in comparison.explanations.values():
        versions |= run.versions
    facts = {"Command": command, "Versions": ", ".join(f"{name} {version}" for name, version in versions.items())}
    return {name: text for name, text in facts.items() if text}
