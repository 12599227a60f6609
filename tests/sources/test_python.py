"""The user's own modules, by `python:package.module:factory`."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

import camctl
from camctl.errors import InputError
from camctl.kit.checkpoints import NAMED, OWN_NAMES
from camctl.plugin import LoadedModel, LoadOptions
from camctl.sources.python import PythonSource

COUNT = itertools.count()
NET = """
import collections
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.fc = nn.Linear(4, 2)

    def forward(self, x):
        return self.fc(self.conv(x).mean((2, 3)))

class Wraps(Net):
    def __init__(self, wrap):
        super().__init__()
        self.wrap = wrap

    def forward(self, x):
        return self.wrap(super().forward(x))

"""
PICTURE = np.full((300, 400, 3), (255, 0, 0), np.uint8)

Write = Callable[[str], str]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Writes a Python file into the current folder; gives the module's name, a new one each time."""
    monkeypatch.chdir(tmp_path)

    def write(text: str) -> str:
        name = f"camctl_test_net_{next(COUNT)}"
        (tmp_path / f"{name}.py").write_text(NET + text)
        return name

    return write


def load(reference: str, checkpoint: object = None, **options: object) -> LoadedModel:
    named = None if checkpoint is None else str(checkpoint)
    return PythonSource().load(reference, named, "cpu", LoadOptions(**options))


def test_class_in_the_current_folder_is_a_factory(write: Write) -> None:
    found = load(f"{write('')}:Net")
    assert found.forward(found.preprocess(PICTURE).unsqueeze(0)).shape == (1, 2)
    assert found.input_size == (224, 224)
    assert not found.module.training
    assert any("guess" in note for note in found.notes)


@pytest.mark.parametrize("made", ["Net()", "nn.DataParallel(Net())"])
def test_module_that_is_made_already_is_taken_without_a_parallel_wrapper(write: Write, made: str) -> None:
    assert type(load(f"{write(f'net = {made}')}:net").module).__name__ == "Net"


def test_default_preprocessing_is_imagenets(write: Write) -> None:
    value = load(f"{write('')}:Net").preprocess(PICTURE)
    assert value.dtype == torch.float32
    wanted = (torch.tensor([1.0, 0.0, 0.0]) - torch.tensor([0.485, 0.456, 0.406])) / torch.tensor([0.229, 0.224, 0.225])
    assert torch.allclose(value[:, 100, 100], wanted)


def test_module_says_how_it_is_fed(write: Write) -> None:
    text = "net = Net(); net.input_size = (3, 48, 64); net.mean = [0, 0, 0]; net.std = [1, 1, 1]"
    text += "; net.class_names = ['a', 'b']"
    found = load(f"{write(text)}:net")
    assert found.input_size == (48, 64)
    assert found.preprocess(PICTURE).shape == (3, 48, 64)
    assert found.preprocess(PICTURE)[:, 0, 0].tolist() == [1, 0, 0]
    assert found.class_names == ("a", "b")
    assert found.notes == ()


def test_module_brings_its_own_preprocessing(write: Write) -> None:
    text = "net = Net(); net.preprocess = lambda pixels: torch.zeros(1, 3, 10, 20)"
    found = load(f"{write(text)}:net")
    assert found.input_size == (10, 20)
    assert found.preprocess(PICTURE).shape == (3, 10, 20)


@pytest.mark.parametrize("size", [(1, 1), (20000, 50), (50, 20000)])
def test_odd_picture_sizes_give_the_usual_input(write: Write, size: tuple[int, int]) -> None:
    assert load(f"{write('')}:Net").preprocess(np.zeros((*size, 3), np.uint8)).shape == (3, 224, 224)


def test_output_is_handed_on_as_the_module_returns_it(write: Write) -> None:
    output = load(f"{write('net = Wraps(lambda y: {1: y, 2: (y,)})')}:net").forward(torch.zeros(1, 3, 8, 8))
    assert output[1].shape == output[2][0].shape == (1, 2)


def test_attributes_say_what_the_output_is(write: Write) -> None:
    module = write("net = Net(); net.output, net.score = 'Probabilities', 'sigmoid'")
    found = load(f"{module}:net")
    assert (found.output, found.output_by, found.score) == ("probabilities", "module", "sigmoid")


@pytest.mark.parametrize("value", ["nn.Linear(4, 2)", "'pooled'", "3", "None"])
def test_attributes_of_another_meaning_say_nothing(write: Write, value: str) -> None:
    found = load(f"{write(f'net = Net(); net.output = net.score = {value}')}:net")
    assert (found.output, found.output_by, found.score) == (None, "source", "softmax")


