"""Pick and load plugins by name.

`Found` is an entry point, not imported; `Loaded` holds the plugin itself. The built-in plugins are found in the
same way, under the distribution `camctl`.
"""

from __future__ import annotations

import os
import re
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

from camctl.errors import CamctlError, Hint, InputError, PluginError, UnknownNameError, line_in, one_line
from camctl.plugin import Aggregate, Better, Cost, Method, Metric
from camctl.plugin.functions import wrong_option
from camctl.plugin.methods import Need, Reduction
from camctl.plugin.metrics import MetricNeed
from camctl.registry.discovery import Found, Kind, alike, canonical, find, same_name, warn_once
from camctl.registry.process import kept_process
from camctl.registry.sandbox import fault, isolate

if TYPE_CHECKING:
    from torch import nn

FUNCTIONS: dict[Kind, type] = {"method": Method, "metric": Metric}
"""Kinds of plugin that are functions, and what the decorator of the kind's name in `camctl.plugin` makes of them."""

MEMBERS: dict[Kind, tuple[str, ...]] = {
    "adapter": ("summary", "matches", "target_layers", "extra_tokens", "to_grid"),
    "source": ("summary", "load"),
    "runner": ("summary", "run"),
}
"""Kinds of plugin that are objects, and their members; the base classes in `camctl.plugin` have defaults."""

DEFAULT_SOURCE = "mmpretrain"
"""Source of a model that is named without one."""

_WORDS = {
    "method": {"needs": get_args(Need), "reduction": get_args(Reduction), "aggregate": (None, *get_args(Aggregate))},
    "metric": {"needs": get_args(MetricNeed), "better": get_args(Better)},
}
_TEXTS = ("name", "summary", "paper", "formula", "rewards")
_SWITCHES = ("signed", "discriminative", "baseline")
_QUALIFIED = re.compile(r"(?P<package>[^\[\]]+)\[(?P<name>[^\[\]]+)\]")
# Two letters or more, so that the drive in `C:\configs\resnet.py` is no source.
_SOURCE = re.compile(r"(?P<source>[A-Za-z][\w+.-]+(\[[^\[\]:]+\])?):(?!//)(?P<reference>.*)", re.DOTALL)
_WORD = re.compile(r"[A-Za-z][\w-]+")


@dataclass(frozen=True)
class Loaded:
    """An imported plugin: a `Method` or `Metric`, or an instance of an adapter, source or runner."""

    found: Found
    plugin: Any


def locate(kind: Kind, name: str, reference: str = "factory") -> Found:
    """Find the plugin of this name without loading it; of a source, `reference` is what follows it.

    An exact name (except for case) goes before an alike one (see `same_name`); `package[name]` names one package's.
    Raises `UnknownNameError` if no plugin has this name, `PluginError` if two packages offer it.
    """
    wanted, package = name.strip(), ""
    if qualified := _QUALIFIED.fullmatch(wanted):
        wanted, package = qualified["name"], canonical(qualified["package"])
    candidates = [found for found in alike(kind, wanted) if package in {"", found.distribution}]
    matches = [found for found in candidates if found.name.casefold() == wanted.casefold()] or candidates
    if not matches:
        hint = Hint("See them all with", f"{kind}s") if kind in FUNCTIONS else ""
        if kind == "source":
            package = f"camctl-{same_name(wanted)}"
            own = f"for a module of your own write python:{wanted.removesuffix('.py')}:{reference}"
            hint = f"Install the package that offers it, such as {package}, or {own}"
        elif kind == "runner":
            names = ", ".join(sorted({found.name for found in find(kind)}))
            hint = f"Choose from: {names}. Others are packages, such as camctl-ray."
        raise UnknownNameError(kind, name, sorted({found.name for found in find(kind)}), hint=hint)
    if len({found.distribution for found in matches}) > 1:
        labels = " and ".join(found.label for found in matches)
        first, *_, last = sorted(matches, key=lambda found: not found.built_in)
        example = f"{first.label}:MODEL" if kind == "source" else first.label
        message = f"Several packages offer the {kind} '{name}': {labels}."
        raise PluginError(message, hint=f"Name one, such as {example}, or: pip uninstall {last.distribution}")
    return matches[0]


def pick(kind: Kind, name: str) -> Loaded:
    """Load the plugin of this name. Raises what `locate` and `load` raise."""
    return load(locate(kind, name))


def load(found: Found, *, isolated: bool = True) -> Loaded:
    """Import and validate a plugin, and wrap a third party's in the sandbox unless `isolated` is False.

    Raises `PluginError` for anything that goes wrong, even if the plugin tries to end the process.
    """
    try:
        # Stdout belongs to the command: it may be JSON.
        with nullcontext() if found.built_in else kept_process(f"{found.kind} {found.label}"):
            plugin = found.entry_point.load()
            if found.kind in MEMBERS and isinstance(plugin, type):
                plugin = plugin()
            violation = _violation(found.kind, plugin)
            if isolated and not violation:
                plugin = isolate(found, plugin)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        line = line_in(found.entry_point.module_name, error)
        raise fault(found, f"cannot be loaded: {one_line(error)}{line}") from error
    if violation:
        raise fault(found, f"cannot be used: {violation}")
    return Loaded(found, plugin)


