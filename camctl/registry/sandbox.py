"""A third party's plugin at work: it speaks on stderr, fails by its package's name, and leaves things as it found them.

`keep` dresses a plugin in that. The built-in ones go without: what fails there is our bug.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager, redirect_stdout
from dataclasses import replace
from functools import wraps
from itertools import chain
from pathlib import Path
from traceback import walk_tb
from typing import TYPE_CHECKING, Any

from camctl.errors import CamctlError, PluginError, SpoiltModelError, out_of_memory
from camctl.plugin import LoadedModel, Method, Metric
from camctl.registry.discovery import quote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor, nn

    from camctl.plugin import Adapter, Capture, Case, LoadOptions, Source
    from camctl.registry.discovery import Found


def remedy(found: Found) -> str:
    """What to do about a plugin that does not work."""
    if found.built_in:
        return "camctl's own installation is damaged. Try: pip install --force-reinstall camctl"
    return f"To go on without it: pip uninstall {found.distribution}"


def fault(found: Found, said: str) -> PluginError:
    """The error of a plugin that `said` (a verb and what follows) tells of."""
    return PluginError(f"The {found.kind} {found.label} {said}", hint=remedy(found))


@contextmanager
def at_work(found: Found, trouble: str = "failed") -> Iterator[None]:
    """Whatever a third party's plugin raises inside is a `PluginError`, an attempt to end the process as well.

    What it prints goes to stderr: standard output belongs to the command, and may be JSON.
    """
    try:
        with redirect_stdout(sys.stderr):
            yield
    except (KeyboardInterrupt, GeneratorExit):
        raise
    except BaseException as error:
        if found.built_in or isinstance(error, CamctlError) or out_of_memory(error):
            raise
        raise fault(found, f"{trouble}: {type(error).__name__}: {quote(error)}{_place(found, error)}") from error


def _place(found: Found, error: BaseException) -> str:
    """The innermost file and line of the plugin's own package that an exception came through; empty without one."""
    package = found.entry_point.module_name.partition(".")[0]
    place = ""
    for frame, line in walk_tb(error.__traceback__):
        module = str(frame.f_globals.get("__name__", ""))
        if module.partition(".")[0] != package:
            continue
        file = Path(frame.f_code.co_filename)
        deep = module.count(".") + (file.name == "__init__.py")
        place = f" ({'/'.join(file.parts[-deep - 1 :])}, line {line})"
    return place


def keep(found: Found, plugin: Any) -> Any:
    """The plugin with everything that it does done `at_work`, and its answers seen to be what is due."""
    if found.built_in:
        return plugin
    if isinstance(plugin, Method):
        return _method(found, plugin)
    if isinstance(plugin, Metric):
        return _metric(found, plugin)
    # Named so, the class stands for the package in the engine's own messages.
    return type(found.label, (_Adapter if found.kind == "adapter" else _Source,), {})(found, plugin)


# -------------------------------------------------------------------------------- methods and metrics


def _method(found: Found, method: Method) -> Method:
    @wraps(method.compute)
    def compute(capture: Capture, **options: Any) -> Tensor:
        shared = (capture.activations, capture.gradients, capture.inputs, capture.logits)
        with at_work(found), _unwritten(found, shared), _unchanged(found, capture.module):
            evidence = method.compute(capture, **options)
        if wrong := _unfit(evidence, capture, method):
            raise fault(found, f"returned {wrong}")
        return evidence

    def cannot(module: nn.Module) -> str:
        with at_work(found):
            return str(method.cannot(module) or "")

    return replace(method, compute=compute, cannot=cannot)


def _metric(found: Found, metric: Metric) -> Metric:
    @wraps(metric.compute)
    def compute(case: Case, **options: Any) -> float:
        # `shown` is there once a metric has asked for it.
        shared = [case.values, case.inputs, *([case.shown] if "shown" in vars(case) else [])]
        with at_work(found), _unwritten(found, shared):
            return metric.compute(case, **options)

    return replace(metric, compute=compute)


def _unfit(evidence: object, capture: Capture, method: Method) -> str:
    """What is wrong with evidence, in words; empty where nothing is."""
    from torch import Tensor, strided

    n, _, height, width = capture.activations.shape
    whole = method.reduction == "none"
    due = f"({n}, H, W)" if whole else f"({n}, C, {height}, {width})"
    if not isinstance(evidence, Tensor):
        return f"{_kind(evidence)} where a tensor {due} is due."
    shape = tuple(evidence.shape)
    sound = len(shape) == (3 if whole else 4) and shape[0] == n and (whole or shape[2:] == (height, width))
    if not sound or not evidence.numel():
        return f"{shape} where {due} is due."
    if evidence.device != capture.activations.device:
        return f"a tensor on the device {evidence.device}, where {capture.activations.device} is due."
    if evidence.is_complex() or evidence.layout != strided:
        return f"a tensor of {evidence.dtype}, {evidence.layout}, where real numbers in a plain tensor are due."
    return ""