@pytest.mark.parametrize(("name", "value"), [("output", "probabilites"), ("score", "sigmoyd")])
def test_misspelt_attribute_lists_what_it_can_say(write: Write, name: str, value: str) -> None:
    with pytest.raises(InputError, match=f"attribute {name} is '{value}'") as caught:
        load(f"{write(f'net = Net(); net.{name} = {value!r}')}:net")
    assert "sigmoid" in caught.value.hint


def test_loaded_model_is_passed_on(write: Write) -> None:
    text = (
        "from camctl.plugin import LoadedModel\n"
        "def make():\n    net = Net()\n    return LoadedModel(name='mine', source='python', module=net, forward=net,"
        " preprocess=lambda p: torch.zeros(3, 9, 9), input_size=(9, 9), class_names=('a', 'b'))\n"
    )
    found = load(f"{write(text)}:make")
    assert found.name == "mine"
    assert found.class_names == ("a", "b")


def test_random_weights_follow_the_seed_and_a_checkpoint_replaces_them(write: Write, tmp_path: Path) -> None:
    module = write("")
    first, again, other = (load(f"{module}:Net", random_weights=True, seed=seed).module for seed in (0, 0, 1))
    assert torch.equal(first.fc.weight, again.fc.weight)
    assert not torch.equal(first.fc.weight, other.fc.weight)
    torch.save(other.state_dict(), tmp_path / "net.pth")
    found = load(f"{module}:Net", tmp_path / "net.pth")
    assert torch.equal(found.module.fc.weight, other.fc.weight)
    assert found.checkpoint is not None
    assert not found.random_weights


@pytest.mark.parametrize(
    ("attribute", "says", "hint"),
    [
        (":net", "There is no 'net'", "Did you mean Net"),
        (":broken", r"broken\(\) failed: ValueError: no such width", "python -c"),
        (":strange", r"strange\(\) failed: GeneratorExit", "python -c"),
        (":number", "neither a model nor a function", "python:package.module:factory"),
        (":text", "returned str; expected nn.Module", "python:package.module:factory"),
        (":", "does not say where", "python:package.module:factory"),
        ("", "does not say where", "python:package.module:factory"),
    ],
)
def test_what_is_no_model_is_one_clear_line(write: Write, attribute: str, says: str, hint: str) -> None:
    text = "number = 7\ndef text():\n    return 'x'\ndef broken():\n    raise ValueError('no such width')\n"
    text += "def strange():\n    raise GeneratorExit\n"
    with pytest.raises(InputError, match=says) as caught:
        load(f"{write(text)}{attribute}")
    assert hint in caught.value.hint
    assert "\n" not in caught.value.message


def test_missing_module_and_missing_dependency_are_told_apart(write: Write) -> None:
    with pytest.raises(InputError, match=r"There is no Python module 'camctl_none\.net'"):
        load("camctl_none.net:Net")
    with pytest.raises(InputError, match="imports 'camctl_absent', which is not installed"):
        load(f"{write('import camctl_absent')}:Net")
    with pytest.raises(InputError, match="cannot be imported: SyntaxError"):
        load(f"{write('def')}:Net")


def test_a_module_of_a_name_like_the_missing_one_is_proposed(write: Write) -> None:
    name = write("")
    with pytest.raises(InputError, match="There is no Python module") as caught:
        load(f"{name}x:Net")
    assert caught.value.hint == f"Did you mean python:{name}:factory?"


def test_a_module_that_fails_is_named_with_its_line(write: Write) -> None:
    above = NET.count("\n")
    failing = write("1 / 0\n")
    with pytest.raises(InputError, match=rf"ZeroDivisionError: division by zero \({failing}\.py, line {above + 1}\)"):
        load(f"{failing}:Net")
    failing = write("def build():\n    import json\n    return json.loads('{')\n")
    with pytest.raises(InputError, match=rf"build\(\) failed: JSONDecodeError: .* \({failing}\.py, line {above + 3}\)"):
        load(f"{failing}:build")


def test_current_folder_may_be_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    monkeypatch.chdir(folder)
    folder.rmdir()
    with pytest.raises(InputError, match=r"There is no Python module 'camctl_none'"):
        load("camctl_none:Net")


# ------------------------------------------------------------------------------------------ options of the factory

OPTIONS = """
from torch import nn

def build(num_classes=3, *, width=4):
    return nn.Sequential(
        nn.Conv2d(3, width, 3, 4, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, num_classes)
    )

def anything(**options):
    return build(**options)

MODEL = build()
"""


