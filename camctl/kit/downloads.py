"""Download a checkpoint once: cached in torch's hub folder, hash verified, never left half-written."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from camctl.errors import LONGEST_QUOTE, CamctlError, Hint, InputError
from camctl.kit.addresses import is_url, request_for, shown
from camctl.kit.checkpoints import file_hash, read_checkpoint

if TYPE_CHECKING:
    from http.client import HTTPMessage, HTTPResponse
    from urllib.request import OpenerDirector, Request

    from camctl.kit.checkpoints import Weights
    from camctl.plugin import LoadOptions

Progress = Callable[[str, int, int], None]

HERE_ALREADY = "Check the address and the network, or give the path of a checkpoint on this machine."

_HASH_IN_NAME = re.compile(r"[-_](?!(?:19|20)\d{6}\.)([0-9a-f]{8,64})\.[a-z]+$")
"""A hash in a file name, as in torch.hub; eight digits that are a date are no hash."""
_CHUNK = 1 << 20
_LONGEST_NAME = 120
"""Length of a file's name that is kept, from its end: the prefix of its address and the draft's add to it."""
_AGAIN = "Run the same command again."
_TIMEOUT = 30.0


def check_checkpoint(checkpoint: str | None, options: LoadOptions) -> None:
    """Raise `InputError` for an empty name, and for a checkpoint together with random weights."""
    if checkpoint is None:
        return
    if not checkpoint.strip():
        raise InputError("The checkpoint's name is empty.", hint="Give a file or an address, or omit it.")
    if options.random_weights:
        message = f"Both the checkpoint '{shown(checkpoint)}' and random weights were given."
        file = Path(os.path.expanduser(checkpoint))  # noqa: PTH111 - it lets a user be who does not exist
        if not is_url(checkpoint) and not os.path.exists(file):  # noqa: PTH110 - it answers for any text
            message = f"There is no checkpoint file '{checkpoint}', and random weights take none."
        raise InputError(message, hint=Hint("Omit the checkpoint, or leave out", random_weights=True))


def load_weights(checkpoint: str | None, options: LoadOptions, *, hint: str = HERE_ALREADY) -> Weights | None:
    """Read the checkpoint that the user named by path or address; None without one."""
    check_checkpoint(checkpoint, options)
    if checkpoint is None:
        return None
    file = local_file(checkpoint, options, hint=hint)
    return read_checkpoint(file, trust=options.trust_checkpoint, choice=options.weights, named=checkpoint)


def local_file(checkpoint: str, options: LoadOptions, *, hint: str = HERE_ALREADY) -> Path:
    """Return the path of a checkpoint that the user named by path or address; raises what `fetch` raises.

    A path may not exist: `camctl.kit.checkpoints.read_checkpoint` reports that.
    """
    if is_url(checkpoint):
        return fetch(checkpoint, options.progress, hint=hint)
    return Path(os.path.expanduser(checkpoint))  # noqa: PTH111 - it lets a user be who does not exist


def fetch(url: str, progress: Progress | None = None, *, hint: str = HERE_ALREADY) -> Path:
    """Return the file at an http(s) address, downloading it if it is not in torch's hub folder.

    Parameters
    ----------
    url
        The address, with or without `user:password@`. A hash in the file's name (`net-0676ba61.pth`) is verified.
    progress
        Called as `progress(name, done, total)` in bytes; `total` is 0 if the server does not say it.
    hint
        Hint if the network fails, which is a `CamctlError`; a wrong address is an `InputError`.
    """
    host, request = request_for(url)
    # Control characters and signs that shells or file systems do not like are no part of a file's name.
    name = re.sub(r"[^\w.+=@-]", "_", Path(unquote(urlsplit(url).path)).name, flags=re.ASCII)[-_LONGEST_NAME:]
    if not name:
        message = f"'{shown(url)}' names no file."
        raise InputError(message, hint="Give the address of the checkpoint file itself.")
    from torch import hub

    # A name without a hash may be that of several files.
    expected = _HASH_IN_NAME.search(name)
    prefix = "" if expected else f"{hashlib.sha256(url.encode(errors='replace')).hexdigest()[:8]}-"
    target = Path(hub.get_dir(), "checkpoints", prefix + name)
    try:
        if target.is_file() and target.stat().st_size and (not expected or file_hash(target).startswith(expected[1])):
            return target
        target.parent.mkdir(parents=True, exist_ok=True)
        _download(request, name, target, progress)
    except OSError as error:  # URLError, timeouts and full disks are all OSErrors
        message = f"'{name}' is not on this machine and could not be downloaded from {host}: {reason(error)}."
        raise CamctlError(message, hint=hint) from error
    return target


def reason(error: OSError) -> str:
    """Return why the network failed on one line, and close the connection that an answer of a server holds."""
    from urllib.error import HTTPError

    if isinstance(error, HTTPError):
        error.close()
    text = " ".join(str(getattr(error, "reason", "") or error.strerror or error).split())
    return "".join(sign if sign.isprintable() else "?" for sign in text[:LONGEST_QUOTE])


def _opener() -> OpenerDirector:
    """An opener that follows no address without encryption from one with it, and none of other schemes."""
    from urllib.error import URLError
    from urllib.request import HTTPRedirectHandler, build_opener

    class Redirects(HTTPRedirectHandler):
        def http_error_302(self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage) -> Any:
            try:
                return super().http_error_302(req, fp, code, msg, headers)
            except (URLError, ValueError):
                fp.close()
                raise

        http_error_301 = http_error_303 = http_error_307 = http_error_308 = http_error_302

        def redirect_request(self, request: Request, *answer: Any) -> Request | None:
            allowed = {"https"} if request.type == "https" else {"http", "https"}
            if urlsplit(answer[-1]).scheme.lower() not in allowed:
                raise URLError("it leads to an address of another scheme, or without encryption")
            return super().redirect_request(request, *answer)

    return build_opener(Redirects)


def _download(request: Request, name: str, target: Path, progress: Progress | None) -> None:
    """Write the file beside its place, check its length and hash, and move it there."""
    from http.client import HTTPException

    draft = target.with_name(f".{name}.{secrets.token_hex(4)}.part")
    try:
        with draft.open("xb") as file, _opener().open(request, timeout=_TIMEOUT) as response:
            total = _length(response, name)
            digest, done = hashlib.sha256(), 0
            while chunk := response.read(_CHUNK):  # a body in chunks that breaks off raises IncompleteRead
                file.write(chunk)
                digest.update(chunk)
                done += len(chunk)
                if progress is not None:
                    progress(name, done, total)
        if done != total if total else not done:
            message = f"'{name}' broke off after {done} of {total} bytes." if total else f"'{name}' is empty."
            raise CamctlError(message, hint=_AGAIN)
        expected = _HASH_IN_NAME.search(name)
        if expected and not digest.hexdigest().startswith(expected[1]):
            message = f"'{name}' has the hash {digest.hexdigest()[:8]}, not {expected[1]} as its name says."
            raise CamctlError(message, hint="The file is damaged or was replaced; get it from its author again.")
        draft.replace(target)
    except (HTTPException, ValueError) as error:  # ValueError: an address that the server led to
        raise CamctlError(f"'{name}' broke off: {type(error).__name__}.", hint=_AGAIN) from error
    finally:
        draft.unlink(missing_ok=True)


def _length(response: HTTPResponse, name: str) -> int:
    """The announced size in bytes, 0 if unknown; raises `CamctlError` for an answer whose size cannot be checked."""
    length, *others = set(response.headers.get_all("Content-Length") or ("0",))
    coding = response.headers.get("Content-Encoding") or "identity"
    if not others and re.fullmatch(r"\d{1,15}", length) and coding == "identity":
        return int(length)
    message = f"'{name}' cannot be downloaded: the server's answer has no plain length, or is packed."
    raise CamctlError(message, hint="Download the file by hand and give its path.")