@contextmanager
def _unwritten(found: Found, tensors: Sequence[Tensor]) -> Iterator[None]:
    """What a plugin writes over is put back, and is its fault."""
    from torch import no_grad

    before = [(tensor, tensor._version, tensor.clone()) for tensor in tensors]  # noqa: SLF001 - torch counts writes there
    written = False
    try:
        yield
    finally:
        with no_grad():
            for tensor, version, was in before:
                # Writes through `.data` are not counted; NaN is no change of NaN.
                if tensor._version == version and bool(((tensor == was) | (was != was)).all()):  # noqa: SLF001, PLR0124
                    continue
                written = True
                tensor.copy_(was)
    if written:
        raise fault(found, "writes over what it was given, which others share; it was put back.")


@contextmanager
def _unchanged(found: Found, module: nn.Module) -> Iterator[None]:
    """Modes, hooks and gradients that a plugin leaves in a model are taken back, and are its fault.

    Weights cannot be taken back: the model runs no more, so that no map of another one is drawn.
    """
    parts = [(part, part.training, [(hooks, dict(hooks)) for hooks in _hooks(part)]) for part in module.modules()]
    weights = [(one, one._version, one.requires_grad, one.grad) for one in _weights(module)]  # noqa: SLF001
    changed: set[str] = set()
    try:
        yield
    finally:
        for part, training, kept in parts:
            if part.training != training:
                changed.add("modes")
                part.training = training
            for hooks, were in kept:
                if hooks.keys() != were.keys():
                    changed.add("hooks")
                    hooks.clear()
                    hooks.update(were)
        for one, _, needed, grad in weights:
            if one.requires_grad != needed or one.grad is not grad:
                changed.add("gradients")
                one.requires_grad_(needed).grad = grad
        if any(one._version != version for one, version, *_ in weights):  # noqa: SLF001
            said = fault(found, "changes the weights of the model, which has to be loaded anew.")
            module.register_forward_pre_hook(_refusal(said), prepend=True)
            raise SpoiltModelError(said.message, hint=said.hint)
    if changed:
        raise fault(found, f"changes the model ({', '.join(sorted(changed))}); it was changed back.")


def _hooks(part: nn.Module) -> list[dict[int, Any]]:
    return [part._forward_hooks, part._forward_pre_hooks, part._backward_hooks, part._backward_pre_hooks]  # noqa: SLF001


def _weights(module: nn.Module) -> Iterator[Tensor]:
    return chain(module.parameters(), module.buffers())


def _refusal(error: PluginError) -> Callable[[nn.Module, object], None]:
    def refuse(_module: nn.Module, _inputs: object) -> None:
        raise SpoiltModelError(error.message, hint=error.hint)

    return refuse


def _kind(value: object) -> str:
    """What something is, in words."""
    return "nothing" if value is None else f"a value of the type {type(value).__name__}"


# ------------------------------------------------------------------------------ adapters and sources


class _Adapter:
    def __init__(self, found: Found, adapter: Adapter) -> None:
        self._found, self._adapter = found, adapter
        self.summary = adapter.summary

    def matches(self, model: nn.Module) -> bool:
        with at_work(self._found, "cannot look at this model"):
            return bool(self._adapter.matches(model))

    def target_layers(self, model: nn.Module) -> tuple[str, ...]:
        with at_work(self._found):
            given: Any = self._adapter.target_layers(model)
            layers = () if given is None or isinstance(given, str) else tuple(given)
        if not layers or not all(isinstance(layer, str) for layer in layers):
            raise fault(self._found, f"gave {given!r} where names of target layers are due.")
        return layers

    def extra_tokens(self, model: nn.Module) -> int:
        with at_work(self._found):
            given: Any = self._adapter.extra_tokens(model)
        if not isinstance(given, int) or given < 0:
            raise fault(self._found, f"gave {given!r} where the number of extra tokens is due.")
        return given

    def to_grid(self, output: Tensor, input_size: tuple[int, int]) -> Tensor | None:
        from torch import Tensor

        with at_work(self._found):
            grid: Any = self._adapter.to_grid(output, input_size)
        if grid is not None and not isinstance(grid, Tensor):
            raise fault(self._found, f"gave {_kind(grid)} where a grid (N, C, H, W), or None, is due.")
        return grid


class _Source:
    def __init__(self, found: Found, source: Source) -> None:
        self._found, self._source = found, source
        self.summary = source.summary

    def load(self, reference: str, checkpoint: str | None, device: str, options: LoadOptions) -> LoadedModel:
        from torch import nn

        with at_work(self._found):
            loaded: Any = self._source.load(reference, checkpoint, device, options)
        if not isinstance(loaded, LoadedModel):
            raise fault(self._found, f"gave {_kind(loaded)} where a LoadedModel is due.")
        if not isinstance(loaded.module, nn.Module):
            raise fault(self._found, f"gave {_kind(loaded.module)} where the model, an nn.Module, is due.")

        def preprocess(pixels: NDArray[np.uint8]) -> Tensor:
            from torch import Tensor

            with at_work(self._found):
                inputs: Any = loaded.preprocess(pixels)
            if not isinstance(inputs, Tensor) or inputs.ndim != 3 or not inputs.is_floating_point():  # noqa: PLR2004
                got = f"{tuple(inputs.shape)} in {inputs.dtype}" if isinstance(inputs, Tensor) else _kind(inputs)
                raise fault(self._found, f"prepared a picture as {got} where (3, h, w) in float32 is due.")
            return inputs

        return replace(loaded, preprocess=preprocess)
