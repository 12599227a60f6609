"""Base of all trials: networks to try a plugin on, attempts, and findings."""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from camctl.errors import CamctlError, PluginError, one_line
from camctl.registry.discovery import BUILT_IN
from camctl.registry.sandbox import guarded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor, nn

    from camctl import registry
    from camctl.plugin import LoadedModel

NETWORKS = ("demo:resnet", "demo:vit")
"""Networks for methods and metrics: a CNN, and tokens with a class token."""

FAMILIES = ("demo:resnet", "demo:vit", "demo:swin", "demo:t2t")
"""Networks for adapters if no model is named."""

FIRST_SCENE = 6_000_000

_LINE = re.compile(r"\(\S+, line \d+\)$")
"""End of a failure's message that names a line."""

FAILED = object()
"""Result of an attempt that raised."""


@dataclass(frozen=True)
class Finding:
    """One promise of the contract, and whether it is kept."""

    promise: str
    ok: bool
    todo: str = ""
    """What to do; empty if it is kept."""


class Trial:
    """A plugin under test, outside the sandbox, and the findings so far."""

    def __init__(self, loaded: registry.Loaded) -> None:
        self.found, self.plugin = loaded.found, loaded.plugin
        self.findings: list[Finding] = []
        self._network = ""

    def note(self, promise: str, ok: bool, todo: str = "") -> bool:  # noqa: FBT001 - reads as a table
        """Add a finding and return `ok`; `todo` is dropped if the promise is kept."""
        self.findings.append(Finding(f"{promise}{self._network}", ok=ok, todo="" if ok else todo))
        return ok

    def attempt(self, promise: str, action: Callable[[], Any], todo: str = "") -> Any:
        """Run an action and return its result; an exception is a finding, and the result is `FAILED`.

        A `CamctlError` is a kept promise: it tells the user what is wrong.
        """
        try:
            with guarded(self.found):
                return action()
        except PluginError as error:
            message = error.message.removesuffix(".")
            message += ". Look there." if _LINE.search(message) else "."
            self.note(promise, False, f"{message} {todo}".strip())
        except CamctlError as error:
            self.note(f"says what it cannot do: {error.message}", bool(error.message))
        except (Exception, SystemExit) as error:  # noqa: BLE001 - any exception is a finding
            self.note(promise, False, f"It raised {one_line(error)}. {todo}".strip())
        return FAILED

    @contextmanager
    def on(self, module: nn.Module, network: str) -> Iterator[None]:
        """Name the network in the block's findings, and note whether the block leaves it as it was."""
        from camctl.engine.model_state import changes, condition

        before, self._network = condition(module), f" ({network})"
        yield
        changed = ", ".join(changes(before, condition(module)))
        self.note("leaves the model as it was", not changed, f"Undo what you change in capture.module: {changed}.")
        self._network = ""


def load_network(name: str) -> LoadedModel:
    """Load a model by name; `FAMILIES` are camctl's own, even if another package has a source `demo`."""
    from camctl.pipeline.load import load

    return load(f"{BUILT_IN}[demo]:{name.removeprefix('demo:')}" if name in FAMILIES else name)


def picture(model: LoadedModel, number: int = 0) -> NDArray[np.uint8]:
    """A scene of two objects in a model's usual size."""
    from camctl.demo.scenes import render, scene

    return render(scene(FIRST_SCENE + number, 2), model.input_size[0])


def inputs_of(model: LoadedModel, numbers: Sequence[int]) -> Tensor:
    """Model inputs (N, 3, h, w) of the scenes of these numbers."""
    import torch

    return torch.stack([model.preprocess(picture(model, number)) for number in numbers])
