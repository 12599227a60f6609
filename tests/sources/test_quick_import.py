"""What is put off while mmpretrain is imported is really there when somebody uses it."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from camctl.sources.quick_import import StandIn, deferred, import_models

FRESH = """
import sys, warnings
warnings.simplefilter("ignore")
from camctl.sources.quick_import import StandIn, import_models
import_models()
heavy = {"sympy", "torch._dynamo", "torch.distributed.fsdp", "torchvision.models", "torchvision.ops"}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
assert not any(isinstance(module, StandIn) for module in sys.modules.values())

import torch
from mmpretrain.registry import MODELS
backbone = MODELS.build({"type": "ResNet", "depth": 18})
backbone.eval()
assert backbone(torch.rand(1, 3, 32, 32))[0].shape == (1, 512, 1, 1)

import mmpretrain.models.utils.box_utils as boxes
assert boxes.boxes.box_area(torch.tensor([[0.0, 0.0, 2.0, 3.0]])) == 6
import torchvision
assert torchvision.ops.nms(torch.tensor([[0.0, 0.0, 2.0, 3.0]]), torch.ones(1), 0.5).tolist() == [0]
from torchvision.models import resnet18
assert resnet18.__module__ == "torchvision.models.resnet"
import torchvision.ops.misc
assert sys.modules["torchvision.ops.misc"] is torchvision.ops.misc

from torch.distributed.fsdp import FullyShardedDataParallel
from mmengine.registry import MODEL_WRAPPERS
sharded = MODEL_WRAPPERS.get("MMFullyShardedDataParallel")
assert issubclass(sharded, FullyShardedDataParallel)
import mmengine.model
assert mmengine.model.MMFullyShardedDataParallel is sharded
from mmengine._strategy import FSDPStrategy
assert FSDPStrategy.__module__ == "mmengine._strategy.fsdp"
from torch.distributed.optim import ZeroRedundancyOptimizer, _NamedOptimizer
assert _NamedOptimizer.__module__ == "torch.distributed.optim.named_optimizer"
import torch._dynamo.utils
assert torch._dynamo.utils.is_compile_supported("cpu") in (True, False)
"""


def test_mmpretrain_comes_without_the_heavy_modules_and_they_come_when_used() -> None:
    done = subprocess.run([sys.executable, "-c", FRESH], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A package that re-exports a class out of a submodule, and one that imports from the package."""
    (tmp_path / "camctl_toy").mkdir()
    (tmp_path / "camctl_toy" / "__init__.py").write_text("from .heavy import Heavy\n")
    (tmp_path / "camctl_toy" / "heavy.py").write_text("class Heavy: real = True\nother = 7\n")
    (tmp_path / "camctl_user.py").write_text("from camctl_toy import Heavy\nimport camctl_toy.heavy as heavy\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield "camctl_toy.heavy"
    for name in [name for name in sys.modules if name.startswith(("camctl_toy", "camctl_user"))]:
        del sys.modules[name]


def test_class_that_was_put_off_is_the_real_one_wherever_it_was_stored(package: str) -> None:
    with deferred({package: ("Heavy",)}):
        user = importlib.import_module("camctl_user")
        assert isinstance(sys.modules[package], StandIn)
    assert package not in sys.modules
    real = importlib.import_module("camctl_toy").Heavy
    assert real.real
    assert user.Heavy is real
    assert user.heavy.other == 7


def test_name_that_nobody_foresaw_brings_in_the_real_module_at_once(package: str) -> None:
    with deferred({package: ()}):
        assert importlib.import_module("camctl_user").Heavy.real
        assert not isinstance(sys.modules[package], StandIn)


def test_module_that_is_loaded_already_is_left_alone(package: str) -> None:
    before = importlib.import_module(package)
    with deferred({package: ("Heavy",)}):
        assert sys.modules[package] is before
    assert importlib.import_module("camctl_toy").Heavy is before.Heavy


def test_stand_ins_are_gone_after_an_error(package: str) -> None:
    with pytest.raises(ZeroDivisionError), deferred({package: ()}):
        raise ZeroDivisionError
    assert package not in sys.modules


def test_second_call_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mmpretrain.models", sys)
    before = dict(sys.modules)
    import_models()
    assert sys.modules == before
