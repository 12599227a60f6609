"""Sandbox for third parties' plugins, and the only place where their answers are checked.

Inside, stdout goes to stderr, exceptions become a `PluginError` that names the package, changes to the process, to
shared tensors and to the model are undone, and a wrong answer is reported as `returned ...; expected ...`. `isolate`
wraps a plugin in it. Built-in plugins run without: their exceptions are bugs of camctl. Of the source
`python`, whose models are the user's own, the models are checked.
"""

from __future__ import annotations

from contextlib import contextmanager
from copy import copy
from dataclasses import replace
from functools import partial, wraps
from itertools import islice
from math import isinf
from numbers import Real
from operator import index
from typing import TYPE_CHECKING, Any

from camctl.errors import CamctlError, InputError, one_line, out_of_memory
from camctl.plugin import Adapter, LoadedModel, Method, Metric, Runner, Source
from camctl.registry.answers import (
    described,
    wrong_evidence,
    wrong_grid,
    wrong_inputs,
    wrong_model,
    wrong_output,
    wrong_rows,
)
from camctl.registry.guard import fault, guarded, is_sound
from camctl.registry.shared_state import unchanged, unwritten

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray
    from torch import Tensor, nn

    from camctl.plugin import Capture, Case, LoadOptions, Work
    from camctl.registry.discovery import Found

    Fault = Callable[[str], CamctlError]
    """Makes an error of what is wrong: a verb and what follows it."""
    Guard = Callable[[], AbstractContextManager[None]]
    """Turns exceptions inside it into such errors."""

__all__ = ["described", "fault", "guarded", "isolate", "wrong_evidence"]

_END = object()

USERS_OWN = "camctl[python]"
"""The built-in source of models that the user made."""


def isolate(found: Found, plugin: Any) -> Any:
    """Wrap a third party's plugin in the sandbox; a built-in one is returned as it is, but for the source `python`."""
    if found.built_in:
        return _UsersOwn(found, plugin) if found.kind == "source" and found.label == USERS_OWN else plugin
    if isinstance(plugin, Method):
        return _method(found, plugin)
    if isinstance(plugin, Metric):
        return _metric(found, plugin)
    wrappers = {"adapter": _Adapter, "source": _Source, "runner": _Runner}
    return wrappers[found.kind](found, plugin)


def _method(found: Found, method: Method) -> Method:
    @wraps(method.compute)
    def compute(capture: Capture, **options: Any) -> Tensor:
        shared = (capture.activations, capture.gradients, capture.inputs, capture.logits)
        with guarded(found):
            with unwritten(found, shared), unchanged(found, capture.module):
                evidence: Any = _plain(method.compute(copy(capture), **options))
            if problem := wrong_evidence(evidence, capture, method):
                raise fault(found, problem)
            # Eight-bit numbers have no arithmetic.
            plain: Tensor = evidence.float() if evidence.dtype.itemsize == 1 else evidence
        return plain

    def cannot(module: nn.Module) -> str:
        with guarded(found), unchanged(found, module, weigh=False):
            return str(method.cannot(module) or "")

    return replace(method, compute=compute, cannot=cannot)


def _plain(value: Any) -> Any:
    """Return a tensor of a subclass, whose attributes may be anything, as one of torch's own."""
    from torch import Tensor
    from torch.nn import Parameter

    return value.as_subclass(Tensor) if isinstance(value, Tensor) and type(value) not in {Tensor, Parameter} else value


def _metric(found: Found, metric: Metric) -> Metric:
    @wraps(metric.compute)
    def compute(case: Case, **options: Any) -> float:
        shared = [case.values, case.raw, case.inputs, case.shown]
        shared += [case.region] if case.region is not None else []
        with guarded(found):
            with unwritten(found, shared):
                figure: object = metric.compute(copy(case), **options)
            if not isinstance(figure, Real):
                raise fault(found, f"returned {described(figure)}; expected a number.")
            try:
                number = float(figure)
            except OverflowError:
                number = float("inf")
        if isinf(number):
            raise fault(found, "returned an infinite number; expected a finite one, or NaN for none.")
        return number

    return replace(metric, compute=compute)


class _Adapter(Adapter):
    def __init__(self, found: Found, adapter: Adapter) -> None:
        self._found, self._adapter, self.summary = found, adapter, adapter.summary

    def __str__(self) -> str:
        return self._found.label

    def matches(self, model: nn.Module) -> bool:
        with guarded(self._found, "cannot look at this model"), unchanged(self._found, model, weigh=False):
            return bool(self._adapter.matches(model))

    def target_layers(self, model: nn.Module) -> tuple[str, ...]:
        known = {name for name, _ in model.named_modules()}
        with guarded(self._found):
            with unchanged(self._found, model, weigh=False):
                names: Any = self._adapter.target_layers(model)
                # Without end, or a million times the same: no more than the model has.
                layers = () if names is None or isinstance(names, str) else tuple(islice(names, len(known) + 1))
            if not layers or not all(isinstance(layer, str) for layer in layers):
                shown = repr(names) if isinstance(names, str) else described(names)
                raise fault(self._found, f"returned {shown}; expected a list of layer names.")
            if missing := [layer for layer in layers if layer not in known]:
                raise fault(self._found, f"returned the layer '{missing[0]}', which this model does not have.")
            if len(layers) > len(known):
                raise fault(self._found, f"returned more layers than the {len(known)} of this model.")
        return tuple(dict.fromkeys(layers))

    def extra_tokens(self, model: nn.Module) -> int:
        with guarded(self._found):
            with unchanged(self._found, model, weigh=False):
                count: Any = self._adapter.extra_tokens(model)
            try:
                tokens = index(count)
            except TypeError:
                tokens = -1
            if tokens < 0:
                raise fault(self._found, f"returned {described(count)}; expected a number of extra tokens.")
        return tokens

    def to_grid(self, output: Tensor, input_size: tuple[int, int]) -> Tensor | None:
        with guarded(self._found):
            version = output._version  # noqa: SLF001 - torch counts writes there
            grid: Tensor | None = _plain(self._adapter.to_grid(output, input_size))
            if output._version != version:  # noqa: SLF001
                raise fault(self._found, "writes over the layer's output, which it may only rearrange.")
            if grid is not None and (problem := wrong_grid(grid, output)):
                raise fault(self._found, problem)
        return grid


