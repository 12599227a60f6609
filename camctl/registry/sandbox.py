"""Sandbox for third parties' plugins, and the only place where their answers are checked.

Inside, stdout goes to stderr, exceptions become a `PluginError` that names the package, changes to shared tensors and
to the model are undone, and a wrong answer is reported as `returned ...; expected ...`. `isolate` wraps a plugin in it.
Built-in plugins run without: their exceptions are bugs of camctl.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager, redirect_stdout
from dataclasses import replace
from functools import partial, wraps
from itertools import chain
from numbers import Real
from pathlib import Path
from traceback import walk_tb
from typing import TYPE_CHECKING, Any

from camctl.errors import CamctlError, PluginError, SpoiltModelError, one_line, out_of_memory
from camctl.plugin import Adapter, LoadedModel, Method, Metric, Source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor, nn

    from camctl.plugin import Capture, Case, LoadOptions
    from camctl.registry.discovery import Found


def isolate(found: Found, plugin: Any) -> Any:
    """Wrap a third party's plugin in the sandbox; a built-in one is returned as it is."""
    if found.built_in:
        return plugin
    if isinstance(plugin, Method):
        return _method(found, plugin)
    if isinstance(plugin, Metric):
        return _metric(found, plugin)
    return _Adapter(found, plugin) if found.kind == "adapter" else _Source(found, plugin)


def fault(found: Found, problem: str) -> PluginError:
    """The error for a plugin; `problem` is a verb and what follows it."""
    remedy = f"To go on without it: pip uninstall {found.distribution}"
    if found.built_in:
        remedy = "camctl's own installation is damaged. Try: pip install --force-reinstall camctl"
    return PluginError(f"The {found.kind} {found.label} {problem}", hint=remedy)


def described(value: object) -> str:
    """What was returned, for messages: the shape of a tensor, the type of anything else."""
    from torch import Tensor

    if isinstance(value, Tensor):
        return f"shape {tuple(value.shape)}"
    return "None" if value is None else type(value).__name__


@contextmanager
def guarded(found: Found, problem: str = "failed") -> Iterator[None]:
    """Turn a third party's exceptions into `PluginError`, even an attempt to end the process.

    What it prints goes to stderr: stdout belongs to the command, and may be JSON.
    """
    try:
        with redirect_stdout(sys.stderr):
            yield
    except (KeyboardInterrupt, GeneratorExit):
        raise
    except BaseException as error:
        if found.built_in or isinstance(error, CamctlError) or out_of_memory(error):
            raise
        raise fault(found, f"{problem}: {one_line(error)}{_line(found, error)}") from error


def _line(found: Found, error: BaseException) -> str:
    """Innermost file and line of the plugin's package in a traceback, in brackets; empty if there is none."""
    package = found.entry_point.module_name.partition(".")[0]
    text = ""
    for frame, line in walk_tb(error.__traceback__):
        module = str(frame.f_globals.get("__name__", ""))
        if module.partition(".")[0] != package:
            continue
        file = Path(frame.f_code.co_filename)
        depth = module.count(".") + (file.name == "__init__.py")
        text = f" ({'/'.join(file.parts[-depth - 1 :])}, line {line})"
    return text


def _method(found: Found, method: Method) -> Method:
    @wraps(method.compute)
    def compute(capture: Capture, **options: Any) -> Tensor:
        shared = (capture.activations, capture.gradients, capture.inputs, capture.logits)
        with guarded(found), _unwritten(found, shared), _unchanged(found, capture.module):
            evidence = method.compute(capture, **options)
        if problem := wrong_evidence(evidence, capture, method):
            raise fault(found, problem)
        return evidence

    def cannot(module: nn.Module) -> str:
        with guarded(found):
            return str(method.cannot(module) or "")

    return replace(method, compute=compute, cannot=cannot)


def _metric(found: Found, metric: Metric) -> Metric:
    @wraps(metric.compute)
    def compute(case: Case, **options: Any) -> float:
        shared = [case.values, case.raw, case.inputs, case.shown]
        shared += [case.region] if case.region is not None else []
        with guarded(found), _unwritten(found, shared):
            figure: object = metric.compute(case, **options)
        if not isinstance(figure, Real):
            raise fault(found, f"returned {described(figure)}; expected a number.")
        return float(figure)

    return replace(metric, compute=compute)


def wrong_evidence(evidence: object, capture: Capture, method: Method) -> str:
    """What is wrong with a method's evidence, as `returned ...; expected ...`; empty if nothing is."""
    from torch import Tensor, strided

    views, _, height, width = capture.activations.shape
    maps = method.reduction == "none"
    expected = f"({views}, H, W)" if maps else f"({views}, C, {height}, {width})"
    if not isinstance(evidence, Tensor):
        return f"returned {described(evidence)}; expected a tensor {expected}."
    shape = evidence.shape
    fits = len(shape) == (3 if maps else 4) and shape[0] == views and (maps or shape[2:] == (height, width))
    if not fits or not evidence.numel():
        return f"returned {described(evidence)}; expected {expected}."
    if evidence.device != capture.activations.device:
        return f"returned a tensor on {evidence.device}; expected {capture.activations.device}."
    if evidence.is_complex() or evidence.layout != strided:
        return f"returned a tensor of {evidence.dtype}, {evidence.layout}; expected real numbers in a plain tensor."
    return ""


