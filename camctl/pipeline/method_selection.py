"""Methods and metrics, from what the user calls them; loads no torch."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from camctl import registry
from camctl.errors import InputError
from camctl.registry.discovery import warn_once
from camctl.registry.options import check_options

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from camctl.plugin import Aggregate, Method, Metric

METHOD_SETS = {
    "seed": ("GradCAM", "GradCAM++", "XGradCAM", "EigenCAM", "EigenGradCAM", "LayerCAM"),
    "fast": (),
    "all": (),
}
"""Names for several methods: mmpretrain's six, those that never run the model again, every one there is."""

AUTO = "auto"
"""Asks for the method that measures best on the kind of network: `usual_method`."""

FURTHER = frozenset({"rescoring", "replay"})
"""Needs of methods that run the model, or what follows the layer, once more or many times."""

BASELINES = ("camctl[random]", "camctl[centre]", "camctl[edges]")
"""Methods that `baselines` adds."""


def pick_methods(
    names: Sequence[str], options: Mapping[str, Any] | None = None, *, baselines: bool = False
) -> tuple[Method, ...]:
    """The methods of these names or `METHOD_SETS`, once each, then the baselines where they are asked for.

    `auto` is GradCAM under that name, until the passes show what kind of network it is.

    Raises `InputError` for an unknown name or option.
    """
    picked: dict[str, registry.Loaded] = {}
    for name in [*names, *(BASELINES if baselines else ())]:
        if name.strip().casefold() == AUTO:
            one = registry.pick("method", "camctl[gradcam]")
            picked.setdefault(AUTO, replace(one, plugin=replace(one.plugin, name=AUTO)))
            continue
        for one in _set(name) or [registry.pick("method", name)]:
            picked.setdefault(one.found.label, one)
    methods: tuple[Method, ...] = tuple(one.plugin for one in picked.values())
    check_options("method", methods, options or {})
    return methods


def usual_method(*, class_token: bool) -> Method:
    """The method that `auto` stands for: GradCAM, and GradCAMElementWise where a class token alone is read.

    A class token reads some patches and not others, so the mean of a channel's gradient over all patches says little:
    on DINOv2's ViT-S/14 GradCAM peaked in the object's box in .43, GradCAMElementWise in .87, a blob in the middle in
    .74 of the photographs.
    """
    plugin: Method = registry.pick("method", f"camctl[{'gradcamelementwise' if class_token else 'gradcam'}]").plugin
    return plugin


def _set(name: str) -> list[registry.Loaded]:
    """The methods of a set; empty for a name that is none."""
    known = name.strip().casefold()
    if known == "seed":
        return [registry.pick("method", f"camctl[{each}]") for each in METHOD_SETS["seed"]]
    if known not in METHOD_SETS:
        return []
    loaded, skipped = registry.load_all("method")
    for error in skipped:
        warn_once(f"{error.message} ({error.hint})")
    loaded = [one for one in loaded if not one.plugin.baseline]
    return [one for one in loaded if known == "all" or FURTHER.isdisjoint(one.plugin.needs)]


def pick_metrics(
    names: Sequence[str], options: Mapping[str, Any] | None = None, *, region: bool = False
) -> tuple[registry.Loaded, ...]:
    """The metrics of these names, once each; `all` is every one that does not lack the object or cost too much.

    Raises `InputError` for an unknown name or option, and for a metric by name that needs an object and has none.
    """
    picked: dict[str, registry.Loaded] = {}
    for name in names:
        if name.strip().casefold() == "all":
            loaded, skipped = registry.load_all("metric")
            for error in skipped:
                warn_once(f"{error.message} ({error.hint})")
            loaded = [one for one in loaded if not one.plugin.cost.by_name]
            picked |= {one.found.label: one for one in loaded if region or "region" not in one.plugin.needs}
            continue
        one = registry.pick("metric", name)
        if "region" in one.plugin.needs and not region:
            message = f"The metric {one.plugin.name} needs to know where the object is."
            raise InputError(message, hint="Give its box in pixels of the picture, --box X0,Y0,X1,Y1, or --mask FILE")
        picked.setdefault(one.found.label, one)
    metrics: tuple[Metric, ...] = tuple(one.plugin for one in picked.values())
    check_options("metric", metrics, options or {})
    return tuple(picked.values())


def usual_aggregate(methods: Sequence[Method], asked: Aggregate) -> Aggregate:
    """How layers are fused: by all methods' own rule where it is one (RefineCAM's is a product), else as is asked."""
    own = {method.aggregate for method in methods}
    only = own.pop() if len(own) == 1 else None
    return only or asked
