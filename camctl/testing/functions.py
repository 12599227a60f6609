"""Trials of methods and metrics, on a CNN and on tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from math import isnan
from typing import TYPE_CHECKING, Any

from camctl import registry
from camctl.plugin import ClassQuestion
from camctl.registry.sandbox import described, wrong_evidence
from camctl.testing.trial import FAILED, NETWORKS, Trial, inputs_of, load_network, picture

if TYPE_CHECKING:
    from torch import Tensor

    from camctl.plugin import Capture, LoadedModel, Method

CLOSE = 1e-4
"""Relative tolerance for equal maps; two classes must differ by more."""

TENSORS = ("activations", "gradients", "inputs")
SEED = "Draw random numbers from a seed of your own, given as an option."


def try_metric(trial: Trial, _models: Sequence[str]) -> None:
    """Try whether it measures a map, with the same result twice."""
    for name in NETWORKS:
        model = load_network(name)
        with trial.on(model.module, name):
            first, second = (trial.attempt("measures a map", partial(_figure, trial, model)) for _ in range(2))
            if FAILED not in (first, second):
                same = first == second or (isnan(first) and isnan(second))
                trial.note(f"gives {first:.3g} twice", same, SEED)


def _figure(trial: Trial, model: LoadedModel) -> float:
    from camctl.pipeline.compare import compare
    from camctl.values.request import Evaluation

    side = model.input_size[0]
    comparison = compare(
        model,
        picture(model),
        # Its map is never blank, whatever the layer and the class.
        methods=["camctl[gradcamelementwise]"],
        evaluation=Evaluation(metrics=[trial.found.label], boxes=(0, 0, side / 2, side)),
    )
    for error in comparison.faults:
        raise error
    return comparison.cells[0].figures[trial.found.name]


def try_method(trial: Trial, _models: Sequence[str]) -> None:
    """Try shapes, numbers, repeatability, views and classes."""
    import torch

    for name in NETWORKS:
        model = load_network(name)
        promise, todo = f"says whether it can work on {name}", "Return a line, or an empty one, from cannot=."
        reason = trial.attempt(promise, partial(trial.plugin.cannot, model.module), todo)
        if reason is FAILED:
            continue
        if not isinstance(reason, str):
            trial.note(promise, False, f"{todo} It returned {described(reason)}.")
        if reason:
            trial.note(f"says why it cannot work on {name}: {reason}", True)
            continue
        with trial.on(model.module, name), torch.no_grad():
            _try_evidence(trial, model)


def _try_evidence(trial: Trial, model: LoadedModel) -> None:
    """Try the evidence on one network; what follows from a broken promise is not tried."""
    import torch

    first = _capture(model, trial.plugin)
    evidence = _compute(trial, "computes", first)
    if evidence is FAILED or not _fits(trial, evidence, first) or _overwritten(trial, model, first):
        _explain_gradients(trial, model)
        return
    again = _compute(trial, "computes a second time", first)
    if again is FAILED:
        return
    alike = isinstance(again, torch.Tensor) and again.dtype == evidence.dtype
    same = alike and torch.equal(evidence.nan_to_num(), again.nan_to_num())
    todo = SEED if described(again) == described(evidence) else f"The second time it returned {described(again)}."
    trial.note("gives the same twice", same, todo)
    if _try_views(trial, model, evidence) and same and trial.plugin.discriminative:
        _try_classes(trial, model, evidence)


def _compute(trial: Trial, promise: str, capture: Capture) -> Any:
    todo = "Raise camctl.errors.CamctlError for what a user can correct."
    return trial.attempt(promise, partial(trial.plugin.compute, capture), todo)


def _overwritten(trial: Trial, model: LoadedModel, capture: Capture, *numbers: int) -> bool:
    """Whether a capture of these pictures is no longer equal to a new one, which is a finding."""
    import torch

    new = _capture(model, trial.plugin, *numbers)
    if all(torch.equal(getattr(capture, key), getattr(new, key)) for key in TENSORS):
        return False
    return not trial.note("writes over nothing that it is given", False, "Work on copies: others share them.")


def _fits(trial: Trial, evidence: Any, capture: Capture) -> bool:
    import torch

    shape = "maps (N, H, W)" if trial.plugin.reduction == "none" else "evidence (N, C, H, W)"
    problem = wrong_evidence(evidence, capture, trial.plugin)
    todo = "Guard divisions and logarithms: finite activations must give finite evidence."
    return (
        trial.note(f"returns {shape}", not problem, f"Return {shape}: it {problem}")
        and trial.note("returns floats", evidence.is_floating_point(), f"It returned {evidence.dtype}.")
        and trial.note("returns finite numbers", bool(torch.isfinite(evidence).all()), todo)
    )


def _explain_gradients(trial: Trial, model: LoadedModel) -> None:
    """Note that a method reads gradients without needing them, if it works with them."""
    needy = replace(trial.plugin, needs=trial.plugin.needs | {"gradients"})
    if needy.needs == trial.plugin.needs:
        return
    capture = _capture(model, needy)
    evidence = Trial(registry.Loaded(trial.found, needy)).attempt("", partial(needy.compute, capture))
    if evidence is not FAILED and not wrong_evidence(evidence, capture, needy):
        todo = "gradients is not in needs, so capture.gradients is empty."
        trial.note("says in needs what it reads", False, todo)


def _try_views(trial: Trial, model: LoadedModel, evidence: Tensor) -> bool:
    """Try two views at once, which must give what each gives by itself."""
    second, both = _capture(model, trial.plugin, 1), _capture(model, trial.plugin, 0, 1)
    together, other = (_compute(trial, "takes two views at once", capture) for capture in (both, second))
    if together is FAILED or other is FAILED:
        return False
    if _overwritten(trial, model, second, 1) or _overwritten(trial, model, both, 0, 1):
        return False
    trial.note("writes over nothing that it is given", True)
    promise = "gives each view of a batch its own"
    if wrong_evidence(together, both, trial.plugin) or together.shape[1:] != evidence.shape[1:]:
        todo = f"For two views it returned {described(together)}, for one {described(evidence)}."
        return trial.note(promise, False, todo)
    alone = (evidence[0], other[0])
    todo = "Treat every view for itself: no mean, maximum or sort over the first dimension."
    return trial.note(promise, all(_close(*pair) for pair in zip(together, alone, strict=True)), todo)


def _try_classes(trial: Trial, model: LoadedModel, evidence: Tensor) -> None:
    """Try another class, which must give another map, not only at another scale."""
    other = _compute(trial, "depends on the class", _capture(model, trial.plugin, target=1))
    if other is not FAILED and other.shape == evidence.shape:
        depends = float((_scaled(evidence) - _scaled(other)).abs().max()) > CLOSE
        todo = "Two classes give one map: say discriminative=False to the decorator, or use the class."
        trial.note("depends on the class", depends, todo)


def _scaled(evidence: Tensor) -> Tensor:
    low, high = evidence.min(), evidence.max()
    return (evidence - low) / (high - low).clamp(min=1e-12)


def _close(one: Tensor, other: Tensor) -> bool:
    return float((one - other).abs().max()) <= CLOSE * max(float(other.abs().max()), 1e-12)


def _capture(model: LoadedModel, method: Method, *numbers: int, target: int = 0) -> Capture:
    """A capture of these pictures (by default the first) at the adapter's layer, with new tensors."""
    from camctl.engine.capture import Recorder
    from camctl.engine.layout import LayoutHints

    adapter = registry.match_adapter(model.module)
    layers = adapter.plugin.target_layers(model.module) if adapter else []
    hints = LayoutHints(adapter=adapter.plugin if adapter else None)
    needed = "gradients" in method.needs
    with Recorder(model.module, layers[-1:], hints, gradients=needed) as recorder:
        recorder.forward(inputs_of(model, numbers or (0,)), model.forward)
        gradients = recorder.backward(ClassQuestion(target), last=True) if needed else None
        (capture,) = recorder.captures(ClassQuestion(target), gradients)
    return replace(capture, **{key: getattr(capture, key).detach().clone() for key in TENSORS})
