"""Class names, if timm has them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def class_names(config: Mapping[str, Any], classes: int) -> tuple[str, ...] | None:
    """One name a logit, in the model's order; None if unknown.

    The model's own names have priority; ImageNet's follow from the number of classes (1k, 12k, four of 21k and 22k).
    """
    if (own := _own_names(config, classes)) is not None:
        return own
    from timm.data.imagenet_info import ImageNetInfo, infer_imagenet_subset

    subset = infer_imagenet_subset({"num_classes": classes})
    if subset is None:
        return None
    names = tuple(str(name) for name in ImageNetInfo(subset).label_descriptions())
    return names if len(names) == classes else None


def _own_names(config: Mapping[str, Any], classes: int) -> tuple[str, ...] | None:
    labels = config.get("label_names")
    if isinstance(labels, Mapping):  # in a config.json the keys are numbers as texts
        try:
            by_index = {int(index): str(label) for index, label in labels.items()}
        except ValueError:
            return None
        labels = [by_index[index] for index in range(classes)] if set(by_index) == set(range(classes)) else None
    if not isinstance(labels, list | tuple) or len(labels) != classes:
        return None
    described = config.get("label_descriptions")
    words = described if isinstance(described, Mapping) else {}
    return tuple(str(words.get(label, label)) for label in labels)
