"""Versions of everything that influences a map, from package metadata; nothing is imported."""

from __future__ import annotations

import platform
from contextlib import suppress
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
"""Distributions besides camctl and its plugins; of two for one library usually one is installed."""


def versions() -> dict[str, str]:
    """Versions by distribution: camctl, python, `PACKAGES`, plugin packages; only installed ones."""
    return dict(_versions(path_state()))


@lru_cache(maxsize=2)
def _versions(_path: tuple[tuple[str, int], ...]) -> dict[str, str]:
    from importlib.metadata import PackageNotFoundError, version

    plugins = {found.distribution for kind in ("method", "adapter", "source") for found in find(kind)}
    versions: dict[str, str] = {}
    for name in ("camctl", "python", *PACKAGES, *sorted(plugins - {"camctl"})):
        with suppress(PackageNotFoundError):
            versions[name] = platform.python_version() if name == "python" else version(name)
    return versions