@pytest.fixture
def options_module(tmp_path, monkeypatch):
    (tmp_path / "nets_with_options.py").write_text(OPTIONS)
    monkeypatch.chdir(tmp_path)
    return "python:nets_with_options"


@pytest.mark.parametrize("factory", ["build", "anything"])
def test_config_options_are_passed_to_the_factory(options_module, factory):
    loaded = camctl.load(f"{options_module}:{factory}", cfg_options={"num_classes": 7, "width": 5})

    assert loaded.module[-1].weight.shape == (7, 5)


@pytest.mark.parametrize("name", ["build", "MODEL"])
def test_config_options_that_nothing_takes_are_refused(options_module, name):
    with pytest.raises(InputError, match="option"):
        camctl.load(f"{options_module}:{name}", cfg_options={"num_clases": 7})


NORMED = """
from torch import nn

def build():
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3))
"""


def test_an_untrained_model_is_one_warning_and_the_same_twice(write: Write, tmp_path: Path) -> None:
    reference = write(NORMED) + ":build"
    first, second = load(reference), load(reference)
    assert first.notes[0] == second.notes[0]
    assert "untrained" in first.notes[0]
    assert all(torch.equal(value, second.module.state_dict()[key]) for key, value in first.module.state_dict().items())
    torch.save(first.module.state_dict(), tmp_path / "same.pth")
    for options in ({"checkpoint": tmp_path / "same.pth"}, {"random_weights": True}):
        assert not any("untrained" in note for note in load(reference, **options).notes)


@pytest.mark.filterwarnings("ignore")
def test_a_program_of_torchscript_is_refused(write: Write) -> None:
    code = (
        NORMED + "\nimport torch\ndef scripted():\n    return torch.jit.trace(build().eval(), torch.ones(1, 3, 8, 8))\n"
    )
    with pytest.raises(InputError, match="TorchScript, which cannot be looked into"):
        load(write(code) + ":scripted")


def test_class_names_that_are_no_texts_are_said_to_be_unused(options_module, tmp_path):
    (tmp_path / "nets_with_numbers.py").write_text(OPTIONS + "\nMODEL.class_names = [1, 2, 3]\n")
    loaded = camctl.load("python:nets_with_numbers:MODEL")

    assert loaded.class_names is None
    assert any("class_names" in note for note in loaded.notes)


def test_random_weights_and_a_choice_of_a_checkpoints_exclude_each_other(options_module):
    with pytest.raises(InputError, match="random"):
        camctl.load(f"{options_module}:build", weights="ema", random_weights=True)
    with pytest.raises(InputError, match="averaged"):
        camctl.load("demo:resnet", weights="ema")


def test_class_names_of_the_checkpoint_are_told_unless_others_are_given(write: Write, tmp_path: Path) -> None:
    name = write("")
    state = {f"fc.{part}": torch.ones(2, 4) if part == "weight" else torch.ones(2) for part in ("weight", "bias")}
    state |= {"conv.weight": torch.ones(4, 3, 3, 3), "conv.bias": torch.ones(4)}
    torch.save({"state_dict": state, "classes": ["no", "yes"]}, tmp_path / "two.pth")
    model = camctl.load(f"python:{name}:Net", tmp_path / "two.pth")
    assert model.class_names == ("no", "yes")
    assert NAMED in model.notes
    assert NAMED not in camctl.load(f"python:{name}:Net", tmp_path / "two.pth", labels=["a", "b"]).notes
    torch.save(state, tmp_path / "bare.pth")
    assert NAMED not in camctl.load(f"python:{name}:Net", tmp_path / "bare.pth").notes


def test_class_names_of_the_module_come_before_those_of_the_checkpoint_and_that_is_told(
    write: Write, tmp_path: Path
) -> None:
    name = write("\nnet = Net()\nnet.class_names = ['a', 'b']\n")
    for classes, told in ((["no", "yes"], True), (["a", "b"], False)):
        net = camctl.load(f"python:{name}:net")
        torch.save({"state_dict": net.module.state_dict(), "classes": classes}, tmp_path / "two.pth")
        model = camctl.load(f"python:{name}:net", tmp_path / "two.pth")
        assert model.class_names == ("a", "b")
        assert (OWN_NAMES in model.notes) is told
        assert OWN_NAMES not in camctl.load(f"python:{name}:net", tmp_path / "two.pth", labels=["c", "d"]).notes
