"""What every trial of a plugin shares: networks to try it on, an attempt, and what came of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from camctl import registry
from camctl.errors import CamctlError, PluginError, one_line
from camctl.registry import discovery

if TYPE_CHECKING:
    from torch import Tensor, nn

    from camctl.plugin import LoadedModel

NETWORKS = ("demo:resnet", "demo:vit")
"""What methods and metrics are tried on: a CNN, and tokens behind a class token."""

FAMILIES = ("demo:resnet", "demo:vit", "demo:swin", "demo:t2t")
"""What adapters are shown when no model is named."""

PLACE = re.compile(r"\(\S+, line \d+\)$")
"""How a failure says where it was."""

FAILED = object()
"""What an attempt gives that raised."""


@dataclass(frozen=True)
class Finding:
    """One promise, and whether it is held."""

    promise: str
    ok: bool
    todo: str = ""
    """What to do; empty where it is held."""


@contextmanager
def untouched(module: nn.Module, findings: list[Finding], where: str) -> Iterator[None]:
    """Note whether what is done inside leaves a model as it was."""
    before = _state(module)
    yield
    same = before == _state(module)
    todo = "" if same else "Undo what you change in capture.module: weights, modes, hooks, requires_grad, grads."
    findings.append(Finding(f"leaves the model as it was ({where})", same, todo))


def _state(module: nn.Module) -> list[Any]:
    hooks = [len(part._forward_hooks) + len(part._forward_pre_hooks) for part in module.modules()]  # noqa: SLF001
    weights = [
        # The sum as well: torch counts no writes through `.data`.
        (name, tensor._version, float(tensor.detach().double().sum()), tensor.requires_grad, tensor.grad is None)  # noqa: SLF001
        for name, tensor in [*module.named_parameters(), *module.named_buffers()]
    ]
    return [weights, hooks, [part.training for part in module.modules()]]


def attempt(
    loaded: registry.Loaded, findings: list[Finding], promise: str, attempt: Callable[[], Any], todo: str
) -> Any:
    """What an attempt gives; where it raises `FAILED`, and a finding: a `CamctlError` is an answer, all else is not."""
    try:
        with registry.at_work(loaded):
            return attempt()
    except PluginError as error:
        findings.append(Finding(promise, ok=False, todo=f"{_look(error.message)} {todo}".strip()))
    except CamctlError as error:
        findings.append(Finding(f"says what it cannot do: {error.message}", ok=bool(error.message)))
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever a plugin raises is what is looked for
        findings.append(Finding(promise, ok=False, todo=f"It raised {one_line(error)}. {todo}".strip()))
    return FAILED


def _look(message: str) -> str:
    """A failure's message, and to look where it says that it failed."""
    said = message.removesuffix(".")
    return f"{said}. Look there." if PLACE.search(said) else f"{said}."


def network(name: str) -> LoadedModel:
    """A model by name, the demo's own among them."""
    from camctl.pipeline.load import load

    # Another package's source may be called demo as well.
    return load(f"{discovery.BUILT_IN}[demo]:{name.removeprefix('demo:')}" if name in FAMILIES else name)


def inputs_of(model: LoadedModel, numbers: Sequence[int]) -> Tensor:
    """Scenes of these numbers as the model is given them, (N, 3, h, w)."""
    import torch

    from camctl.demo.scenes import render, scene

    pixels = [render(scene(6_000_000 + number, 2), model.input_size[0]) for number in numbers]
    return torch.stack([model.preprocess(each) for each in pixels])


def got(value: object) -> str:
    """What something is, in words; of a tensor its shape."""
    from torch import Tensor

    if isinstance(value, Tensor):
        return f"a tensor {tuple(value.shape)}"
    return "nothing (None)" if value is None else f"a value of the type {type(value).__name__}"
