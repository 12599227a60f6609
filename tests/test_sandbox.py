"""The sandbox: what third parties' plugins return is checked there, and what they change is undone."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import threading
import weakref
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import entrypoints
import numpy as np
import pytest
import torch
from torch import nn

from camctl.engine.capture import Recorder
from camctl.engine.layout import LayoutHints
from camctl.errors import InputError, PluginError, PluginWarning, SpoiltModelError
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


def raising(error: BaseException) -> Any:
    def answer(_capture: Capture) -> Any:
        raise error

    return answer


class MuteError(Exception):
    def __str__(self) -> str:
        raise self


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (GeneratorExit(), "GeneratorExit (no message)"),
        (SystemExit(0), "SystemExit: 0"),
        (StopIteration(), "StopIteration (no message)"),
        (MemoryError(), "MemoryError (no message)"),
        (RecursionError("deep"), "RecursionError: deep"),
        (MuteError(), "MuteError (no message)"),
        (PluginError(None), "PluginError: None"),  # type: ignore[arg-type]
        (InputError("x", hint=5), "InputError: x"),  # type: ignore[arg-type]
    ],
)
def test_whatever_a_method_raises_is_one_error_that_names_it(error: BaseException, words: str) -> None:
    with pytest.raises(PluginError) as caught:
        compute(seeded(TinyCnn()), raising(error))

    assert caught.value.message.startswith(f"The method theirs[mine] failed: {words}")
    assert caught.value.hint == "To go on without it: pip uninstall theirs"


def test_an_error_of_ours_with_sound_fields_passes_on_one_line() -> None:
    with pytest.raises(InputError) as caught:
        compute(seeded(TinyCnn()), raising(InputError("seed is\nwrong.", hint="Omit it.")))

    assert (caught.value.message, caught.value.hint) == ("seed is wrong.", "Omit it.")


def test_ctrl_c_stays_ctrl_c() -> None:
    with pytest.raises(KeyboardInterrupt):
        compute(seeded(TinyCnn()), raising(KeyboardInterrupt()))


PROCESS = {
    "descriptor 1": lambda: os.close(1),
    "both descriptors": lambda: os.closerange(1, 3),
    "the current folder": lambda: os.chdir("/"),
    "sys.path": lambda: sys.path.__delitem__(slice(None)),
    "sys.stdout": lambda: setattr(sys, "stdout", None),
    "what sys.stdout is": lambda: getattr(sys, "stdout").close(),  # noqa: B009 - what it is then
    "the recursion limit": lambda: sys.setrecursionlimit(5000),
    "the interrupt": lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
    "threads": lambda: torch.set_num_threads(torch.get_num_threads() + 1),
    "the gradient mode": lambda: torch.set_grad_enabled(False),
    "the data type": lambda: torch.set_default_dtype(torch.float64),
    "the device": lambda: torch.set_default_device("meta"),
    "the seed": lambda: torch.manual_seed(torch.initial_seed() + 1),
    "determinism": lambda: torch.use_deterministic_algorithms(True),
}


def process_state() -> list[object]:
    """What a plugin may change of the process, read by other means than the sandbox's where there are some."""
    descriptors = [os.fstat(number)[:3] for number in range(3)]
    here = Path().stat()[:3]
    settings = torch.__config__.parallel_info().splitlines()[1:2], torch.zeros(1).dtype, torch.zeros(1).device
    random = torch.random.get_rng_state().tolist()
    grad = (torch.ones(1, requires_grad=True) * 2).requires_grad
    flags = grad, torch.are_deterministic_algorithms_enabled(), sys.getrecursionlimit()
    streams = sys.stdout, sys.stderr, sys.stdout.closed, sys.stderr.closed
    return [descriptors, here, settings, random, flags, streams, list(sys.path), signal.getsignal(signal.SIGINT)]


@pytest.mark.parametrize("change", PROCESS.values(), ids=PROCESS)
def test_what_a_method_changes_of_the_process_is_put_back(change: Any) -> None:
    words: Any = {"name": "Mine", "summary": "Mine.", "paper": "none", "needs": {"activations"}}
    mine = isolated("method", method(**words)(lambda capture: (change(), capture.activations)[1]))
    capture = capture_of(seeded(TinyCnn()))
    before = process_state()

    mine.compute(capture)

    assert process_state() == before


def test_what_is_written_to_the_descriptor_of_stdout_goes_to_stderr(capfd: pytest.CaptureFixture[str]) -> None:
    def answer(capture: Capture) -> Any:
        os.write(1, b"by number ")
        print("by name")  # noqa: T201 - what plugins do
        return capture.activations

    compute(seeded(TinyCnn()), answer)

    out, err = capfd.readouterr()
    assert (out, err) == ("", "by number by name\n")


