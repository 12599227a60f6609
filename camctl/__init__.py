"""Shows where an image classifier looked: class activation maps, with proof of what each map is worth.

`load` a classifier, `explain` its view of a picture, `compare` maps side by side. Nothing heavy is imported before
one of them is used.
"""

# ruff: noqa: F405 - type checkers read the names of `__all__` from `camctl.api`

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from camctl.api import *  # noqa: F403 - the names of `__all__`

    __version__: str

__all__ = [
    "Cam",
    "CamctlError",
    "Classes",
    "Comparison",
    "Detection",
    "Evaluation",
    "Explanation",
    "Family",
    "InputError",
    "LayerMap",
    "Likeness",
    "LoadedModel",
    "Output",
    "PluginError",
    "Reading",
    "Region",
    "Results",
    "Target",
    "UnknownNameError",
    "View",
    "__version__",
    "check",
    "compare",
    "explain",
    "explain_dataset",
    "load",
    "open_results",
    "survey",
]


def __getattr__(name: str) -> Any:
    # The library is loaded when it is used, so that `camctl --help` waits for none of it.
    if name == "__version__":
        from importlib.metadata import version

        return version("camctl")
    if name in __all__:
        from camctl import api

        return getattr(api, name)
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
