"""From what the user calls a device to one that is there."""

from __future__ import annotations

import torch

from camctl.errors import InputError


def pick_device(name: str) -> str:
    """`cpu`, `cuda`, `cuda:1`, `mps` or `auto` (the fastest one here) -> a torch device's name.

    Raises `InputError` for a name that is none of these and for a device that is not there.
    """
    wanted = name.strip().casefold()
    if wanted == "auto":
        return "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    kind, _, number = wanted.partition(":")
    if kind not in {"cpu", "cuda", "mps"} or (":" in wanted and not number.isdigit()):
        raise InputError(f"'{name}' is no device.", hint="Choose from: cpu, cuda, cuda:0, mps, auto.")
    here = "Try --device cpu, or --device auto for the fastest one that is there."
    if kind == "cuda":
        if not torch.cuda.is_available():
            raise InputError("There is no CUDA device that torch can use here.", hint=here)
        if number and int(number) >= torch.cuda.device_count():
            message = f"There is no device {wanted}: torch sees {torch.cuda.device_count()} CUDA device(s)."
            raise InputError(message, hint=here)
    if kind == "mps" and not torch.backends.mps.is_available():
        raise InputError("There is no MPS device that torch can use here.", hint=here)
    return wanted
