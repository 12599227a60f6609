"""Questions that have no answer: to a kind of output, or in a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from camctl.errors import Hint, InputError
from camctl.values.questions import Detection, Likeness, Region

if TYPE_CHECKING:
    from camctl.values.output import Output

NEEDED = {
    Likeness: ("A likeness to another picture", "an embedding", "embedding"),
    Region: ("A region", "a dense output, such as a segmentation's", "dense"),
    Detection: ("A box", "a detector's boxes", "boxes"),
}
"""Question -> what is asked, of what, and the kind of output."""


class AbsentError(InputError):
    """What is asked for may be in other pictures, and is not in this one."""


def not_asked(question: Likeness | Region | Detection, output: Output | None) -> InputError:
    """Return the error for a question that this kind of output has no answer to."""
    what, of, kind = NEEDED[type(question)]
    is_of = f", and this model's output is {output.kind}" if output else ""
    hint: str = Hint("If it is an embedding all the same, say so", output=kind) if kind == "embedding" else ""
    return InputError(f"{what} is asked of {of}{is_of}.", hint=hint or "Name a class, or give another model.")
