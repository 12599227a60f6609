"""Versions of everything that shapes a map, read from package metadata; nothing is imported."""

from __future__ import annotations

import platform
from functools import lru_cache

from camctl.registry.discovery import find, path_state

PACKAGES = (
    "torch",
    "torchvision",
    "mmpretrain",
    "mmengine",
    "mmcv-lite",
    "mmcv",
    "grad-cam",
    "opencv-python",
    "opencv-python-headless",
    "numpy",
    "pillow",
)
"""Distributions beside camctl and its plugins. Of two that stand for one library, one is installed as a rule."""


def versions() -> dict[str, str]:
    """Distribution -> version: camctl, python, what shapes a map, then plugin packages. Only what is installed."""
    return dict(_versions(path_state()))


@lru_cache(maxsize=2)
def _versions(_path: tuple[tuple[str, int], ...]) -> dict[str, str]:
    from importlib.metadata import PackageNotFoundError, version

    plugins = {one.distribution for kind in ("method", "adapter", "source") for one in find(kind)}
    found: dict[str, str] = {}
    for name in ("camctl", "python", *PACKAGES, *sorted(plugins - {"camctl"})):
        if name == "python":
            found[name] = platform.python_version()
            continue
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
