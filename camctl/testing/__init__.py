"""The conformance kit: what a plugin promises, tried for real. `camctl plugins check` runs it; so may a plugin's tests.

In the tests of a package that is installed (`pip install -e .` will do):

    from camctl.testing import check

    def test_the_method_holds_the_contract():
        assert not [one for one in check("method", "softcam") if not one.ok]
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from camctl import registry
from camctl.registry import discovery
from camctl.testing.methods import of_method
from camctl.testing.metrics import of_metric
from camctl.testing.models import of_adapter, of_source
from camctl.testing.trying import Finding

if TYPE_CHECKING:
    from camctl.registry.discovery import Found, Kind

__all__ = ["Finding", "check"]

HEAVY = ("torch", "torchvision", "numpy", "cv2", "PIL", "scipy", "pandas", "timm", "transformers", "mmengine")
"""Packages that a listing must not wait for."""


def check(kind: Kind, name: str, models: Sequence[str] = ()) -> tuple[Finding, ...]:
    """Everything that the contract asks of the installed plugin of this name.

    `models`: for an adapter those that it knows, for a source one of its own (`ours:NAME`).
    Raises as `camctl.registry.pick` does. The plugin is tried as it is, out of `the sandbox`, which would mend it.
    """
    loaded = registry.load(registry.locate(kind, name), kept=False)
    findings = [*_own_name(loaded.found), *_said(loaded), _light(loaded)]
    findings += {"method": of_method, "metric": of_metric, "adapter": of_adapter, "source": of_source}[kind](
        loaded, models
    )
    return tuple(findings)


def _own_name(found: Found) -> Iterator[Finding]:
    """Whether the name of a third party's plugin is its own."""
    if found.built_in:
        return
    others = ", ".join(one.label for one in discovery.rivals(found, discovery.find(found.kind)))
    todo = f"Choose another name for its entry point: {others} goes by this one." if others else ""
    yield Finding("has a name of its own", not others, todo)


def _said(loaded: registry.Loaded) -> Iterator[Finding]:
    for field in ("summary", "paper") if loaded.found.kind in registry.MADE_BY_DECORATOR else ("summary",):
        said = str(getattr(loaded.plugin, field, "")).strip()
        one = bool(said) and "\n" not in said
        yield Finding(f"says its {field} on one line", one, f"Set {field}= to one line." if not one else "")


def _light(loaded: registry.Loaded) -> Finding:
    """Whether its module loads nothing heavy, seen in a fresh process."""
    module = loaded.found.entry_point.module_name
    code = f"import sys; import {module}; print(*[name for name in {HEAVY!r} if name in sys.modules])"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - a module that is installed
    seen = done.stdout.strip().splitlines()[-1:] or [""]
    todo = f"Import {', '.join(seen[0].split())} inside functions: a listing imports {module}." if seen[0] else ""
    return Finding("loads nothing heavy when it is listed", not seen[0] and not done.returncode, todo)
