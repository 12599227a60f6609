"""Addresses of checkpoints: recognised, shown without secrets, and turned into requests."""

from __future__ import annotations

import re
from base64 import b64encode
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit

from camctl.errors import InputError

if TYPE_CHECKING:
    from urllib.request import Request

_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_HOST = re.compile(r"(\[[^\]]*\]|[^:]*)(:\d*)?")
_QUOTED = "%:@!$&'()*+,;=~[]/?"
"""Signs that stay as they are in the path and the query of a request."""


def is_url(text: str) -> bool:
    """Whether the text is an address, of any scheme, and not a path."""
    return bool(_SCHEME.match(text))


def shown(text: str) -> str:
    """Return a path as it is, and an address without what may be secret: user, password, query and fragment.

    Examples
    --------
    >>> shown("https://me:word@host/net.pth?token=5")
    'https://host/net.pth'
    """
    if not is_url(text):
        return text
    scheme, _, rest = re.split(r"[?#]", text, maxsplit=1)[0].partition("://")
    login, slash, path = rest.partition("/")
    host = login.rpartition("@")[2]
    # Without a sound host the first slash may be one of a password.
    rest = f"{host}{slash}{path}" if _HOST.fullmatch(host) else rest.rpartition("@")[2]
    return "".join(sign if sign.isprintable() else "?" for sign in f"{scheme}://{rest}")


def request_for(url: str) -> tuple[str, Request]:
    """Return the server's name and port, and the request for an address, with its password in a header.

    Raises `InputError` for an address that is none, or not of http or https.
    """
    try:
        parts = urlsplit(url)
        name = parts.hostname or ""
        name.encode("idna")
        host = (f"[{name}]" if ":" in name else name) + (f":{parts.port}" if parts.port is not None else "")
        login = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}".encode()
    except ValueError as error:
        raise InputError(f"'{shown(url)}' is no address.", hint="Correct it, or give the path of a file.") from error
    if parts.scheme.lower() not in {"http", "https"} or not host:
        message = f"'{shown(url)}' cannot be downloaded: only http and https addresses can."
        raise InputError(message, hint="Download the file by hand and give its path.")
    from urllib.request import Request

    query = f"?{parts.query}" if parts.query else ""
    place = quote(parts.path + query, safe=_QUOTED, errors="replace")
    request = Request(f"{parts.scheme}://{host}{place}", headers={"User-Agent": "camctl"})  # noqa: S310 - checked
    if parts.username is not None:
        request.add_unredirected_header("Authorization", f"Basic {b64encode(login).decode()}")
    return host, request
