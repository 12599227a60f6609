"""Choose a torch device by the user's name for it."""

from __future__ import annotations

from camctl.errors import Hint, InputError


def pick_device(name: str) -> str:
    """Turn `cpu`, `cuda`, `cuda:1`, `mps` or `auto` (the fastest available) into a torch device's name.

    Raises `InputError`: the name is unknown, or the device is not available.
    """
    wanted = name.strip().casefold()
    kind, colon, number = wanted.partition(":")
    if kind not in {"cpu", "cuda", "mps", "auto"} or (colon and (kind != "cuda" or not number.isdecimal())):
        raise InputError(f"'{name}' is not a device.", hint="Choose from: cpu, cuda, cuda:0, mps, auto.")
    if kind == "cpu":
        return wanted
    import torch

    if kind == "auto":
        return "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    hint = Hint("Let camctl choose the fastest available", device="auto")
    if kind == "mps" and not torch.backends.mps.is_available():
        raise InputError("There is no MPS device that torch can use here.", hint=hint)
    if kind == "cuda" and not torch.cuda.is_available():
        raise InputError("There is no CUDA device that torch can use here.", hint=hint)
    if number and int(number) >= torch.cuda.device_count():
        message = f"There is no device {wanted}: torch sees {torch.cuda.device_count()} CUDA device(s)."
        raise InputError(message, hint=hint)
    return wanted
