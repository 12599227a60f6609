"""Methods and metrics by the names that users give them; does not load torch."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from camctl import registry
from camctl.errors import Hint, InputError, UnknownNameError
from camctl.registry.discovery import find, warn_once
from camctl.registry.options import check_options

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from camctl.plugin import Aggregate, Method, Metric

METHOD_SETS = {
    "seed": ("GradCAM", "GradCAM++", "XGradCAM", "EigenCAM", "EigenGradCAM", "LayerCAM"),
    "fast": (),
    "all": (),
}
"""Names for several methods: mmpretrain's six, those that never run the model again, and all."""

AUTO = "auto"
"""Name for the method that measures best on the kind of network: `usual_method`."""

FURTHER = frozenset({"rescoring", "replay"})
"""Needs of methods that run the model, or the layers after the target layer, again."""

BASELINES = ("camctl[random]", "camctl[centre]", "camctl[edges]")
"""Methods that `baselines` adds."""


def pick_methods(
    names: Sequence[str] | str, options: Mapping[str, Any] | None = None, *, baselines: bool = False
) -> tuple[Method, ...]:
    """Return the methods of these names or `METHOD_SETS`, once each, then the baselines if asked for.

    `auto` is GradCAM under that name, until the passes show what kind of network it is.

    Raises `InputError`: a name or option is unknown.
    """
    picked: dict[str, registry.Loaded] = {}
    several = (names,) if isinstance(names, str) else names
    for name in [*several, *(BASELINES if baselines else ())]:
        if name.strip().casefold() == AUTO:
            gradcam = registry.pick("method", "camctl[gradcam]")
            picked.setdefault(AUTO, replace(gradcam, plugin=replace(gradcam.plugin, name=AUTO)))
            continue
        for loaded in _set(name) or [_named(name)]:
            picked.setdefault(loaded.found.label, loaded)
    methods: tuple[Method, ...] = tuple(loaded.plugin for loaded in picked.values())
    check_options("method", methods, options or {})
    return methods


def usual_method(*, class_token: bool) -> Method:
    """Return the method that `auto` stands for: GradCAM, or GradCAMElementWise if a class token alone is read.

    A class token reads some patches and not others, so the mean of a channel's gradient over all patches says little:
    on DINOv2's ViT-S/14 GradCAM peaked in the object's box in .43, GradCAMElementWise in .87, a blob in the middle in
    .74 of the photographs.
    """
    plugin: Method = registry.pick("method", f"camctl[{'gradcamelementwise' if class_token else 'gradcam'}]").plugin
    return plugin


def black_box_method() -> Method:
    """Return the method that `auto` stands for where no layer can be seen: RISE."""
    plugin: Method = registry.pick("method", "camctl[rise]").plugin
    return plugin


def is_set(name: str) -> bool:
    """Return whether a name stands for several methods."""
    return name.strip().casefold() in METHOD_SETS


def _set(name: str) -> list[registry.Loaded]:
    """Return the methods of a set; empty if the name is not one."""
    known = name.strip().casefold()
    if known == "seed":
        return [registry.pick("method", f"camctl[{method}]") for method in METHOD_SETS["seed"]]
    if known not in METHOD_SETS:
        return []
    methods = [method for method in _all("method") if not method.plugin.baseline]
    return [method for method in methods if known == "all" or FURTHER.isdisjoint(method.plugin.needs)]


def _named(name: str) -> registry.Loaded:
    """Return the method of a name. Raises what `registry.pick` raises; the sets are among the nearest names."""
    try:
        return registry.pick("method", name)
    except UnknownNameError:
        known = [*METHOD_SETS, AUTO, *sorted({found.name for found in find("method")})]
        raise UnknownNameError("method", name, known, hint=Hint("See them all with", "methods")) from None


def _all(kind: registry.Kind) -> Sequence[registry.Loaded]:
    loaded, skipped = registry.load_all(kind)
    for error in skipped:
        warn_once(f"{error.message} ({error.hint})")
    return loaded


def pick_metrics(
    names: Sequence[str] | str, options: Mapping[str, Any] | None = None, *, region: bool = False
) -> tuple[registry.Loaded, ...]:
    """Return the metrics of these names, once each; `all` leaves out those that lack the object or cost too much.

    Raises `InputError`: a name or option is unknown, or a metric that is named needs an object and has none.
    """
    picked: dict[str, registry.Loaded] = {}
    for name in (names,) if isinstance(names, str) else names:
        if name.strip().casefold() == "all":
            able = (metric for metric in _all("metric") if region or "region" not in metric.plugin.needs)
            picked |= {metric.found.label: metric for metric in able if not metric.plugin.cost.by_name}
            continue
        metric = registry.pick("metric", name)
        if "region" in metric.plugin.needs and not region:
            message = f"The metric {metric.plugin.name} needs to know where the object is."
            raise InputError(message, hint=Hint("Give its box in pixels of the picture, or a mask", box="X0,Y0,X1,Y1"))
        picked.setdefault(metric.found.label, metric)
    metrics: tuple[Metric, ...] = tuple(metric.plugin for metric in picked.values())
    check_options("metric", metrics, options or {})
    return tuple(picked.values())


def usual_aggregate(methods: Sequence[Method], asked: Aggregate) -> Aggregate:
    """Return how layers are fused: by the methods' common rule if they have one (RefineCAM's is a product)."""
    own = {method.aggregate for method in methods}
    only = own.pop() if len(own) == 1 else None
    return only or asked
