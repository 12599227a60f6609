"""Import mmpretrain without what only training and detection need.

A plain `import mmpretrain.models` spends most of its time on modules that no classifier touches: sharded
data-parallel training (which pulls in sympy) and torchvision's operators and models (which pull in `torch._dynamo`).
While mmpretrain is imported, light stand-ins take their place. Afterwards every stand-in is taken away again: whoever
uses one of these modules later, by import or as an attribute of its package, gets the real one, loaded then.

Nothing is stood in for that is loaded already, and whatever goes wrong ends in the plain import.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from types import ModuleType
from typing import Any

Placeholders = Mapping[str, tuple[str, ...]]

DEFERRED: Placeholders = {
    # Only stored at import time, used by visual grounding.
    "torchvision.datasets": (),
    "torchvision.models": (),
    "torchvision.ops": (),
    "torchvision.ops.boxes": (),
    # Imported for one class that its package re-exports; each pulls in torch.distributed.fsdp.
    "torch.distributed.optim.named_optimizer": ("_NamedOptimizer",),
    "mmengine.model.wrappers.fully_sharded_distributed": ("MMFullyShardedDataParallel",),
    "mmengine._strategy.fsdp": ("FSDPStrategy",),
}
"""Module that is put off -> the classes that its importers take from it by name, and do not use."""

REGISTERED = {
    "mmengine.model.wrappers.fully_sharded_distributed": "MODEL_WRAPPERS",
    "mmengine._strategy.fsdp": "STRATEGIES",
}
"""Module that is put off -> mmengine's registry that it enters itself into when it is loaded."""

_PACKAGES = ("mmpretrain", "mmcv", "mmengine")


class StandIn(ModuleType):
    """Stands where a module will be. Any name that it does not know brings in the real module at once."""

    def __init__(self, name: str, names: Iterable[str]) -> None:
        super().__init__(name, "Stands in for a module that is loaded when it is used.")
        for attribute in names:
            setattr(self, attribute, type(attribute, (), {"__module__": name}))

    def __getattr__(self, name: str) -> Any:
        """Bring in the real module and look the name up there."""
        # The import system and inspect ask every module for such names; that is not use. A star import is.
        if name.startswith("__") and name != "__all__":
            raise AttributeError(name)
        return getattr(_real(self.__name__), name)


def import_models() -> None:
    """Import `mmpretrain.models`, quickly where that is possible. Raises what the plain import raises."""
    if "mmpretrain.models" in sys.modules:
        return
    before = set(sys.modules)
    try:
        with deferred(DEFERRED):
            importlib.import_module("mmpretrain.models")
    except Exception:  # noqa: BLE001 - another release may need at import what is put off here
        for name in set(sys.modules) - before:
            if name.partition(".")[0] in _PACKAGES:
                del sys.modules[name]
        importlib.import_module("mmpretrain.models")


@contextmanager
def deferred(placeholders: Placeholders) -> Iterator[None]:
    """Put off the modules named, as far as they are not loaded, for what is imported in the block."""
    importlib.import_module("torch")
    stand_ins = {name: StandIn(name, names) for name, names in placeholders.items() if name not in sys.modules}
    # A package that is there already has its submodules where they belong.
    stand_ins = {name: module for name, module in stand_ins.items() if not _package_is_loaded(name, stand_ins)}
    for name, module in stand_ins.items():
        package, _, child = name.rpartition(".")
        if package in stand_ins:
            setattr(stand_ins[package], child, module)
    sys.modules.update(stand_ins)
    try:
        yield
    finally:
        for name, module in stand_ins.items():
            if sys.modules.get(name) is module:
                del sys.modules[name]
        for name, module in stand_ins.items():
            _hand_over(name, module, placeholders[name])


def _package_is_loaded(name: str, stand_ins: Mapping[str, StandIn]) -> bool:
    package = name.rpartition(".")[0]
    return package in sys.modules and package not in stand_ins


def _real(name: str) -> ModuleType:
    if isinstance(sys.modules.get(name), StandIn):
        # The parent first: a real child under a package that is stood in for would be lost with it.
        parent = name.rpartition(".")[0]
        if isinstance(sys.modules.get(parent), StandIn):
            _real(parent)
        if isinstance(sys.modules.get(name), StandIn):
            del sys.modules[name]
    return importlib.import_module(name)


def _real_attribute(name: str, attribute: str) -> Any:
    return getattr(_real(name), attribute)


def _hand_over(name: str, stand_in: StandIn, names: tuple[str, ...]) -> None:
    """Wherever the stand-in or one of its placeholders was stored by name, look the real one up from now on."""
    package, _, child = name.rpartition(".")
    wanted: dict[str, tuple[Any, Callable[[], Any]]] = {child: (stand_in, partial(_real, name))}
    wanted |= {each: (vars(stand_in)[each], partial(_real_attribute, name, each)) for each in names}
    for module in list(sys.modules.values()):
        # mmpretrain's own modules may keep a stand-in: it answers like the real module.
        if not isinstance(module, ModuleType) or isinstance(module, StandIn):
            continue
        held = {key: find for key, (value, find) in wanted.items() if vars(module).get(key) is value}
        if module.__name__ == package:
            held[child] = wanted[child][1]
        if held:
            _find_on_demand(module, held)
    if name in REGISTERED:
        _register_on_demand(name, REGISTERED[name])


def _find_on_demand(module: ModuleType, finders: Mapping[str, Callable[[], Any]]) -> None:
    """Take these names out of the module; its `__getattr__` (PEP 562) brings in the real things."""
    for key in finders:
        vars(module).pop(key, None)
    otherwise = vars(module).get("__getattr__")

    def __getattr__(key: str) -> Any:  # noqa: N807
        if key in finders:
            found = finders[key]()
            setattr(module, key, found)
            return found
        if otherwise is not None:
            return otherwise(key)
        message = f"module {module.__name__!r} has no attribute {key!r}"
        raise AttributeError(message)

    vars(module)["__getattr__"] = __getattr__


def _register_on_demand(name: str, registry: str) -> None:
    """Let mmengine's registry import the module when it is next asked for anything, as it does for packages."""
    mmengine_registry = sys.modules.get("mmengine.registry")
    root = getattr(mmengine_registry, registry, None)
    for each in (root, *getattr(root, "children", {}).values()):
        if each is not None and hasattr(each, "_locations") and name not in each._locations:  # noqa: SLF001
            each._locations = [*each._locations, name]  # noqa: SLF001
            each._imported = False  # noqa: SLF001
