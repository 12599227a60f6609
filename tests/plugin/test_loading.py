"""Weights as people save them, fitted onto a model: every parameter is in the checkpoint, or an error names it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from camctl.errors import InputError
from camctl.kit.checkpoints import read_checkpoint
from camctl.kit.fitting import fit

State = dict[str, torch.Tensor]


class Net(nn.Module):
    """A body with norms, and a head."""

    def __init__(self, classes: int = 3, blocks: int = 3) -> None:
        super().__init__()
        layers = [nn.Sequential(nn.Conv2d(4, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4)) for _ in range(blocks)]
        self.stem = nn.Conv2d(3, 4, 3)
        self.layers = nn.Sequential(*layers)
        self.fc = nn.Linear(4, classes)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.fc(self.layers(self.stem(inputs)).mean((2, 3)))
        return result


def trained(seed: int = 1, **size: int) -> Net:
    torch.manual_seed(seed)
    net = Net(**size).eval()
    for value in net.state_dict().values():
        if value.is_floating_point():
            nn.init.uniform_(value, 0.5, 1.5)
    return net


def prefixed(state: State, prefix: str) -> State:
    return {prefix + key: value for key, value in state.items()}


def load(folder: Path, content: object, module: nn.Module | None = None, **options: Any) -> tuple[nn.Module, Any]:
    path = folder / "checkpoint.pth"
    torch.save(content, path)
    module = Net().eval() if module is None else module
    return module, fit(module, read_checkpoint(path, **options), hint="Set classes=N")


def is_same(module: nn.Module, other: nn.Module) -> bool:
    inputs = torch.rand(2, 3, 9, 9)
    with torch.no_grad():
        return torch.equal(module(inputs), other(inputs))


def averaged(net: nn.Module) -> State:
    state: State = torch.optim.swa_utils.AveragedModel(net).state_dict()
    return state


HEADER = {"pytorch-lightning_version": "2.6.0", "epoch": 3, "optimizer_states": [{"state": {0: torch.ones(3)}}]}
OPTIMISER = {"state": {0: {"exp_avg": torch.ones(4)}}, "param_groups": [{"lr": 0.1}]}


@pytest.mark.parametrize(
    ("wrapped", "prefix"),
    [
        *((lambda net, prefix=prefix: prefixed(net.state_dict(), prefix), prefix) for prefix in (
            "module.", "model.", "net.", "_orig_mod.", "backbone.", "encoder.", "model.module.", "model._orig_mod.net.",
            "module.model.backbone.", "a.b.c.d.", "0.", "model.0.",
        )),
        (averaged, "module."),
        (lambda net: {"model_ema": averaged(net), "epoch": 3}, "module."),
        (lambda net: {**HEADER, "state_dict": prefixed(net.state_dict(), "model.")}, "model."),
        (lambda net: {**prefixed(net.state_dict(), "model."), "n_averaged": torch.tensor(3)}, "model."),
    ],
)  # fmt: skip
def test_a_prefix_of_all_names_is_left_out_and_told_in_one_note(
    tmp_path: Path, wrapped: Callable[[nn.Module], object], prefix: str
) -> None:
    net = trained()
    module, notes = load(tmp_path, wrapped(net))
    assert notes == (f"The prefix '{prefix}' of the checkpoint's names was left out.",)
    assert is_same(module, net)


@pytest.mark.parametrize(
    "wrapped",
    [
        lambda net: net.state_dict(),
        lambda net: {"model": net.state_dict(), "opt": OPTIMISER},
        lambda net: {"network": net.state_dict(), "optimizer": OPTIMISER, "epoch": 3},
        lambda net: {"whatever": {"deeper": {"state_dict": net.state_dict()}}, "optimizer": OPTIMISER},
        lambda net: {"stem": net.stem.state_dict(), "layers": net.layers.state_dict(), "fc": net.fc.state_dict()},
        lambda net: {"generator": {"stem": net.stem.state_dict(), "layers": net.layers.state_dict(),
                                   "fc": net.fc.state_dict()}, "epoch": 5},
        lambda net: (net.state_dict(), OPTIMISER),
        lambda net: [{"epoch": 3}, {"model": net.state_dict()}],
    ],
)  # fmt: skip
def test_wrapped_weights_are_loaded_without_a_word(tmp_path: Path, wrapped: Callable[[nn.Module], object]) -> None:
    net = trained()
    module, notes = load(tmp_path, wrapped(net))
    assert notes == ()
    assert is_same(module, net)


@pytest.mark.parametrize("prefix", ["", "module.", "encoder."])
def test_a_prefix_that_the_model_has_and_the_file_lacks_is_added(tmp_path: Path, prefix: str) -> None:
    net = trained()
    wrapper = nn.Module()
    wrapper.backbone = Net().eval()
    load(tmp_path, prefixed(net.state_dict(), prefix), wrapper)
    assert is_same(wrapper.backbone, net)


def test_parts_under_other_names_are_put_together_and_named(tmp_path: Path) -> None:
    net = trained()
    state = {f"model.{key}".replace("model.layers", "trunk"): value for key, value in net.state_dict().items()}
    module, notes = load(tmp_path, state)
    assert is_same(module, net)
    assert set(notes) == {
        "The checkpoint's 'trunk.*' was used as the model's 'layers.*'.",
        "The checkpoint's 'model.*' was used without that prefix.",
    }


def test_extra_keys_are_one_note(tmp_path: Path) -> None:
    net = trained()
    module, (note,) = load(tmp_path, {**net.state_dict(), "criterion.weight": torch.ones(3)})
    assert note == "1 entry of the checkpoint is not used (criterion.weight)."
    assert is_same(module, net)


@pytest.mark.parametrize("name", ["fc.weight", "fc.bias", "layers.1.0.weight", "layers.2.1.bias", "stem.weight"])
@pytest.mark.parametrize("prefix", ["", "model."])
def test_every_parameter_that_is_missing_is_named(tmp_path: Path, name: str, prefix: str) -> None:
    state = trained().state_dict()
    shape = ", ".join(map(str, state.pop(name).shape))
    with pytest.raises(InputError) as caught:
        load(tmp_path, prefixed(state, prefix))
    assert f"1 of 19 weights is not in it ({name} ({shape})), and would be random." in caught.value.message


def test_missing_buffers_are_one_note_and_counters_none(tmp_path: Path) -> None:
    net = trained()
    state = {key: value for key, value in net.state_dict().items() if not key.endswith("num_batches_tracked")}
    assert load(tmp_path, state)[1] == ()
    del state["layers.1.1.running_var"]
    (note,) = load(tmp_path, state)[1]
    assert note == "The checkpoint lacks 1 buffer, which keeps its initial values (layers.1.1.running_var)."


def test_parameters_without_the_statistics_of_norms_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="lacks the statistics of batch norms: 6 of 6"):
        load(tmp_path, dict(trained().named_parameters()))


def test_a_tensor_with_two_names_may_be_saved_under_one(tmp_path: Path) -> None:
    def tied() -> nn.Module:
        net = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
        net[1].weight = net[0].weight
        return net

    net = tied()
    state = {key: value for key, value in net.state_dict().items() if key != "1.weight"}
    module, notes = load(tmp_path, state, tied())
    assert notes == ()
    assert torch.equal(module[1].weight, net[0].weight)


def test_a_head_of_another_size_says_how_to_set_it(tmp_path: Path) -> None:
    for prefix in ("", "model."):
        with pytest.raises(InputError, match="The head has 3 classes in the model, 5 in the checkpoint") as caught:
            load(tmp_path, prefixed(trained(classes=5).state_dict(), prefix))
        assert caught.value.hint == "Set classes=5"


@pytest.mark.parametrize("name", ["fc.1", "fc.0", "classifier", "head", "model.head"])
def test_a_head_by_another_name_is_used_and_named(tmp_path: Path, name: str) -> None:
    net = trained()
    module, notes = load(tmp_path, {key.replace("fc.", f"{name}."): value for key, value in net.state_dict().items()})
    assert is_same(module, net)
    assert notes == (f"The checkpoint's layer '{name}' was used as the model's head 'fc'.",)


@pytest.mark.parametrize("names", [("fc.0", "fc.2"), ("projection_head",), ("decoder",)])
def test_what_may_be_no_head_is_not_taken_for_one(tmp_path: Path, names: tuple[str, ...]) -> None:
    state = trained().state_dict()
    head = {key: state.pop(f"fc.{key}") for key in ("weight", "bias")}
    for name in names:
        state |= prefixed(head, f"{name}.")
    with pytest.raises(InputError, match=r"fc.weight .* would be random") as caught:
        load(tmp_path, state)
    assert f"It holds {names[0]}.weight (3, 4)" in caught.value.message


def test_a_deeper_network_is_refused_though_all_names_are_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"it has a layer layers.3, and the model has 3 layers there"):
        load(tmp_path, trained(blocks=5).state_dict())


def test_layers_with_numbers_in_their_names_are_counted_too(tmp_path: Path) -> None:
    def named(count: int) -> nn.Module:
        return nn.Sequential(nn.ModuleDict({f"layer_{at}": nn.Linear(3, 3) for at in range(count)}))

    with pytest.raises(InputError, match=r"it has a layer 0\.layer_2, and the model has 2 layers there"):
        load(tmp_path, named(3).state_dict(), named(2))


def test_layers_are_never_taken_for_others_of_their_kind(tmp_path: Path) -> None:
    state = trained(blocks=3).state_dict()
    decoder = {key.replace("layers.", "decoder."): value for key, value in state.items() if key.startswith("layers.")}
    with pytest.raises(InputError, match=r"layers\.3\.0\.weight"):
        load(tmp_path, {**state, **decoder}, Net(blocks=6))


@pytest.mark.parametrize("key", ["state_dict_ema", "model_ema", "ema_state_dict", "ema"])
def test_averaged_weights_are_taken_if_asked_for_and_named_otherwise(tmp_path: Path, key: str) -> None:
    net, average = trained(1), trained(2)
    content = {"state_dict": net.state_dict(), key: averaged(average), "epoch": 3}
    module, (note,) = load(tmp_path, content)
    assert is_same(module, net)
    assert key in note
    assert "--weights ema" in note
    for options in ({"choice": "ema"}, {"usual": "ema"}, {"choice": key}):
        module, notes = load(tmp_path, content, **options)
        assert is_same(module, average)
        assert notes == ("The prefix 'module.' of the checkpoint's names was left out.",)
    assert is_same(load(tmp_path, content, choice="plain", usual="ema")[0], net)


def test_averaged_weights_among_the_others_are_found(tmp_path: Path) -> None:
    net, average = trained(1), trained(2)
    state = {**prefixed(net.state_dict(), "online_model."), **prefixed(averaged(average), "ema_model.")}
    content = {"state_dict": {**state, "initted": torch.tensor(1)}}
    assert is_same(load(tmp_path, content)[0], net)
    assert is_same(load(tmp_path, content, choice="ema")[0], average)


def test_mmengine_saves_the_average_as_the_state_dict(tmp_path: Path) -> None:
    average, net = trained(1), trained(2)
    ema = {**prefixed(net.state_dict(), "module."), "steps": torch.tensor(5)}
    content = {"meta": {"mmengine_version": "0.10"}, "state_dict": average.state_dict(), "ema_state_dict": ema}
    module, notes = load(tmp_path, content)
    assert is_same(module, average)
    assert len(notes) == 1
    assert is_same(load(tmp_path, content, choice="ema")[0], average)
    assert is_same(load(tmp_path, content, choice="plain")[0], net)


def test_of_two_networks_that_fit_one_is_taken_and_both_are_named(tmp_path: Path) -> None:
    student, teacher = trained(1), trained(2)
    content = {"student": student.state_dict(), "teacher": teacher.state_dict(), "epoch": 3}
    module, (*_, note) = load(tmp_path, content)
    assert is_same(module, student)
    assert "'student.' was used, not 'teacher.'" in " ".join(load(tmp_path, content)[1])
    assert note
    assert is_same(load(tmp_path, content, choice="teacher")[0], teacher)


def test_a_choice_that_the_file_lacks_is_one_line(tmp_path: Path) -> None:
    for choice, says in (("ema", "no averaged weights"), ("nobody", "no weights under 'nobody'")):
        with pytest.raises(InputError, match=says):
            load(tmp_path, trained().state_dict(), choice=choice)


class Adapted(nn.Module):
    """A linear layer of known weights, for adapters."""

    def __init__(self) -> None:
        super().__init__()
        self.query, self.classifier = nn.Linear(6, 6), nn.Linear(6, 3)


def adapter(base: Adapted) -> tuple[State, State]:
    """The state of PEFT's model, and the merged weights."""
    first, second = torch.rand(2, 6), torch.rand(6, 2)
    merged = {**base.state_dict(), "query.weight": base.query.weight.detach() + second @ first * (8 / 2)}
    state = {
        "query.base_layer.weight": base.query.weight.detach(),
        "query.base_layer.bias": base.query.bias.detach(),
        "query.lora_A.default.weight": first,
        "query.lora_B.default.weight": second,
        "classifier.original_module.weight": torch.zeros(3, 6),
        "classifier.original_module.bias": torch.zeros(3),
        "classifier.modules_to_save.default.weight": base.classifier.weight.detach(),
        "classifier.modules_to_save.default.bias": base.classifier.bias.detach(),
    }
    return prefixed(state, "base_model.model."), merged