class _Runner(Runner):
    def __init__(self, found: Found, runner: Any) -> None:
        self._found, self._runner, self.summary = found, runner, runner.summary
        vars(self)["run"] = wraps(runner.run)(partial(self.run))  # the signature has the options

    def run(self, work: Work, **options: Any) -> Iterator[pa.Table]:
        missing = set(work.indices)
        with guarded(self._found):
            tables = iter(self._runner.run(work, **options))
        try:
            # Outside of each step the process is as it was: whoever writes the rows is not in the sandbox.
            while (table := self._next(tables, work, missing)) is not None:
                yield table
        finally:
            if close := getattr(tables, "close", None):
                with guarded(self._found):
                    close()
        if missing:
            problem = f"returned no rows for {len(missing)} of {len(work.indices)} pictures."
            raise fault(self._found, problem)

    def _next(self, tables: Iterator[Any], work: Work, missing: set[int]) -> pa.Table | None:
        """Return the next rows, None after the last; their pictures are no longer missing."""
        with guarded(self._found):
            rows: Any = next(tables, _END)
            if rows is _END:
                return None
            if problem := wrong_rows(rows, work.schema, missing):
                raise fault(self._found, problem)
            missing.difference_update(rows.column("index").to_pylist())
        return rows


class _Source(Source):
    def __init__(self, found: Found, source: Any) -> None:
        self._found, self._source, self.summary = found, source, source.summary
        self.example = str(getattr(source, "example", ""))
        self.own_weights = bool(getattr(source, "own_weights", False))

    def load(self, reference: str, checkpoint: str | None, device: str, options: LoadOptions) -> LoadedModel:
        with guarded(self._found):
            loaded: Any = self._source.load(reference, checkpoint, device, options)
            return _checked(loaded, partial(fault, self._found), partial(guarded, self._found))

    def names(self) -> tuple[str, ...]:
        with guarded(self._found):
            return tuple(name for name in getattr(self._source, "names", tuple)() if isinstance(name, str))


class _UsersOwn(_Source):
    """The source `python`, which reports itself what the user's code raises: a wrong model is the user's to correct."""

    def load(self, reference: str, checkpoint: str | None, device: str, options: LoadOptions) -> LoadedModel:
        with _users(reference):  # its modes, devices and weights are the user's code as well
            loaded = self._source.load(reference, checkpoint, device, options)
        return _checked(loaded, partial(_users_fault, reference), partial(_users, reference))

    def wrap(self, module: nn.Module, *, name: str = "") -> LoadedModel:
        """Make a `LoadedModel` of a module without changing it."""
        with _users(name or type(module).__name__):
            loaded = self._source.wrap(module, name=name)
        return _checked(loaded, partial(_users_fault, loaded.name), partial(_users, loaded.name))


def _users_fault(name: str, problem: str) -> InputError:
    return InputError(f"'{name}' {problem}", hint="Correct it in the code that makes the model.")


@contextmanager
def _users(name: str) -> Iterator[None]:
    """Turn exceptions of the user's own code into `InputError`."""
    try:
        yield
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        if is_sound(error) or out_of_memory(error):
            raise
        raise _users_fault(name, f"failed: {one_line(error)}") from error


def _checked(loaded: Any, wrong: Fault, guard: Guard) -> LoadedModel:
    """Return a model whose fields are sound, and whose functions check what they return."""
    with guard():
        if problem := wrong_model(loaded):
            raise wrong(problem)
        height, width = loaded.input_size
        model: LoadedModel = replace(
            loaded,
            # Neither is bound to `loaded`: who keeps the function must not keep the model.
            forward=partial(_output, wrong, loaded.forward),
            preprocess=partial(_inputs, wrong, guard, loaded.preprocess),
            input_size=(int(height), int(width)),
            class_names=None if loaded.class_names is None else tuple(loaded.class_names),
            repairs=tuple(loaded.repairs),
            notes=tuple(loaded.notes),
        )
    return model


def _output(wrong: Fault, forward: Callable[[Tensor], Tensor], batch: Tensor) -> Tensor:
    """Return the output of a model's forward pass; `Exception`s of it are reported with the input's shape elsewhere."""
    try:
        output = forward(batch)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        if is_sound(error) or (isinstance(error, Exception) and not isinstance(error, CamctlError)):
            raise
        raise RuntimeError(one_line(error)) from error
    if problem := wrong_output(output, batch):
        raise wrong(problem)
    return output


def _inputs(
    wrong: Fault, guard: Guard, preprocess: Callable[[NDArray[np.uint8]], Tensor], pixels: NDArray[np.uint8]
) -> Tensor:
    """Return a prepared picture."""
    with guard():
        inputs: Tensor = _plain(preprocess(pixels))
        if problem := wrong_inputs(inputs):
            raise wrong(problem)
    return inputs
