"""Methods that cannot work on a model, and why: known before any pass."""

from __future__ import annotations

from typing import TYPE_CHECKING

from camctl import registry
from camctl.errors import CamctlError, Hint, InputError, as_value
from camctl.pipeline.method_selection import AUTO, is_set, pick_methods

if TYPE_CHECKING:
    from collections.abc import Sequence

    from camctl.pipeline.plan import Plan
    from camctl.plugin import Method

CANNOT = " cannot work on this model: "


def refusal(method: Method, plan: Plan) -> CamctlError | None:
    """Return why a method makes no map of this model."""
    if plan.loaded.opaque and method.name != AUTO and not method.baseline and method.needs - {"rescoring"}:
        message = f"{method.name}{CANNOT}it is a black box, without layers to look into."
        others = (loaded.plugin for loaded in registry.load_all("method")[0])
        able = tuple(other.name for other in others if other.needs == {"rescoring"} and not refusal(other, plan))
        return InputError(message, hint=Hint("Use a method that needs none", method=able))
    try:
        reason = method.cannot(plan.loaded.module)
    except CamctlError as error:
        return as_value(error)
    return InputError(f"{method.name}{CANNOT}{reason}", hint=Hint("See other methods", "methods")) if reason else None


def named_methods(names: Sequence[str], picked: Sequence[Method]) -> set[str]:
    """Return which of the picked methods are named themselves, and not in a set; `auto` if none is."""
    alone = [name for name in names if not is_set(name)]
    return {method.name for method in (picked if len(alone) == len(names) else pick_methods(alone or [AUTO]))}


def able_methods(
    methods: Sequence[Method], plan: Plan, named: set[str]
) -> tuple[tuple[Method, ...], tuple[CamctlError, ...]]:
    """Return the methods that can work on a model, and why the others cannot.

    Raises the error of the first that cannot: of those that are named, or of any if none can.
    """
    refused = {method.name: error for method in methods if (error := refusal(method, plan))}
    able = tuple(method for method in methods if method.name not in refused)
    for name, error in refused.items():
        if name in named or not able:
            raise error
    return able, tuple(refused.values())


def left_out(errors: Sequence[CamctlError]) -> list[str]:
    """Return the notes on methods of a set that make no map, those of one reason in one."""
    reasons: dict[str, list[str]] = {}
    for error in errors:
        name, cannot, reason = error.message.partition(CANNOT)
        reasons.setdefault(f"{cannot}{reason}" or error.message, []).append(name if cannot else "")
    return [
        f"{name}{reason} It is left out." if not others else f"{', '.join((name, *others))}{reason} They are left out."
        for reason, (name, *others) in reasons.items()
    ]