def load_all(kind: Kind) -> tuple[list[Loaded], list[PluginError]]:
    """Load every plugin of a kind: those that work, sorted by name, and the errors of the others."""
    loaded: list[Loaded] = []
    errors: list[PluginError] = []
    for found in find(kind):
        try:
            loaded.append(load(found))
        except PluginError as error:
            errors.append(error)
    return loaded, errors


def _violation(kind: Kind, plugin: Any) -> str:
    """First violation of the contract, as a sentence; empty if there is none."""
    if kind in FUNCTIONS:
        if not isinstance(plugin, FUNCTIONS[kind]):
            return (
                f"its entry point has the type {type(plugin).__name__}; decorate a function with @camctl.plugin.{kind}."
            )
        return _wrong_argument(kind, plugin)
    if missing := ", ".join(member for member in MEMBERS[kind] if not hasattr(plugin, member)):
        return f"its entry point has the type {type(plugin).__name__}, without {missing}."
    summary = getattr(plugin, "summary", None)
    if not isinstance(summary, str):
        return f"its summary is {summary!r}; expected str."
    problem = wrong_option(plugin.run) if kind == "runner" else ""
    return f"{problem}." if problem else ""


def _wrong_argument(kind: Kind, plugin: object) -> str:
    """First argument of the decorator with an invalid value, as a sentence; empty if there is none."""
    remarks = getattr(plugin, "remarks", ())
    texts = isinstance(remarks, (tuple, list)) and all(isinstance(remark, str) for remark in remarks)
    checks: list[tuple[str, bool, str]] = [
        *((field, isinstance(getattr(plugin, field, ""), str), "str") for field in _TEXTS),
        *((field, isinstance(getattr(plugin, field, False), bool), "True or False") for field in _SWITCHES),
        ("remarks", texts, "a tuple of str"),
        ("cannot", callable(getattr(plugin, "cannot", callable)), "a function"),
        ("cost", isinstance(getattr(plugin, "cost", None), Cost), "camctl.plugin.Cost"),
    ]
    for field, fits, expected in checks:
        if not fits:
            return f"its {field} is {getattr(plugin, field)!r}; expected {expected}."
    for field, words in _WORDS[kind].items():
        value = getattr(plugin, field)
        for word in sorted(map(str, value)) if isinstance(value, frozenset) else [value]:
            if word not in words:
                return f"its {field} has {word!r}; expected {', '.join(filter(None, words))}."
    return ""


def match_adapter(model: nn.Module, name: str | None = None) -> Loaded | None:
    """The adapter of this name, else the one that knows the model (third parties' first, by name), else None.

    One that was not named, and that cannot be loaded or fails on the model, costs a `PluginWarning`. Raises what `pick`
    raises, and `PluginError` if adapters of two third parties know the model.
    """
    if name is not None:
        return pick("adapter", name)
    adapters, errors = load_all("adapter")
    for error in errors:
        warn_once(f"{error.message} ({error.hint})")
    matches = [adapter for adapter in adapters if _matches(adapter, model)]
    foreign = [adapter for adapter in matches if not adapter.found.built_in]
    if len({adapter.found.distribution for adapter in foreign}) > 1:
        labels = " and ".join(adapter.found.label for adapter in foreign)
        names = [adapter.found.name for adapter in foreign]
        hint = Hint(f"Name one of {', '.join(names)}, such as", adapter=names[0])
        raise PluginError(f"Several packages have an adapter for this model: {labels}.", hint=hint)
    return next(iter(foreign or matches), None)


def _matches(adapter: Loaded, model: nn.Module) -> bool:
    """Whether an adapter knows a model; False for one that fails on it, or that claims what the model has not."""
    try:
        if not adapter.plugin.matches(model):
            return False
        if not adapter.found.built_in:  # the sandbox checks the claims
            adapter.plugin.extra_tokens(model)
            adapter.plugin.target_layers(model)
    except PluginError as error:
        warn_once(f"{error.message} ({error.hint})")
        return False
    except CamctlError:
        raise
    except Exception as error:  # noqa: BLE001 - a built-in one may meet any model as well
        warn_once(f"The adapter {adapter.found.label} cannot look at this model: {one_line(error)}")
        return False
    return True


def split_model(text: str) -> tuple[str, str]:
    """Split a model as the user names it into the name of its source and the source's reference.

    `source:reference` names the source, `package[source]:reference` one package's. Everything else, including a drive
    letter, an address (`http://...`) and an existing file's name, belongs to `DEFAULT_SOURCE`. Raises `InputError` if
    no model is named, and what `locate` raises.
    """
    if not text.strip():
        raise InputError("No model was named.", hint="Give a config file, a model name, or one such as demo:vit.")
    # It also answers for names that no system allows.
    exists = os.path.exists(text)  # noqa: PTH110
    match = None if exists else _SOURCE.fullmatch(text)
    if match is None and (exists or not (_WORD.fullmatch(text) and alike("source", text))):
        return DEFAULT_SOURCE, text
    wanted, reference = (match["source"], match["reference"]) if match else (text, "")
    source = locate("source", wanted, reference)
    if not reference.strip():
        example = load(source).plugin.example or "MODEL"
        raise InputError(f"'{text}' names a source, but no model of it.", hint=f"Write it as {wanted}:{example}")
    return source.label if _QUALIFIED.fullmatch(wanted) else source.name, reference