@pytest.mark.parametrize("place", ["beside", "inside"])
def test_lora_is_merged_with_its_own_scale(tmp_path: Path, place: str) -> None:
    state, merged = adapter(Adapted())
    settings = {"peft_type": "LORA", "r": 2, "lora_alpha": 8}
    if place == "beside":
        (tmp_path / "adapter_config.json").write_text(json.dumps(settings))
    content = state if place == "beside" else {"state_dict": state, "hyper_parameters": {"lora": settings}}
    module, notes = load(tmp_path, content, Adapted())
    assert any("LoRA of 1 layer was merged" in note for note in notes)
    assert "The prefix 'base_model.model.' of the checkpoint's names was left out." in notes
    assert all(torch.allclose(value, merged[key]) for key, value in module.state_dict().items())


def test_an_adapter_without_its_scale_or_its_base_is_refused(tmp_path: Path) -> None:
    state, _ = adapter(Adapted())
    with pytest.raises(InputError, match="lora_alpha"):
        load(tmp_path, state, Adapted())
    alone = {key: value for key, value in state.items() if "base_layer" not in key}
    with pytest.raises(InputError, match="without the weights that it adapts"):
        load(tmp_path, alone, Adapted())


def test_arrays_in_the_place_of_tensors_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no tensors in .*, but arrays of numpy"):
        load(tmp_path, {"state_dict": {key: value.numpy() for key, value in trained().state_dict().items()}})
