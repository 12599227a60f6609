"""Read torch's pickles without running code in them.

torch's restricted reader refuses every global that is not its own. What training tools keep beside the weights (numbers
and arrays of numpy, paths, options, training logs) is allowed as inert stand-ins: a real numpy array or dtype can be
given a state that ends the process. Everything else is refused by name.
"""

from __future__ import annotations

import pickletools
import re
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from traceback import walk_tb
from typing import IO, Any

from camctl.errors import CamctlError, Hint, InputError, one_line, out_of_memory
from camctl.kit.importing import importable

TRUST = Hint("If you know who made it, use", trust_checkpoint=True)

_REFUSED = re.compile(
    r"GLOBAL ([\w.]+) was not an allowed global|Trying to load unsupported GLOBAL ([\w.]+)"
    r"|Only persistent_load of storage is allowed"
)
"""What torch's restricted reader refused. Without it, the file is no pickle at all."""
_INERT = re.compile(
    r"(numpy|pathlib|datetime|zoneinfo|decimal|fractions|uuid|enum|argparse|typing|omegaconf|mmengine|mmcv|mmcls|mmdet"
    r"|mmpretrain|(pytorch_)?lightning|lightning_fabric|lightning_utilities|torchmetrics|fastcore|fastai|easydict"
    r"|addict|yacs|timm\.(utils|data|loss|scheduler|optim)|torch\.(optim|utils\.data)|torch\.nn\.modules\.loss"
    r"|torchvision\.(datasets|transforms)|transformers\.(training_args|trainer\w*))(\.\w+)*\.\w+"
    r"|builtins\.(object|int|float|str|bool|bytes|complex|slice|range|type|list|dict|tuple)"
    r"|functools\.partial|types\.SimpleNamespace"
)
"""Globals of what libraries keep beside the weights: data that is not needed."""
_TABLES = re.compile(r"collections\.defaultdict|.*\.(AttributeDict|AttrDict|EasyDict|ConfigDict|CfgNode|Dict|L)")
"""Among them, dictionaries by another name: their items are kept, as class names may be there."""
_LIBRARY_MODEL = re.compile(r"(sklearn|joblib|xgboost|lightgbm|keras|tensorflow|jax|flax|paddle)\b")
_OLD_PICKLES = 5
"""Number of pickles in torch's older format, before the bytes of the tensors."""
_ZIP = b"PK\x03\x04"
_CHUNK = 1 << 22
_LONGEST_NAME = 1000
"""Length of a global's name at which a pickle is refused: torch takes the square of it to write its error."""


def unpickle(file: Path, start: bytes, *, trust: bool, inert: re.Pattern[str] | None = None) -> Any:
    """Read a pickle of torch, in either format.

    Objects of classes whose names match `inert` are read as data, besides what training tools keep.

    Raises `InputError` if it is damaged or needs code to be run, `CamctlError` if there is too little memory.
    """
    import pickle
    import warnings

    import torch

    names = _check_pickles(file, start)
    with torch.serialization.safe_globals(_allowed(names, inert)), warnings.catch_warnings(), importable():
        warnings.simplefilter("ignore")  # old tensors are read through classes that torch itself deprecates
        try:
            # Not mapped: torch compares no sizes then, and a file that shrinks would end the process.
            return torch.load(file, map_location="cpu", weights_only=not trust, mmap=False)
        except Exception as error:
            if _is_ours(error):
                raise
            refused = _REFUSED.search(str(error))
            if trust or not isinstance(error, pickle.UnpicklingError) or not refused:
                raise unreadable(file, error) from error
            raise _refusal(file, refused[1] or refused[2] or "the source of its classes", names) from error


def unreadable(file: Path, error: Exception) -> CamctlError:
    """The error for a file that its reader failed on."""
    if out_of_memory(error):
        message = f"There is too little memory for '{file}'."
        return CamctlError(message, hint="Close other programs, or use a smaller checkpoint.")
    if isinstance(error, ImportError) or (isinstance(error, AttributeError) and "on <module" in str(error)):
        message = f"The checkpoint '{file}' needs code that cannot be imported: {one_line(error)}."
        hint = "Run this in the folder that holds that code, or save only the state dict where the model was trained."
        return InputError(message, hint=hint)
    message = f"'{file}' is not a readable checkpoint: it is truncated, damaged or another kind of file."
    return InputError(message, hint="Compare its size with the original, or copy or download it again.")


