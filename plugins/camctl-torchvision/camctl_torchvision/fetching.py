"""Fetch weights once into torch's hub folder, where torchvision looks for them as well."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import unquote, urlsplit

from camctl.errors import CamctlError, InputError

if TYPE_CHECKING:
    from collections.abc import Callable
    from http.client import HTTPResponse

    Progress = Callable[[str, int, int], None]

_HASH_IN_NAME = re.compile(r"-([0-9a-f]{8,64})\.[a-z]+$")
_CHUNK = 1 << 20
_TIMEOUT = 30.0
HERE_ALREADY = "Give a CHECKPOINT file that is already here, or add --random-weights."


def is_address(text: str) -> bool:
    """Whether a checkpoint is an address and not a path."""
    return re.match(r"[a-z][a-z0-9+.-]*://", text, re.IGNORECASE) is not None


def fetch(address: str, progress: Progress | None) -> Path:
    """The file at an http(s) address, from the cache where it is there already.

    Raises `InputError` for a wrong address and `CamctlError` where the network or the file fails.
    """
    from torch import hub

    parts = urlsplit(address)
    name = Path(unquote(parts.path)).name
    if parts.scheme.lower() not in {"http", "https"} or not parts.netloc or not name:
        message = f"'{address}' cannot be fetched: only files at http and https addresses can."
        raise InputError(message, hint="Download the file by hand and give its path.")
    # A hash in the name makes it one of a kind; other names may be shared by other addresses.
    kept = name if _HASH_IN_NAME.search(name) else f"{hashlib.sha256(address.encode()).hexdigest()[:8]}-{name}"
    target = Path(hub.get_dir()) / "checkpoints" / kept
    if target.is_file():
        return target
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _download(address, name, target, progress)
    except OSError as error:
        close = getattr(error, "close", None)
        if callable(close):  # an HTTPError is the server's answer as well, and holds the connection
            close()
        reason = " ".join(str(getattr(error, "reason", "") or error.strerror or error).split())
        message = f"'{name}' is not here and could not be fetched from {parts.netloc}: {reason}."
        raise CamctlError(message, hint=HERE_ALREADY) from error
    return target


def _download(address: str, name: str, target: Path, progress: Progress | None) -> None:
    from http.client import HTTPException
    from urllib.request import Request, urlopen

    request = Request(address, headers={"User-Agent": "camctl"})  # noqa: S310 - the scheme was checked
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{name[:60]}.", suffix=".part")
    try:
        try:
            with os.fdopen(handle, "wb") as file, urlopen(request, timeout=_TIMEOUT) as response:  # noqa: S310
                digest, done, total = _copy(response, file, name, progress)
        except HTTPException as error:
            message = f"'{name}' broke off: {type(error).__name__}."
            raise CamctlError(message, hint="Run the same command again.") from error
        if total and done != total:
            message = f"'{name}' broke off after {done} of {total} bytes."
            raise CamctlError(message, hint="Run the same command again.")
        wanted = _HASH_IN_NAME.search(name)
        if wanted and not digest.startswith(wanted[1]):
            message = f"'{name}' is not what its name promises: its hash is {digest[:8]}, not {wanted[1]}."
            raise CamctlError(message, hint="The file is damaged or was replaced; fetch it from its author again.")
        Path(temporary).replace(target)
    finally:
        Path(temporary).unlink(missing_ok=True)


def _copy(response: HTTPResponse, file: BinaryIO, name: str, progress: Progress | None) -> tuple[str, int, int]:
    """Write what comes; its sha256, its size and the size that was announced (0 where none was)."""
    digest, done, total = hashlib.sha256(), 0, int(response.headers.get("Content-Length") or 0)
    while chunk := response.read(_CHUNK):
        file.write(chunk)
        digest.update(chunk)
        done += len(chunk)
        if progress is not None:
            progress(name, done, total)
    return digest.hexdigest(), done, total
