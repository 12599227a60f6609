"""Versions of everything that shapes a map, read from package metadata; nothing is imported."""

from __future__ import annotations

import platform

from camctl import registry

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
    from importlib.metadata import PackageNotFoundError, version

    plugins = {one.distribution for kind in ("method", "adapter", "source") for one in registry.find(kind)}
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
