"""Training watched: a hook of MMEngine and a callback of Lightning that explain fixed pictures as a network learns.

Importing this registers `CamHook` with MMEngine: `custom_imports = dict(imports=["camctl.hooks"])` in a config.
Lightning is imported when `CamCallback` is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from camctl.hooks.mmengine_hook import CamHook

if TYPE_CHECKING:
    from camctl.hooks.lightning_callback import CamCallback

__all__ = ["CamCallback", "CamHook"]


def __getattr__(name: str) -> Any:
    if name == "CamCallback":
        from camctl.hooks.lightning_callback import CamCallback

        return CamCallback
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)
