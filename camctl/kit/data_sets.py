"""Class names of well-known data sets, and their synonyms."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from camctl.errors import InputError

DATA_SETS = ("imagenet", "imagenet22k", "coco")
"""Data sets whose names are known."""

IMAGENET = 1000
"""Number of classes of ImageNet-1k."""

_SHARE = 0.9
"""Share of names that must agree with ImageNet's."""


@cache
def names_of(data_set: str) -> tuple[str, ...]:
    """Return the class names of a data set among `DATA_SETS`. Raises `InputError` if a package with them is missing."""
    if data_set == "imagenet":
        return imagenet_names()
    if data_set == "coco":
        from torchvision.models.detection import RetinaNet_ResNet50_FPN_Weights

        known = RetinaNet_ResNet50_FPN_Weights.DEFAULT.meta["categories"]
        return tuple(name for name in known if name not in {"__background__", "N/A"})
    if find_spec("timm") is None:
        raise InputError("The names of ImageNet-22k come with timm, which is not installed.", hint="pip install timm")
    from timm.data.imagenet_info import ImageNetInfo

    return tuple(map(str, ImageNetInfo("imagenet-22k").label_descriptions()))


def imagenet_names() -> tuple[str, ...]:
    """Return ImageNet's class names with their synonyms, as mmpretrain lists them."""
    names: tuple[str, ...] = _categories()["IMAGENET_CATEGORIES"]
    return names


@cache
def _categories() -> dict[str, Any]:
    """Lists of mmpretrain's data sets. Only their file is run, since importing the package takes seconds."""
    from runpy import run_path

    package = find_spec("mmpretrain")
    folder = Path(package.origin if package and package.origin else "").parent
    return run_path(str(folder / "datasets" / "categories.py"))


@cache
def imagenet_synonyms() -> tuple[str, ...]:
    """Return all other names of each of ImageNet's classes, separated by commas."""
    return synonyms(imagenet_names())


def imagenet_wnids() -> tuple[str, ...]:
    """Return the WordNet numbers of ImageNet's 1000 classes, in the order of the classes."""
    return tuple(files("camctl.kit").joinpath("imagenet_wnids.txt").read_text(encoding="ascii").split())


def synonyms(names: Sequence[str]) -> tuple[str, ...]:
    """Return other names of each class, separated by commas, if the names are ImageNet's in any spelling; else ()."""
    if len(names) != IMAGENET:
        return ()
    known = [name.split(",") for name in imagenet_names()]
    short = _categories().get("IMAGENET_SIMPLE_CATEGORIES", ("",) * IMAGENET)
    others = [[*parts, *name.split(",")] for parts, name in zip(known, short, strict=True)]
    pairs = zip(names, others, strict=True)
    agree = sum(not _folded(name.split(",")).isdisjoint(_folded(parts)) for name, parts in pairs)
    if agree < _SHARE * IMAGENET:
        return ()
    return tuple(",".join((*parts, wnid)) for parts, wnid in zip(others, imagenet_wnids(), strict=True))


def _folded(parts: Sequence[str]) -> set[str]:
    return {part.strip().casefold().replace("_", " ") for part in parts}