class Inert:
    """Stand-in for data that is not needed: called with anything and given any state, which it only holds."""

    arguments: tuple[Any, ...] = ()
    state: Any = None

    def __init__(self, *arguments: Any) -> None:
        self.arguments = arguments

    def __setstate__(self, state: Any) -> None:
        """Hold the state; nothing of it is used as a number or an array."""
        self.state = state


class _Table:
    """Stand-in for a dictionary by another name: an ordered dictionary, to which torch's reader adds the items."""

    def __new__(cls, *_arguments: object) -> OrderedDict[Any, Any]:  # type: ignore[misc]
        return OrderedDict()


def _allowed(
    names: set[str], inert: re.Pattern[str] | None
) -> list[Callable[..., Any] | tuple[Callable[..., Any], str]]:
    """Stand-ins for the globals of a pickle besides torch's own."""
    data = sorted(name for name in names if _is_data(name) or (inert and inert.fullmatch(name)))
    stands = [(_Table if _TABLES.fullmatch(name) else Inert, name) for name in data]
    return [*stands, (_attribute, "builtins.getattr")]


def _is_data(name: str) -> bool:
    return bool(_INERT.fullmatch(name)) or name == "collections.defaultdict"


def _attribute(owner: object, name: str) -> str:
    """Stand-in for `getattr`, which HistoryBuffer uses for its `min`, `max` and `mean`; refuses any other use."""
    if owner is Inert:
        return name
    message = f"The checkpoint was refused: it needs the attribute '{name}' of something that is no training log."
    raise InputError(message, hint=TRUST)


def _refusal(file: Path, name: str, names: set[str]) -> InputError:
    """The error for a checkpoint that needs a global which is no data."""
    if _LIBRARY_MODEL.match(name):
        message = f"'{file}' holds a model of {name.partition('.')[0]}, not weights of torch: it was refused."
        return InputError(message, hint="Give a checkpoint of a torch network.")
    whole = any(each.startswith("torch.nn.modules.") for each in names)
    reason = "code in a checkpoint can do anything to this machine"
    message = f"The checkpoint '{file}' was refused: it needs '{name}' to be run, and {reason}."
    if not whole:
        return InputError(message, hint=TRUST)
    message = f"The checkpoint '{file}' was refused: it holds a whole model, needs '{name}' to be run, and {reason}."
    hint = "Save its weights alone, torch.save(model.state_dict(), ...); or, if you know who made it, use"
    return InputError(message, hint=Hint(hint, trust_checkpoint=True))


def _is_ours(error: Exception) -> bool:
    """Whether an exception was raised in this file, not in a reader: an answer, or a bug."""
    *_, (frame, _) = walk_tb(error.__traceback__)
    return frame.f_globals.get("__name__") == __name__


def _check_pickles(file: Path, start: bytes) -> set[str]:
    """Check the sums of an archive, which torch ignores; return the names of globals in the pickles of either format.

    Raises `InputError` for a damaged archive, and for a name of any length.
    """
    names: set[str] = set()
    try:
        if start.startswith(_ZIP):
            with zipfile.ZipFile(file) as archive:
                for record in archive.infolist():
                    with archive.open(record) as stream:
                        while record.CRC and stream.read(_CHUNK):  # torch can be told to write no sums
                            """Reading to the end compares the sum."""
                for name in archive.namelist():
                    if name.endswith(".pkl"):
                        names |= _globals(archive.open(name))
        else:
            with file.open("rb") as stream:
                for _ in range(_OLD_PICKLES):
                    names |= _globals(stream)
    except Exception as error:
        if _is_ours(error):
            raise
        raise unreadable(file, error) from error
    longest = max(map(len, names), default=0)
    if longest > _LONGEST_NAME:
        message = f"The checkpoint '{file}' was refused: it needs something with a name of {longest} letters."
        raise InputError(message, hint="Get the file from its author again.")
    return names


def _globals(stream: IO[bytes]) -> set[str]:
    """Names of the globals in a pickle, as far as it can be read: torch stops there as well."""
    names = set()
    with suppress(Exception):
        for opcode, argument, _ in pickletools.genops(stream):
            if opcode.name in {"GLOBAL", "INST"}:
                name = str(argument).replace(" ", ".")
                names.add(re.sub(r"^__builtin__\.", "builtins.", name))
            elif argument == "_parameters":  # of the state of a module, whatever its class
                names.add("torch.nn.modules.module.Module")
    return names
