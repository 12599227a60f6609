"""The sandbox: what third parties' plugins return is checked there, and what they change is undone."""

from __future__ import annotations

import gc
import weakref
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import entrypoints
import pytest
import torch
from torch import nn

from camctl.engine.capture import Recorder
from camctl.engine.layout import LayoutHints
from camctl.errors import PluginError, SpoiltModelError
from camctl.plugin import Adapter, Case, ClassQuestion, LoadedModel, LoadOptions, Source, method, metric
from camctl.registry.discovery import Found, Kind
from camctl.registry.sandbox import isolate
from tests.models import TinyCnn, pictures, seeded

if TYPE_CHECKING:
    from camctl.plugin import Capture


PLAIN = "expected real numbers in a plain tensor."


def isolated(kind: Kind, plugin: Any) -> Any:
    """The plugin as one of a package `theirs`."""
    return isolate(Found(kind, "mine", "theirs", "1.0", entrypoints.EntryPoint("mine", "theirs", "mine")), plugin)


def capture_of(module: nn.Module) -> Capture:
    with Recorder(module, ["block2.bn2"], LayoutHints(), gradients=True) as recorder:
        recorder.forward(pictures(), module)
        question = ClassQuestion(1)
        (capture,) = recorder.captures(question, recorder.backward(question, last=True))
    return capture


def compute(module: nn.Module, compute: Any, reduction: Any = "sum") -> Any:
    needs: Any = {"activations", "gradients"}
    words = {"name": "Mine", "summary": "Mine.", "paper": "none", "needs": needs, "reduction": reduction}
    return isolated("method", method(**words)(compute)).compute(capture_of(module))


@pytest.mark.parametrize(
    ("answer", "reduction", "words"),
    [
        (lambda _a: None, "sum", "returned None; expected a tensor (1, C, 8, 8)."),
        (lambda a: a.sum(1), "sum", "returned shape (1, 8, 8); expected (1, C, 8, 8)."),
        (lambda a: a.repeat(2, 1, 1, 1), "sum", "returned shape (2, 8, 8, 8); expected (1, C, 8, 8)."),
        (lambda a: a, "none", "returned shape (1, 8, 8, 8); expected (1, H, W)."),
        (lambda a: a[:, :0], "sum", "returned shape (1, 0, 8, 8); expected (1, C, 8, 8)."),
        (lambda a: a.numpy(), "sum", "returned ndarray; expected a tensor (1, C, 8, 8)."),
        (lambda a: a.to("meta"), "sum", "returned a tensor on meta; expected cpu."),
        (lambda a: a * 1j, "sum", f"returned a tensor of torch.complex64, torch.strided; {PLAIN}"),
        (lambda a: a.to_sparse(), "sum", f"returned a tensor of torch.float32, torch.sparse_coo; {PLAIN}"),
    ],
)
def test_evidence_of_another_shape_or_device_is_named(answer: Any, reduction: str, words: str) -> None:
    with pytest.raises(PluginError) as caught:
        compute(seeded(TinyCnn()), lambda capture: answer(capture.activations.detach()), reduction)

    assert caught.value.message == f"The method theirs[mine] {words}"


def test_a_spoilt_model_keeps_no_hook_of_ours_and_runs_on() -> None:
    module = seeded(TinyCnn())
    modes = [part.training for part in module.modules()]

    def spoil(capture: Capture) -> Any:
        capture.module.train()
        next(capture.module.parameters()).detach().zero_()
        return capture.activations

    with pytest.raises(SpoiltModelError, match="must be loaded again"):
        compute(module, spoil)

    assert module(pictures()).shape[0] == 1
    assert [part.training for part in module.modules()] == modes
    assert not any(part._forward_pre_hooks or part._forward_hooks for part in module.modules())


@pytest.mark.parametrize("answer", [lambda t: t[0], lambda t: t.mean(1), lambda t: t.repeat(1, 2, 1)[..., None]])
def test_a_grid_that_is_no_rearrangement_is_named(answer: Any) -> None:
    class Nets(Adapter):
        def matches(self, model: nn.Module) -> bool:
            return True

        def target_layers(self, model: nn.Module) -> list[str]:
            return []

        def to_grid(self, output: torch.Tensor, input_size: tuple[int, int]) -> Any:
            return answer(output)

    with pytest.raises(PluginError, match=r"theirs\[mine\] returned .* expected a rearrangement of \(2, 16, 3\)"):
        isolated("adapter", Nets()).to_grid(torch.zeros(2, 16, 3), (64, 64))


class Shelf(Source):
    """A source whose `preprocess` does not hold its model."""

    summary = "A shelf."

    def __init__(self, **wrong: Any) -> None:
        self.wrong = wrong

    def load(self, reference: str, checkpoint: str | None, device: str, options: LoadOptions) -> LoadedModel:
        module = TinyCnn()
        loaded = LoadedModel(
            name=reference,
            source="mine",
            module=module,
            forward=module,
            preprocess=lambda _pixels: torch.zeros(3, 8, 8),
            input_size=(8, 8),
        )
        return replace(loaded, **self.wrong)


def test_the_preprocessing_of_a_model_does_not_keep_the_model() -> None:
    loaded = isolated("source", Shelf()).load("x", None, "cpu", LoadOptions())
    module, preprocess = weakref.ref(loaded.module), loaded.preprocess
    del loaded
    gc.collect()

    assert module() is None
    assert preprocess(None).shape == (3, 8, 8)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"module": 3}, "returned int as the module; expected nn.Module."),
        (
            {"preprocess": lambda _pixels: torch.zeros(8, 8)},
            "returned shape (8, 8) in torch.float32 from preprocess; expected (3, h, w) in float32.",
        ),
    ],
)
def test_a_model_of_wrong_parts_is_named(wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(PluginError) as caught:
        isolated("source", Shelf(**wrong)).load("x", None, "cpu", LoadOptions()).preprocess(None)

    assert caught.value.message == f"The source theirs[mine] {words}"


@pytest.mark.parametrize("field", ["values", "raw", "inputs", "shown", "region"])
def test_what_a_metric_writes_over_is_restored_and_named(field: str) -> None:
    case = Case(
        values=torch.rand(4, 4),
        raw=torch.rand(4, 4),
        inputs=torch.rand(1, 3, 4, 4),
        score=0.5,
        region=torch.ones(4, 4, dtype=torch.bool),
        score_of=lambda inputs: inputs.sum((1, 2, 3)),
        map_of=lambda inputs: inputs[0, 0],
    )
    before = getattr(case, field).clone()
    scribble = metric(name="Mine", summary="Mine.", paper="none", better="higher")(
        lambda case: float(getattr(case, field).zero_().sum())
    )

    with pytest.raises(PluginError, match="writes over its inputs"):
        isolated("metric", scribble).compute(case)

    assert torch.equal(getattr(case, field), before)
