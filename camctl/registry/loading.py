"""Pick and load plugins by name.

`Found` is what an entry point says, nothing imported; `Loaded` holds the plugin itself. The built-in methods,
adapters and sources come this way as well, under the distribution `camctl`.
"""

from __future__ import annotations

import re
import sys
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from camctl.errors import CamctlError, InputError, PluginError, UnknownNameError
from camctl.plugin import Aggregate, Better, Cost, Method, Metric, MetricNeed, Need, Reduction
from camctl.registry import sandbox as custody
from camctl.registry.discovery import Found, Kind, canonical, find, quote, same_name, warn_once

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from torch import nn

MADE_BY_DECORATOR: dict[str, type] = {"method": Method, "metric": Metric}
"""Kinds of plugin that are functions, and what the decorator of the kind's name in `camctl.plugin` makes of them."""

MEMBERS: dict[str, tuple[str, ...]] = {
    "adapter": ("summary", "matches", "target_layers", "extra_tokens", "to_grid"),
    "source": ("summary", "load"),
}
"""Kinds of plugin that are objects, and what they have."""

_METHOD_WORDS = {"needs": get_args(Need), "reduction": get_args(Reduction), "aggregate": (None, *get_args(Aggregate))}
_METRIC_WORDS = {"needs": get_args(MetricNeed), "better": get_args(Better)}

OTHER_LIBRARIES = ("timm", "torchvision", "transformers")
"""Libraries whose models are asked for by name, and come with a plugin or from the user's own code."""

_REFERENCES = {
    "demo": "vit",
    "imagenet": "lite0",
    "python": "package.module:factory",
    "mmpretrain": "resnet50_8xb32_in1k",
}
"""What may stand after a source's name, for the hint."""

_QUALIFIED = re.compile(r"(?P<package>[^\[\]]+)\[(?P<name>[^\[\]]+)\]")
# Two letters or more, so that the drive in `C:\configs\resnet.py` is no source.
_SOURCE = re.compile(r"(?P<source>[A-Za-z][\w+.-]+(\[[^\[\]:]+\])?):(?!//)(?P<reference>.*)", re.DOTALL)


@dataclass(frozen=True)
class Loaded:
    """A plugin, imported and of the right kind: a `Method` or `Metric`, or an instance of an `Adapter` or `Source`."""

    found: Found
    plugin: Any


# -------------------------------------------------------------------------------------------- pick


def locate(kind: Kind, name: str) -> Found:
    """The plugin of this name, not loaded.

    A plugin spelt exactly so (but for case) goes before one spelt alike (see `same_name`). `package[name]`
    asks for one package's. Raises `UnknownNameError`, and `PluginError` where two packages offer the name.
    """
    everything = find(kind)
    wanted, candidates = name.strip(), everything
    if qualified := _QUALIFIED.fullmatch(wanted):
        wanted = qualified["name"]
        candidates = [one for one in everything if one.distribution == canonical(qualified["package"])]
    exact = [one for one in candidates if one.name.casefold() == wanted.casefold()]
    matching = exact or [one for one in candidates if same_name(one.name) == same_name(wanted)]
    if not matching:
        hint = f"See them all with: camctl {kind}s" if kind in MADE_BY_DECORATOR else ""
        raise UnknownNameError(kind, name, sorted({one.name for one in everything}), hint=hint)
    if len({one.distribution for one in matching}) > 1:
        labels = " and ".join(one.label for one in matching)
        first, *_, last = sorted(matching, key=lambda one: not one.built_in)
        such = f"{first.label}:MODEL" if kind == "source" else first.label
        hint = f"Say which one you mean, such as {such}, or: pip uninstall {last.distribution}"
        message = f"Several packages offer the {kind} '{name}': {labels}."
        raise PluginError(message, hint=hint)
    return matching[0]


def pick(kind: Kind, name: str) -> Loaded:
    """The plugin of this name, loaded. Raises as `locate` and `load` do."""
    return load(locate(kind, name))


# -------------------------------------------------------------------------------------------- load


def load(found: Found, *, kept: bool = True) -> Loaded:
    """Import a plugin, see that it is what it says, and keep it in `custody` (not `kept`, it comes as it is).

    Raises `PluginError` for anything that goes wrong there, even where the plugin tries to end the process.
    """
    try:
        # Standard output belongs to the command: it may be JSON.
        with redirect_stdout(sys.stderr):
            plugin = found.entry_point.load()
            if found.kind in MEMBERS and isinstance(plugin, type):
                plugin = plugin()
            lack = _lack(found.kind, plugin)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise custody.fault(found, f"cannot be loaded: {type(error).__name__}: {quote(error)}") from error
    if lack:
        raise custody.fault(found, f"cannot be used: {lack}")
    return Loaded(found, custody.keep(found, plugin) if kept else plugin)


def at_work(loaded: Loaded) -> AbstractContextManager[None]:
    """Whatever a third party's plugin raises inside is a `PluginError`; of a built-in one it is our bug, and stays."""
    return custody.at_work(loaded.found)


def load_all(kind: Kind) -> tuple[list[Loaded], list[PluginError]]:
    """Every plugin of a kind that can be loaded, sorted by name, and what is wrong with each of the others."""
    loaded: list[Loaded] = []
    skipped: list[PluginError] = []
    for found in find(kind):
        try:
            loaded.append(load(found))
        except PluginError as error:
            skipped.append(error)
    return loaded, skipped


