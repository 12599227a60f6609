"""From what the user calls a device to one that is there."""

from __future__ import annotations

from camctl.errors import InputError


def pick_device(name: str) -> str:
    """`cpu`, `cuda`, `cuda:1`, `mps` or `auto` (the fastest one here) -> a torch device's name.

    Raises `InputError` for a name that is none of these and for a device that is not there.
    """
    wanted = name.strip().casefold()
    kind, colon, number = wanted.partition(":")
    if kind not in {"cpu", "cuda", "mps", "auto"} or (colon and (kind != "cuda" or not number.isdecimal())):
        raise InputError(f"'{name}' is no device.", hint="Choose from: cpu, cuda, cuda:0, mps, auto.")
    if kind == "cpu":
        return wanted
    import torch

    if kind == "auto":
        return "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    here = "Try --device cpu, or --device auto for the fastest one that is there."
    if kind == "mps" and not torch.backends.mps.is_available():
        raise InputError("There is no MPS device that torch can use here.", hint=here)
    if kind == "cuda" and not torch.cuda.is_available():
        raise InputError("There is no CUDA device that torch can use here.", hint=here)
    if number and int(number) >= torch.cuda.device_count():
        message = f"There is no device {wanted}: torch sees {torch.cuda.device_count()} CUDA device(s)."
        raise InputError(message, hint=here)
    return wanted