@contextmanager
def _unwritten(found: Found, tensors: Sequence[Tensor]) -> Iterator[None]:
    """Restore shared tensors that a plugin writes over, and report it."""
    from torch import no_grad

    before = [(tensor, tensor._version, tensor.clone()) for tensor in tensors]  # noqa: SLF001 - torch counts writes there
    written = False
    try:
        yield
    finally:
        with no_grad():
            for tensor, version, copy in before:
                # Writes through `.data` are not counted; NaN is no change of NaN.
                if tensor._version == version and bool(((tensor == copy) | (copy != copy)).all()):  # noqa: SLF001, PLR0124
                    continue
                written = True
                tensor.copy_(copy)
    if written:
        raise fault(found, "writes over its inputs, which other plugins share; they were restored.")


@contextmanager
def _unchanged(found: Found, module: nn.Module) -> Iterator[None]:
    """Undo a plugin's changes to modes, hooks and gradients of a model, and report them.

    Weights cannot be restored. Raises `SpoiltModelError`, so that no more maps of this model are drawn.
    """
    parts = [(part, part.training, [(hooks, dict(hooks)) for hooks in _hooks(part)]) for part in module.modules()]
    weights = [(weight, weight._version, weight.requires_grad, weight.grad) for weight in _weights(module)]  # noqa: SLF001
    changed: set[str] = set()
    try:
        yield
    finally:
        for part, training, hooks_before in parts:
            if part.training != training:
                changed.add("modes")
                part.training = training
            for hooks, before in hooks_before:
                if hooks.keys() != before.keys():
                    changed.add("hooks")
                    hooks.clear()
                    hooks.update(before)
        for weight, _, trainable, grad in weights:
            if weight.requires_grad != trainable or weight.grad is not grad:
                changed.add("gradients")
                weight.requires_grad_(trainable).grad = grad
        if any(weight._version != version for weight, version, *_ in weights):  # noqa: SLF001
            error = fault(found, "changes the weights of the model, which must be loaded again.")
            raise SpoiltModelError(error.message, hint=error.hint)
    if changed:
        raise fault(found, f"changes the model ({', '.join(sorted(changed))}); the changes were undone.")


def _hooks(part: nn.Module) -> list[dict[int, Any]]:
    return [part._forward_hooks, part._forward_pre_hooks, part._backward_hooks, part._backward_pre_hooks]  # noqa: SLF001


def _weights(module: nn.Module) -> Iterator[Tensor]:
    return chain(module.parameters(), module.buffers())


class _Adapter(Adapter):
    def __init__(self, found: Found, adapter: Adapter) -> None:
        self._found, self._adapter, self.summary = found, adapter, adapter.summary

    def __str__(self) -> str:
        return self._found.label

    def matches(self, model: nn.Module) -> bool:
        with guarded(self._found, "cannot look at this model"):
            return bool(self._adapter.matches(model))

    def target_layers(self, model: nn.Module) -> tuple[str, ...]:
        with guarded(self._found):
            names: Any = self._adapter.target_layers(model)
            layers = () if names is None or isinstance(names, str) else tuple(names)
        if not layers or not all(isinstance(layer, str) for layer in layers):
            raise fault(self._found, f"returned {names!r}; expected a list of layer names.")
        known = {name for name, _ in model.named_modules()}
        if missing := [layer for layer in layers if layer not in known]:
            raise fault(self._found, f"returned the layer '{missing[0]}', which this model does not have.")
        return layers

    def extra_tokens(self, model: nn.Module) -> int:
        with guarded(self._found):
            count: Any = self._adapter.extra_tokens(model)
        if not isinstance(count, int) or count < 0:
            raise fault(self._found, f"returned {count!r}; expected a number of extra tokens.")
        return count

    def to_grid(self, output: Tensor, input_size: tuple[int, int]) -> Tensor | None:
        from torch import Tensor

        with guarded(self._found):
            grid: Any = self._adapter.to_grid(output, input_size)
        if grid is None:
            return None
        if isinstance(grid, Tensor) and grid.ndim == 4 and len(grid) == len(output) and grid.numel() <= output.numel():  # noqa: PLR2004
            return grid
        expected = f"a rearrangement of {tuple(output.shape)} as (N, C, H, W), or None"
        raise fault(self._found, f"returned {described(grid)}; expected {expected}.")


class _Source(Source):
    def __init__(self, found: Found, source: Source) -> None:
        self._found, self._source, self.summary = found, source, source.summary
        self.example = str(getattr(source, "example", ""))
        self.own_weights = bool(getattr(source, "own_weights", False))

    def load(self, reference: str, checkpoint: str | None, device: str, options: LoadOptions) -> LoadedModel:
        from torch import nn

        with guarded(self._found):
            loaded: Any = self._source.load(reference, checkpoint, device, options)
        if not isinstance(loaded, LoadedModel):
            raise fault(self._found, f"returned {described(loaded)}; expected LoadedModel.")
        if not isinstance(loaded.module, nn.Module):
            raise fault(self._found, f"returned {described(loaded.module)} as the module; expected nn.Module.")
        # Not bound to `loaded`: who keeps the function must not keep the model.
        return replace(loaded, preprocess=partial(_preprocessed, self._found, loaded.preprocess))


def _preprocessed(found: Found, preprocess: Callable[[NDArray[np.uint8]], Tensor], pixels: NDArray[np.uint8]) -> Tensor:
    from torch import Tensor

    with guarded(found):
        inputs: Any = preprocess(pixels)
    if not isinstance(inputs, Tensor) or inputs.ndim != 3 or not inputs.is_floating_point():  # noqa: PLR2004
        kind = f" in {inputs.dtype}" if isinstance(inputs, Tensor) else ""
        raise fault(found, f"returned {described(inputs)}{kind} from preprocess; expected (3, h, w) in float32.")
    return inputs
