"""Versions of everything that influences a map, from package metadata; nothing is imported."""

from __future__ import annotations

import platform
from contextlib import suppress
from functools import lru_cache

from camctl.registry.discovery import Kind, find, path_state

KINDS: tuple[Kind, ...] = ("method", "adapter", "source")
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
"""Distributions besides camctl and its plugins; of two for one library usually one is installed."""


def versions() -> dict[str, str]:
    """Versions by distribution: camctl, python, `PACKAGES`, plugin packages; only installed ones."""
    return dict(_versions(path_state()))


@lru_cache(maxsize=2)
def _versions(_path: tuple[tuple[str, int], ...]) -> dict[str, str]:
    from importlib.metadata import version

    plugins = {found.distribution: found.version for kind in KINDS for found in find(kind)}
    versions: dict[str, str] = {"camctl": plugins.pop("camctl", ""), "python": platform.python_version()}
    for name in PACKAGES:
        with suppress(Exception):  # not installed, or its metadata is broken in any way
            versions[name] = str(version(name))
    return versions | dict(sorted(plugins.items()))
