"""Find, pick and load plugins; the only user of the package `entrypoints`.

Two types: `Found` is what an entry point says, nothing imported; `Loaded` holds the plugin itself.
The built-in methods, adapters and sources come this way as well, under the distribution `camctl`.
"""

from __future__ import annotations

import configparser
import re
import sys
import warnings
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import entrypoints

from camctl.errors import CamctlError, InputError, PluginError, UnknownNameError
from camctl.plugin import GROUPS, Adapter, Method, Source

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from torch import nn

Kind = Literal["method", "adapter", "source"]

BUILT_IN = "camctl"
"""The distribution that the built-in plugins belong to."""

MEMBERS: dict[str, tuple[type, tuple[str, ...]]] = {
    "adapter": (Adapter, ("summary", "matches", "target_layers", "extra_tokens", "to_grid")),
    "source": (Source, ("summary", "load")),
}

SOURCE_PACKAGES = {name: f"camctl-{name}" for name in ("timm", "torchvision", "transformers")}
"""Sources that are packages of their own, for the hint."""

_LONGEST_QUOTE = 200
_QUALIFIED = re.compile(r"(?P<package>[^\[\]]+)\[(?P<name>[^\[\]]+)\]")
# Two letters or more, so that the drive in `C:\configs\resnet.py` is no source.
_SOURCE = re.compile(r"(?P<source>[A-Za-z][\w+.-]+):(?!//)(?P<reference>.*)", re.DOTALL)


class PluginWarning(UserWarning):
    """A package's plugins are left out, for a reason that its user should know."""


@dataclass(frozen=True)
class Found:
    """A plugin as its entry point announces it; nothing is imported yet."""

    kind: Kind
    name: str
    distribution: str
    version: str
    entry_point: entrypoints.EntryPoint

    @property
    def label(self) -> str:
        """`package[name]`, as every message names it."""
        return f"{self.distribution}[{self.name}]"

    @property
    def built_in(self) -> bool:
        """Whether it is camctl's own."""
        return self.distribution == BUILT_IN


@dataclass(frozen=True)
class Loaded:
    """A plugin, imported and of the right kind: a `Method`, or an instance of an `Adapter` or `Source`."""

    found: Found
    plugin: Any


# -------------------------------------------------------------------------------------------- find


def find(kind: Kind) -> list[Found]:
    """All plugins of a kind, sorted by name, then by distribution.

    A package whose entry points cannot be read costs a `PluginWarning`, once a process, and nothing else.
    """
    found = [
        Found(kind, entry.name, _canonical(entry.distro.name), entry.distro.version or "", entry)
        for entry in _entry_points(GROUPS[kind])
    ]
    return sorted(found, key=lambda one: (one.name.casefold(), one.distribution))


def rivals(found: Found, among: Iterable[Found]) -> list[Found]:
    """Plugins of other distributions that go by the same name."""
    mine = found.name.casefold()
    return [one for one in among if one.name.casefold() == mine and one.distribution != found.distribution]


def _entry_points(group: str) -> Iterator[entrypoints.EntryPoint]:
    """Entry points of a group; of a distribution that is on the path twice, those that would be imported."""
    seen: dict[str, str] = {}
    for folder in dict.fromkeys(sys.path):
        for entry in _in_folder(group, folder):
            name = _canonical(entry.distro.name)
            if seen.setdefault(name, folder) == folder:
                yield entry


def _in_folder(group: str, folder: str) -> list[entrypoints.EntryPoint]:
    try:
        with warnings.catch_warnings():
            # A value that cannot be parsed is a warning there, without the name of its package.
            warnings.simplefilter("error")
            return list(entrypoints.get_group_all(group, path=[folder]))
    except Exception:  # noqa: BLE001 - whatever a stranger's file provokes; the slow way says which file it is
        return list(_file_by_file(group, folder))