def test_a_thread_that_fails_after_the_method_costs_one_line() -> None:
    go = threading.Event()
    threads = []

    def answer(capture: Capture) -> Any:
        threads.append(threading.Thread(target=lambda: go.wait() and 1 / 0))
        threads[0].start()
        return capture.activations

    before = threading.excepthook
    compute(seeded(TinyCnn()), answer)
    words = r"A thread of the method theirs\[mine\] failed: ZeroDivisionError: division by zero"
    try:
        with pytest.warns(PluginWarning, match=words):  # noqa: PT031 - the thread warns
            go.set()
            threads[0].join()
    finally:
        threading.excepthook = before


def test_an_exit_function_that_fails_costs_one_line_and_can_be_taken_back() -> None:
    code = """
import atexit
from camctl.registry.process import kept_process
with kept_process("method theirs[mine]"):
    atexit.register(print, "printed")
    atexit.register(lambda: 1 / 0)
    atexit.register(print, "taken back")
    atexit.unregister(print)
    atexit.register(print, "printed")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == ""
    assert "What the method theirs[mine] does at the end failed: ZeroDivisionError: division by zero" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.count("printed") == 1


def test_streams_that_a_plugin_closes_or_narrows_stay_as_they_were() -> None:
    code = """
import contextlib, sys
from rich.progress import Progress
from rich.console import Console
from camctl.registry.process import kept_process
with contextlib.redirect_stdout(sys.stderr), Progress(console=Console(stderr=True, force_terminal=True)):
    with kept_process("method theirs[mine]"):
        sys.__stdout__.close()
        sys.stderr.reconfigure(encoding="ascii")