def _lack(kind: Kind, plugin: object) -> str:
    """What a plugin lacks of its kind, in words; empty where it is whole."""
    if isinstance(plugin, Method | Metric) and isinstance(plugin, MADE_BY_DECORATOR.get(kind, ())):
        return _amiss(plugin)
    if kind in MADE_BY_DECORATOR:
        return f"it names a {type(plugin).__name__}, which the decorator camctl.plugin.{kind} has not seen."
    if missing := ", ".join(member for member in MEMBERS[kind] if not hasattr(plugin, member)):
        return f"it names a {type(plugin).__name__}, which has no {missing}."
    said = getattr(plugin, "summary", None)
    return "" if isinstance(said, str) else f"its summary is {said!r}, which is no text."


def _amiss(plugin: Method | Metric) -> str:
    """Which of the decorator's words is none that it takes."""
    for field in ("name", "summary", "paper", "formula", "rewards"):
        if not isinstance(said := getattr(plugin, field, ""), str):
            return f"its {field} is {said!r}, which is no text."
    if not isinstance(plugin.cost, Cost):
        return f"its cost is {plugin.cost!r}, which is no camctl.plugin.Cost."
    words = _METHOD_WORDS if isinstance(plugin, Method) else _METRIC_WORDS
    for field, known in words.items():
        said = getattr(plugin, field)
        for one in sorted(map(str, said)) if isinstance(said, frozenset) else [said]:
            if one not in known:
                return f"{field} says {one!r}, which is none of {', '.join(str(each) for each in known if each)}."
    return ""


# ------------------------------------------------------------------------------ adapters and sources


def adapters() -> list[Loaded]:
    """Adapters in the order they are asked: third parties' first, then the built-in ones, each by name.

    One that cannot be loaded costs a `PluginWarning`.
    """
    loaded, skipped = load_all("adapter")
    for error in skipped:
        warn_once(f"{error.message} ({error.hint})")
    return sorted(loaded, key=lambda one: one.found.built_in)


def match_adapter(model: nn.Module, name: str | None = None) -> Loaded | None:
    """The adapter of this name, else the one that knows the model, else None.

    A third party's that nobody asked for, and that fails to say what it knows, costs a `PluginWarning`. Raises as
    `pick` does, and `PluginError` where adapters of two third parties know the model.
    """
    if name is not None:
        return pick("adapter", name)
    matching = [one for one in adapters() if _matches(one, model)]
    foreign = [one for one in matching if not one.found.built_in]
    if len({one.found.distribution for one in foreign}) > 1:
        labels = " and ".join(one.found.label for one in foreign)
        hint = "Choose one: " + " or ".join(f"--adapter {one.found.name}" for one in foreign)
        raise PluginError(f"Several adapters know this model: {labels}.", hint=hint)
    return matching[0] if matching else None


def _matches(loaded: Loaded, model: nn.Module) -> bool:
    """Whether an adapter knows a model; one that stumbles over it, or names what is not there, does not."""
    try:
        return bool(loaded.plugin.matches(model)) and (loaded.found.built_in or _names_layers(loaded, model))
    except PluginError as error:
        warn_once(f"{error.message} ({error.hint})")
    except CamctlError:
        raise
    except Exception as error:  # noqa: BLE001 - a built-in one may meet anything as well
        label = loaded.found.label
        warn_once(f"The adapter {label} cannot look at this model: {type(error).__name__}: {quote(error)}")
    return False


def _names_layers(loaded: Loaded, model: nn.Module) -> bool:
    """Whether a third party's adapter keeps what its match promises; raises `PluginError` where it does not."""
    loaded.plugin.extra_tokens(model)
    there = {name for name, _ in model.named_modules()}
    if missing := [layer for layer in loaded.plugin.target_layers(model) if layer not in there]:
        raise custody.fault(loaded.found, f"names the layer '{missing[0]}', which this model does not have.")
    return True


def split_model(text: str) -> tuple[str, str]:
    """What the user calls a model -> name of its source, and the reference that the source understands.

    `source:reference` names the source, `package[source]:reference` one package's; a drive letter, an address
    (`http://…`) and an existing file's name do not, and everything else is a config file or a model name of
    mmpretrain. Raises `InputError`, and `PluginError` where two packages offer the source.
    """
    if not text.strip():
        raise InputError("No model was named.", hint="Give a config file, a model name, or one such as demo:vit.")
    match = None if Path(text).exists() else _SOURCE.fullmatch(text)
    if match is None:
        return "mmpretrain", text
    wanted, reference = match["source"], match["reference"]
    source = _source(wanted)
    if not reference.strip():
        message = f"'{text}' names a source, but no model of it."
        raise InputError(message, hint=f"Write it as {wanted}:{_REFERENCES.get(same_name(wanted), 'MODEL')}")
    return source, reference


def _source(wanted: str) -> str:
    """A source's name, or `package[name]` where it was asked for so."""
    if _QUALIFIED.fullmatch(wanted):
        return locate("source", wanted).label
    known = {one.name for one in find("source")}
    if same_name(wanted) in {same_name(name) for name in known}:
        return locate("source", wanted).name
    if same_name(wanted) in OTHER_LIBRARIES:
        message = f"Models of {wanted} need a source plugin of that name, and none is installed."
        hint = f"Install camctl-{same_name(wanted)}, or build it in a function of yours: python:package.module:factory"
        raise InputError(message, hint=hint)
    raise UnknownNameError("source", wanted, sorted(known))
