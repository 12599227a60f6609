"""Download a checkpoint once: cached in torch's hub folder, hash verified, never left half-written."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import unquote, urlsplit

from camctl.errors import CamctlError, Hint, InputError
from camctl.kit.checkpoints import read_checkpoint

if TYPE_CHECKING:
    from http.client import HTTPResponse

    from camctl.kit.checkpoints import Weights
    from camctl.plugin import LoadOptions

Progress = Callable[[str, int, int], None]

HERE_ALREADY = "Check the address and the network, or give the path of a checkpoint on this machine."

_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_HASH_IN_NAME = re.compile(r"[-_](?!(?:19|20)\d{6}\.)([0-9a-f]{8,64})\.[a-z]+$")
"""A hash in a file name, as in torch.hub; eight digits that are a date are no hash."""
_CHUNK = 1 << 20
_TIMEOUT = 30.0


def is_url(text: str) -> bool:
    """Whether the text is an address, of any scheme, and not a path."""
    return bool(_SCHEME.match(text))


def check_checkpoint(checkpoint: str | None, options: LoadOptions) -> None:
    """Raise `InputError` for an empty name, and for a checkpoint together with random weights."""
    if checkpoint is None:
        return
    if not checkpoint.strip():
        raise InputError("The checkpoint's name is empty.", hint="Give a file or an address, or omit it.")
    if options.random_weights:
        message = f"Both the checkpoint '{checkpoint}' and random weights were given."
        raise InputError(message, hint=Hint("Omit the checkpoint or", random_weights=True))


def load_weights(checkpoint: str | None, options: LoadOptions, *, hint: str = HERE_ALREADY) -> Weights | None:
    """Read the checkpoint that the user named by path or address; None without one."""
    check_checkpoint(checkpoint, options)
    if checkpoint is None:
        return None
    file = local_file(checkpoint, options, hint=hint)
    return read_checkpoint(file, trust=options.trust_checkpoint, named=checkpoint)


def local_file(checkpoint: str, options: LoadOptions, *, hint: str = HERE_ALREADY) -> Path:
    """Return the path of a checkpoint that the user named by path or address; raises what `fetch` raises.

    A path may not exist: `camctl.kit.checkpoints.read_checkpoint` reports that.
    """
    return fetch(checkpoint, options.progress, hint=hint) if is_url(checkpoint) else Path(checkpoint).expanduser()


def fetch(url: str, progress: Progress | None = None, *, hint: str = HERE_ALREADY) -> Path:
    """Return the file at an http(s) address, downloading it if it is not in torch's hub folder.

    Parameters
    ----------
    url
        The address. A hash in the file's name (`net-0676ba61.pth`) is verified.
    progress
        Called as `progress(name, done, total)` in bytes; `total` is 0 if the server does not say it.
    hint
        Hint if the network fails, which is a `CamctlError`; a wrong address is an `InputError`.
    """
    parts = urlsplit(url)
    if parts.scheme.lower() not in {"http", "https"} or not parts.netloc:
        message = f"'{url}' cannot be downloaded: only http and https addresses can."
        raise InputError(message, hint="Download the file by hand and give its path.")
    name = Path(unquote(parts.path)).name
    if not name:
        message = f"'{url}' names no file."
        raise InputError(message, hint="Give the address of the checkpoint file itself.")
    from torch import hub

    # A name without a hash may be that of several files.
    prefix = "" if _HASH_IN_NAME.search(name) else f"{hashlib.sha256(url.encode()).hexdigest()[:8]}-"
    target = Path(hub.get_dir(), "checkpoints", prefix + name)
    if target.is_file():
        return target
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _download(url, name, target, progress)
    except OSError as error:  # URLError, timeouts and full disks are all OSErrors
        message = f"'{name}' is not on this machine and could not be downloaded from {parts.netloc}: {reason(error)}."
        raise CamctlError(message, hint=hint) from error
    return target


def reason(error: OSError) -> str:
    """Return why the network failed on one line, and close the connection that an answer of a server holds."""
    from urllib.error import HTTPError

    if isinstance(error, HTTPError):
        error.close()
    return " ".join(str(getattr(error, "reason", "") or error.strerror or error).split())


def _download(url: str, name: str, target: Path, progress: Progress | None) -> None:
    from http.client import HTTPException
    from urllib.request import Request, urlopen

    request = Request(url, headers={"User-Agent": "camctl"})  # noqa: S310 - the scheme was checked
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{name[:60]}.", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file, urlopen(request, timeout=_TIMEOUT) as response:  # noqa: S310
            digest, done, total = _copy(response, file, name, progress)
        if total and done != total:
            message = f"'{name}' broke off after {done} of {total} bytes."
            raise CamctlError(message, hint="Run the same command again.")
        expected = _HASH_IN_NAME.search(name)
        if expected and not digest.startswith(expected[1]):
            message = f"'{name}' has the hash {digest[:8]}, not {expected[1]} as its name says."
            raise CamctlError(message, hint="The file is damaged or was replaced; get it from its author again.")
        Path(temporary).replace(target)
    except HTTPException as error:
        message = f"'{name}' broke off: {type(error).__name__}."
        raise CamctlError(message, hint="Run the same command again.") from error
    finally:
        Path(temporary).unlink(missing_ok=True)


def _copy(response: HTTPResponse, file: BinaryIO, name: str, progress: Progress | None) -> tuple[str, int, int]:
    """Write the response to a file; return its sha256, its size and its announced size (0 if unknown)."""
    from http.client import IncompleteRead

    digest, done, total = hashlib.sha256(), 0, int(response.headers.get("Content-Length") or 0)
    while True:
        try:
            chunk = response.read(_CHUNK)
        except IncompleteRead as error:
            return digest.hexdigest(), done + len(error.partial), total
        if not chunk:
            return digest.hexdigest(), done, total
        file.write(chunk)
        digest.update(chunk)
        done += len(chunk)
        if progress is not None:
            progress(name, done, total)