print("\u00e9", sys.stderr.encoding)
"""
    done = subprocess.run([sys.executable, "-X", "utf8", "-c", code], capture_output=True, encoding="utf-8", check=True)

    assert done.stdout == "\u00e9 utf-8\n"


SPOILING = {
    "zeros through .data": lambda m: next(m.parameters()).data.zero_(),
    "a storage of no size": lambda m: next(m.parameters()).untyped_storage().resize_(0),
}


@pytest.mark.parametrize("spoil", SPOILING.values(), ids=SPOILING)
def test_weights_that_torch_counts_no_writes_of_are_missed(spoil: Any) -> None:
    module = seeded(TinyCnn())

    with pytest.raises(SpoiltModelError, match="must be loaded again"):
        compute(module, lambda capture: spoil(capture.module) and None)

    assert module(pictures()).shape[0] == 1  # it can be run: nothing is read past a storage


UNDONE = {
    "double": lambda m: m.double(),
    "meta": lambda m: m.to("meta"),
    "no modules": lambda m: m._modules.clear(),
    "no attributes": lambda m: vars(m).clear(),
    "another forward": lambda m: setattr(m, "forward", None),
    "another class function": lambda m: setattr(type(m), "forward", None),
    "no call": lambda _m: setattr(nn.Module, "__call__", None),
    "a module more": lambda m: m.add_module("more", nn.ReLU()),
    "a hook less": lambda m: m._forward_hooks.clear(),
    "a gradient": lambda m: setattr(next(m.parameters()), "grad", torch.ones_like(next(m.parameters()))),
}


@pytest.mark.parametrize("change", UNDONE.values(), ids=UNDONE)
def test_what_a_method_changes_of_a_model_is_undone_and_named(change: Any) -> None:
    module = seeded(TinyCnn()).requires_grad_(False).eval()
    module.register_forward_hook(lambda *_: None)
    before, names = module(pictures()), [name for name, _ in module.named_modules()]

    with pytest.raises(PluginError, match=r"theirs\[mine\] changes the model \(.*\); the changes were undone"):
        compute(module, lambda capture: change(capture.module))

    assert torch.equal(module(pictures()), before)
    assert [name for name, _ in module.named_modules()] == names
    assert all(weight.grad is None for weight in module.parameters())


@pytest.mark.parametrize(
    "shrink", [lambda t: t.untyped_storage().resize_(0), lambda t: t.resize_(0), lambda t: t.set_(torch.ones(1))]
)
def test_activations_whose_storage_a_method_shrinks_are_restored(shrink: Any) -> None:
    capture = capture_of(seeded(TinyCnn()))
    before = capture.activations.clone()
    words: Any = {"name": "Mine", "summary": "Mine.", "paper": "none", "needs": {"activations"}}
    mine = method(**words)(lambda capture: [shrink(capture.activations.detach())][1:])

    with pytest.raises(PluginError, match=r"writes over its inputs|returned"):
        isolated("method", mine).compute(capture)

    assert torch.equal(capture.activations, before)


class Crooked(torch.Tensor):
    shape = property(lambda _self: 1 / 0)


@pytest.mark.filterwarnings("ignore:.*quantized tensor:UserWarning", "ignore:.*nested tensors:UserWarning")
@pytest.mark.parametrize(
    "answer",
    [
        lambda a: torch.quantize_per_tensor(a, 0.1, 0, torch.qint8),
        lambda a: torch.nested.nested_tensor([a[0], a[0]]),
        lambda a: (part for part in a),
        lambda a: a.clone().untyped_storage().resize_(0) and None,
        lambda a: a.permute(3, 2, 1, 0),
    ],
)
def test_evidence_of_an_odd_kind_is_refused(answer: Any) -> None:
    with pytest.raises(PluginError, match=r"theirs\[mine\] returned"):
        compute(seeded(TinyCnn()), lambda capture: answer(capture.activations.detach()))


def test_evidence_of_a_subclass_is_taken_as_plain_numbers() -> None:
    evidence = compute(seeded(TinyCnn()), lambda capture: capture.activations.detach().as_subclass(Crooked))

    assert type(evidence) is torch.Tensor
    assert evidence.shape[0] == 1


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


def a_case() -> Case:
    return Case(
        values=torch.rand(4, 4),
        raw=torch.rand(4, 4),
        inputs=torch.rand(1, 3, 4, 4),
        score=0.5,
        region=torch.ones(4, 4, dtype=torch.bool),
        score_of=lambda inputs: inputs.sum((1, 2, 3)),
        map_of=lambda inputs: inputs[0, 0],
    )


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


class Names(Adapter):
    """An adapter of fixed answers."""

    def __init__(self, layers: Any, tokens: Any = 0) -> None:
        self.layers, self.tokens = layers, tokens

    def matches(self, model: nn.Module) -> bool:
        return True

    def target_layers(self, model: nn.Module) -> Any:
        return self.layers

    def extra_tokens(self, model: nn.Module) -> Any:
        return self.tokens


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        (iter(lambda: "block2", 5), "returned more layers than the "),
        (["block2"] * 1_000_000, "returned more layers than the "),
        ([5], "returned list; expected a list of layer names."),
        ((name for name in ()), "returned generator; expected a list of layer names."),
        (["x" * 10], "returned the layer 'xxxxxxxxxx', which this model does not have."),
    ],
)
def test_an_adapters_layers_are_bounded_and_named(layers: Any, words: str) -> None:
    with pytest.raises(PluginError) as caught:
        isolated("adapter", Names(layers)).target_layers(TinyCnn())

    assert caught.value.message.startswith(f"The adapter theirs[mine] {words}")


@pytest.mark.parametrize("tokens", [-1, None, "x", 1.5, float("nan"), [0]])
def test_a_number_of_tokens_that_is_none_is_refused(tokens: Any) -> None:
    with pytest.raises(PluginError, match="expected a number of extra tokens"):
        isolated("adapter", Names([], tokens)).extra_tokens(TinyCnn())


def test_a_number_of_tokens_of_numpy_is_one() -> None:
    assert isolated("adapter", Names([], np.int64(2))).extra_tokens(TinyCnn()) == 2


@pytest.mark.parametrize("figure", [10**400, float("inf"), -float("inf"), np.float64("inf"), "1", 1j, None, np.ones(2)])
def test_a_figure_that_is_no_finite_number_is_named(figure: Any) -> None:
    answer = metric(name="Mine", summary="Mine.", paper="none", better="higher")(lambda _case: figure)

    with pytest.raises(PluginError, match=r"The metric theirs\[mine\] returned"):
        isolated("metric", answer).compute(a_case())


class Broken(float):
    def __float__(self) -> float:
        return 1 / 0


def test_a_figure_that_cannot_be_read_is_named() -> None:
    answer = metric(name="Mine", summary="Mine.", paper="none", better="higher")(lambda _case: Broken(1))

    with pytest.raises(PluginError, match=r"theirs\[mine\] failed: ZeroDivisionError"):
        isolated("metric", answer).compute(a_case())


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
            "returned shape (8, 8) in torch.float32 from preprocess; expected (channels, h, w) in float32.",
        ),
    ],
)
def test_a_model_of_wrong_parts_is_named(wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(PluginError) as caught:
        isolated("source", Shelf(**wrong)).load("x", None, "cpu", LoadOptions()).preprocess(None)

    assert caught.value.message == f"The source theirs[mine] {words}"


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"input_size": (-1, 5)}, "returned (-1, 5) as input_size; expected (height, width) in pixels."),
        ({"input_size": (2.5, 3)}, "returned (2.5, 3) as input_size; expected (height, width) in pixels."),
        ({"input_size": (10**9, 10**9)}, "as input_size; expected (height, width) in pixels."),
        ({"class_names": 5}, "returned 5 as class_names; expected one text a class, or None."),
        ({"class_names": "ab"}, "returned 'ab' as class_names; expected one text a class, or None."),
        ({"class_names": (None, "b")}, "as class_names; expected one text a class, or None."),
        ({"notes": "abc"}, "returned 'abc' as notes; expected a list of texts."),
        ({"repairs": 5}, "returned 5 as repairs; expected a list of texts."),
        ({"checkpoint": 5}, "returned 5 as checkpoint; expected a Checkpoint of texts, or None."),
        ({"name": None}, "returned None as name; expected a text."),
        ({"forward": 5}, "returned 5 as forward; expected a function."),
        ({"preprocess": 5}, "returned 5 as preprocess; expected a function."),
        ({"score": "x"}, "returned 'x' as score; expected one of softmax, sigmoid"),
        ({"module": TinyCnn().to("meta")}, "has no values: it is on the device meta."),
    ],
)
@pytest.mark.parametrize("own", [False, True], ids=["a third party's", "the user's own"])
def test_fields_of_a_model_are_checked_where_it_is_loaded(wrong: dict[str, Any], words: str, own: bool) -> None:  # noqa: FBT001
    source = isolated("source", Shelf(**wrong))
    if own:
        point = entrypoints.EntryPoint("python", "camctl.sources.python", "PythonSource")
        source = isolate(Found("source", "python", "camctl", "1.0", point), Shelf(**wrong))

    with pytest.raises(InputError if own else PluginError) as caught:
        source.load("x", None, "cpu", LoadOptions())

    assert words in caught.value.message
    assert caught.value.exit_code == (2 if own else 3)


OUTPUTS = {
    "sparse": lambda x: torch.ones(len(x), 3).to_sparse(),
    "complex": lambda x: torch.ones(len(x), 3) * 1j,
    "quantised": lambda x: torch.quantize_per_tensor(torch.ones(len(x), 3), 0.1, 0, torch.qint8),
    "eight bits": lambda x: torch.ones(len(x), 3).to(torch.float8_e5m2),
    "whole numbers": lambda x: torch.ones(len(x), 3).long(),
    "meta": lambda x: torch.ones(len(x), 3, device="meta"),
    "no classes": lambda x: torch.ones(len(x), 0),
    "other inputs": lambda x: torch.ones(len(x) + 1, 3),
    "a generator": lambda x: (row for row in x),
    "nothing": lambda _x: None,
    "numpy": lambda x: np.ones((len(x), 3)),
    "nested": lambda x: torch.nested.nested_tensor([x[0]]),
}


@pytest.mark.filterwarnings("ignore:.*quantized tensor:UserWarning", "ignore:.*nested tensors:UserWarning")
@pytest.mark.parametrize("forward", OUTPUTS.values(), ids=OUTPUTS)
def test_an_output_without_plain_real_numbers_is_named(forward: Any) -> None:
    loaded = isolated("source", Shelf(forward=forward)).load("x", None, "cpu", LoadOptions())

    with pytest.raises(PluginError, match=r"The source theirs\[mine\] returned"):
        loaded.forward(torch.zeros(1, 3, 8, 8))


@pytest.mark.parametrize("squeezed", [lambda x: x.sum(), lambda x: x.sum((0, 2, 3))])
def test_a_batch_of_one_that_is_squeezed_away_passes_and_one_of_two_does_not(squeezed: Any) -> None:
    loaded = isolated("source", Shelf(forward=squeezed)).load("x", None, "cpu", LoadOptions())

    assert loaded.forward(torch.zeros(1, 3, 8, 8)).ndim < 2
    with pytest.raises(PluginError, match="expected one result for each of 2 inputs"):
        loaded.forward(torch.zeros(2, 3, 8, 8))


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float64])
def test_outputs_of_every_precision_pass(kind: torch.dtype) -> None:
    shelf = Shelf(forward=lambda x: torch.ones(len(x), 3, dtype=kind))

    output = isolated("source", shelf).load("x", None, "cpu", LoadOptions()).forward(torch.zeros(2, 3, 8, 8))

    assert (output.dtype, tuple(output.shape)) == (kind, (2, 3))


@pytest.mark.parametrize("field", ["values", "raw", "inputs", "shown", "region"])
def test_what_a_metric_writes_over_is_restored_and_named(field: str) -> None:
    case = a_case()
    before = getattr(case, field).clone()
    scribble = metric(name="Mine", summary="Mine.", paper="none", better="higher")(
        lambda case: float(getattr(case, field).zero_().sum())
    )

    with pytest.raises(PluginError, match="writes over its inputs"):
        isolated("metric", scribble).compute(case)

    assert torch.equal(getattr(case, field), before)
