"""The conformance kit: tries what the contract asks of a plugin. `camctl plugins check` runs it, and so can tests.

In the tests of an installed package (`pip install -e .` is enough):

    from camctl.testing import check

    def test_the_method_holds_the_contract():
        assert not [finding for finding in check("method", "softcam") if not finding.ok]
"""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from camctl import registry
from camctl.registry import discovery
from camctl.testing.functions import try_method, try_metric
from camctl.testing.models import try_adapter, try_source
from camctl.testing.runners import try_runner
from camctl.testing.trial import Finding, Trial

if TYPE_CHECKING:
    from collections.abc import Sequence

    from camctl.registry.discovery import Kind

__all__ = ["Finding", "check"]

HEAVY = ("torch", "torchvision", "numpy", "cv2", "PIL", "scipy", "pandas", "timm", "transformers", "mmengine")
"""Packages that a listing of plugins must not load."""

TRIALS = {
    "method": try_method,
    "metric": try_metric,
    "adapter": try_adapter,
    "source": try_source,
    "runner": try_runner,
}


def check(kind: Kind, name: str, models: Sequence[str] = ()) -> tuple[Finding, ...]:
    """Try everything that the contract asks of an installed plugin, outside the sandbox.

    Parameters
    ----------
    kind, name
        The plugin.
    models
        For an adapter, models that it knows; for a source, models of its own (`ours:NAME`).

    Raises
    ------
    UnknownNameError
        No plugin has this name.
    PluginError
        It cannot be loaded.
    """
    trial = Trial(registry.load(registry.locate(kind, name), isolated=False))
    if not trial.found.built_in:
        others = ", ".join(found.label for found in discovery.rivals(trial.found))
        trial.note("has a name of its own", not others, f"Choose another name for its entry point: {others} has it.")
    for field in ("summary", "paper") if kind in registry.FUNCTIONS else ("summary",):
        text = str(getattr(trial.plugin, field, "")).strip()
        trial.note(f"says its {field} on one line", bool(text) and "\n" not in text, f"Set {field}= to one line.")
    _try_import(trial)
    TRIALS[kind](trial, models)
    return tuple(trial.findings)


def _try_import(trial: Trial) -> None:
    """Try in a new process whether the plugin's module loads nothing heavy."""
    module = trial.found.entry_point.module_name
    code = f"import sys; import {module}; print(*[name for name in {HEAVY!r} if name in sys.modules])"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - an installed module
    heavy = (done.stdout.strip().splitlines() or [""])[-1].split()
    todo = f"Import {', '.join(heavy)} inside functions: a listing imports {module}."
    trial.note("loads nothing heavy when it is listed", not heavy and not done.returncode, todo)