def _file_by_file(group: str, folder: str) -> Iterator[entrypoints.EntryPoint]:
    """The same, one file at a time, so that a malformed one spoils nothing but itself."""
    root = Path(folder)
    for file in sorted((*root.glob("*.dist-info/entry_points.txt"), *root.glob("*.egg-info/entry_points.txt"))):
        distribution = entrypoints.Distribution.from_name_version(file.parent.stem)
        parser = entrypoints.CaseSensitiveConfigParser(delimiters=("=",))
        try:
            parser.read([file], encoding="utf-8")
            lines = list(parser[group].items()) if group in parser else []
        except (configparser.Error, UnicodeError, OSError) as error:
            _warn_once(f"The entry points of the package {_canonical(distribution.name)} are left out: {_quote(error)}")
            continue
        for name, value in lines:
            try:
                yield entrypoints.EntryPoint.from_string(value, name, distribution)
            except entrypoints.BadEntryPoint:
                label = f"{_canonical(distribution.name)}[{name}]"
                _warn_once(f"The plugin {label} is left out: '{value}' is not of the form module:object.")


_warned: set[str] = set()


def _warn_once(message: str) -> None:
    # Python's own memory of warnings goes by the place in the code, and one command asks for several kinds.
    if message not in _warned:
        _warned.add(message)
        warnings.warn(message, PluginWarning, stacklevel=2)


def _canonical(distribution: str) -> str:
    """As package indexes spell it: `camctl_timm` and `Camctl.Timm` are one package."""
    return re.sub(r"[-_.]+", "-", distribution).casefold()


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
        candidates = [one for one in everything if one.distribution == _canonical(qualified["package"])]
    exact = [one for one in candidates if one.name.casefold() == wanted.casefold()]
    matching = exact or [one for one in candidates if same_name(one.name) == same_name(wanted)]
    if not matching:
        hint = "See them all with: camctl methods" if kind == "method" else ""
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
            if found.kind != "method" and isinstance(plugin, type):
                plugin = plugin()
    except (Exception, SystemExit) as error:
        message = f"The {found.kind} {found.label} cannot be loaded: {type(error).__name__}: {_quote(error)}"
        raise PluginError(message, hint=_remedy(found)) from error
    if lack := _lack(found.kind, plugin):
        raise PluginError(f"The {found.kind} {found.label} cannot be used: {lack}", hint=_remedy(found))
    return Loaded(found, plugin)


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
    if kind == "method":
        if isinstance(plugin, Method):
            return ""
        return f"it names a {type(plugin).__name__}, which the decorator camctl.plugin.method has not seen."
    protocol, members = MEMBERS[kind]
    if isinstance(plugin, protocol):
        return ""
    missing = ", ".join(member for member in members if not hasattr(plugin, member))
    return f"it names a {type(plugin).__name__}, which has no {missing}."


def _remedy(found: Found) -> str:
    if found.built_in:
        return "camctl's own installation is damaged. Try: pip install --force-reinstall camctl"
    return f"To go on without it: pip uninstall {found.distribution}"


def _quote(error: BaseException) -> str:
    """An exception's own text, on one line."""
    text = " ".join(str(error).split()) or "it says no more."
    return text if len(text) <= _LONGEST_QUOTE else f"{text[: _LONGEST_QUOTE - 1]}…"


# ------------------------------------------------------------------------------ adapters and sources


def adapters() -> list[Loaded]:
    """Adapters in the order they are asked: third parties' first, then the built-in ones, each by name.

    One that cannot be loaded costs a `PluginWarning`.
    """
    loaded, skipped = load_all("adapter")
    for error in skipped:
        _warn_once(f"{error.message} ({error.hint})")
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
        _warn_once(f"The adapter {label} cannot look at this model: {type(error).__name__}: {_quote(error)}")
        return False


def split_model(text: str) -> tuple[str, str]:
    """What the user calls a model -> name of its source, and the reference that the source understands.

    `source:reference` names the source; a drive letter, an address (`http://…`) and an existing file's name
    do not, and everything else is a config file or a model name of mmpretrain. Raises `InputError`.
    """
    match = None if Path(text).exists() else _SOURCE.fullmatch(text)
    if match is None:
        return "mmpretrain", text
    wanted, reference = match["source"], match["reference"]
    if same_name(wanted) not in {same_name(one.name) for one in find("source")}:
        if package := SOURCE_PACKAGES.get(same_name(wanted)):
            message = f"Models of {wanted} need the package {package}, which is not installed."
            raise InputError(message, hint=f"Try: pip install {package}")
        raise UnknownNameError("source", wanted, sorted({one.name for one in find("source")}))
    if not reference.strip():
        message = f"'{text}' names a source, but no model of it."
        raise InputError(message, hint=f"Write it as {wanted}:MODEL, such as demo:vit.")
    return locate("source", wanted).name, reference
