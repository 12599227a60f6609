"""Pick and load plugins by name.

`Found` is what an entry point says, nothing imported; `Loaded` holds the plugin itself. The built-in methods,
adapters and sources come this way as well, under the distribution `camctl`.
"""

from __future__ import annotations

import re
import sys
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from camctl.discovery import Found, Kind, canonical, find, quote, warn_once
from camctl.errors import CamctlError, InputError, PluginError, UnknownNameError, one_line, out_of_memory
from camctl.plugin import Adapter, Method, Metric, Source

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import nn

MADE_BY_DECORATOR: dict[str, type] = {"method": Method, "metric": Metric}
"""Kinds of plugin that are functions, and what the decorator of the kind's name in `camctl.plugin` makes of them."""

MEMBERS: dict[str, tuple[type, tuple[str, ...]]] = {
    "adapter": (Adapter, ("summary", "matches", "target_layers", "extra_tokens", "to_grid")),
    "source": (Source, ("summary", "load")),
}

OTHER_LIBRARIES = ("timm", "torchvision", "transformers")
"""Libraries whose models are asked for by name, and come with a plugin or from the user's own code."""

_REFERENCES = {"demo": "vit", "python": "package.module:factory", "mmpretrain": "resnet50_8xb32_in1k"}
"""What may stand after a source's name, for the hint."""

_QUALIFIED = re.compile(r"(?P<package>[^\[\]]+)\[(?P<name>[^\[\]]+)\]")
# Two letters or more, so that the drive in `C:\configs\resnet.py` is no source.
_SOURCE = re.compile(r"(?P<source>[A-Za-z][\w+.-]+):(?!//)(?P<reference>.*)", re.DOTALL)


@dataclass(frozen=True)
class Loaded:
    """A plugin, imported and of the right kind: a `Method` or `Metric`, or an instance of an `Adapter` or `Source`."""

    found: Found
    plugin: Any


# -------------------------------------------------------------------------------------------- pick


def same_name(name: str) -> str:
    """What two spellings of a name have in common: no case, no `-`, `_` or space; `+` reads as `plus`.

    So `GradCAM++`, `grad-cam-plus-plus` and `gradcam++` are one name, and `gradcam` is another.
    """
    return re.sub(r"[-_\s]", "", name.casefold().replace("+", "plus"))


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
        hint = f"Say which one you mean, such as {matching[0].label}, or: pip uninstall {matching[-1].distribution}"
        message = f"Several packages offer the {kind} '{name}': {labels}."
        raise PluginError(message, hint=hint)
    return matching[0]


def pick(kind: Kind, name: str) -> Loaded:
    """The plugin of this name, loaded. Raises as `locate` and `load` do."""
    return load(locate(kind, name))


# -------------------------------------------------------------------------------------------- load


def load(found: Found) -> Loaded:
    """Import a plugin and see that it is what it says.

    Raises `PluginError` for anything that goes wrong there, even where the plugin tries to end the process.
    """
    try:
        # Standard output belongs to the command: it may be JSON.
        with redirect_stdout(sys.stderr):
            plugin = found.entry_point.load()
            if found.kind in MEMBERS and isinstance(plugin, type):
                plugin = plugin()
    except (Exception, SystemExit) as error:
        message = f"The {found.kind} {found.label} cannot be loaded: {type(error).__name__}: {quote(error)}"
        raise PluginError(message, hint=_remedy(found)) from error
    if lack := _lack(found.kind, plugin):
        raise PluginError(f"The {found.kind} {found.label} cannot be used: {lack}", hint=_remedy(found))
    return Loaded(found, plugin)


@contextmanager
def at_work(loaded: Loaded) -> Iterator[None]:
    """Whatever a third party's plugin raises inside is a `PluginError`; of a built-in one it is our bug, and stays."""
    try:
        yield
    except Exception as error:
        if loaded.found.built_in or isinstance(error, CamctlError) or out_of_memory(error):
            raise
        message = f"The {loaded.found.kind} {loaded.found.label} failed: {one_line(error)}"
        raise PluginError(message, hint=_remedy(loaded.found)) from error


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
    if kind in MADE_BY_DECORATOR:
        if isinstance(plugin, MADE_BY_DECORATOR[kind]):
            return ""
        return f"it names a {type(plugin).__name__}, which the decorator camctl.plugin.{kind} has not seen."
    protocol, members = MEMBERS[kind]
    if isinstance(plugin, protocol):
        return ""
    missing = ", ".join(member for member in members if not hasattr(plugin, member))
    return f"it names a {type(plugin).__name__}, which has no {missing}."


def _remedy(found: Found) -> str:
    if found.built_in:
        return "camctl's own installation is damaged. Try: pip install --force-reinstall camctl"
    return f"To go on without it: pip uninstall {found.distribution}"


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

    Raises as `pick` does, and `PluginError` where adapters of two third parties know the model.
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
    try:
        return bool(loaded.plugin.matches(model))
    except CamctlError:
        raise
    except Exception as error:  # noqa: BLE001 - a plugin that stumbles over a model does not know it
        label = loaded.found.label
        warn_once(f"The adapter {label} cannot look at this model: {type(error).__name__}: {quote(error)}")
        return False


def split_model(text: str) -> tuple[str, str]:
    """What the user calls a model -> name of its source, and the reference that the source understands.

    `source:reference` names the source; a drive letter, an address (`http://…`) and an existing file's name
    do not, and everything else is a config file or a model name of mmpretrain. Raises `InputError`.
    """
    if not text.strip():
        raise InputError("No model was named.", hint="Give a config file, a model name, or one such as demo:vit.")
    match = None if Path(text).exists() else _SOURCE.fullmatch(text)
    if match is None:
        return "mmpretrain", text
    wanted, reference = match["source"], match["reference"]
    if same_name(wanted) not in {same_name(one.name) for one in find("source")}:
        if same_name(wanted) in OTHER_LIBRARIES:
            message = f"Models of {wanted} need a source plugin of that name, and none is installed."
            hint = (
                f"Install camctl-{same_name(wanted)}, or build it in a function of yours: python:package.module:factory"
            )
            raise InputError(message, hint=hint)
        raise UnknownNameError("source", wanted, sorted({one.name for one in find("source")}))
    if not reference.strip():
        message = f"'{text}' names a source, but no model of it."
        raise InputError(message, hint=f"Write it as {wanted}:{_REFERENCES.get(same_name(wanted), 'MODEL')}")
    return locate("source", wanted).name, reference
