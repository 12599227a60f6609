"""Who is told of long work: what the caller gives, else a bar in a notebook."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    Step = Callable[[str, int, int], None]


def watcher(progress: Step | None, *, in_bytes: bool = False) -> Step | None:
    """Return what to call with a text, the steps done and all of them; None if nobody watches."""
    from camctl.render.notebook_bar import steps

    return progress or steps(in_bytes=in_bytes)
