"""Templates, styles and scripts of pages, and the policy that keeps a page from loading anything."""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from camctl.files.pictures import base64_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


@cache
def template(package: str, name: str, filters: tuple[Callable[..., Any], ...]) -> Any:
    """Return a template out of a package's folder `templates`; it can write the filters after a `|`."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader(package),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.filters |= {function.__name__: function for function in filters}
    return environment.get_template(name)


def text_of(package: str, names: Sequence[str]) -> str:
    """Return files of a package's folder `templates`, one after the other."""
    folder = files(package).joinpath("templates")
    return "\n".join(folder.joinpath(name).read_text(encoding="utf-8") for name in names)


def policy(style: str, script: str) -> str:
    """Return the policy of a page that has this style and script, and loads nothing."""
    return (
        f"default-src 'none'; img-src data:; style-src '{_hash(style)}'; script-src '{_hash(script)}';"
        " base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"sha256-{base64_text(sha256(text.encode()).digest())}"
