"""The demo models by name."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

import camctl
from camctl.errors import InputError, UnknownNameError
from camctl.kit.checkpoints import NAMED
from camctl.plugin import LoadOptions
from camctl.sources.demo import FOLDER, Demo

NAMES = ("resnet", "swin", "t2t", "vit")


def test_unknown_demo_model_is_answered_with_near_names() -> None:
    with pytest.raises(UnknownNameError) as caught:
        Demo().load("resent", None, "cpu", LoadOptions())
    assert "resnet" in caught.value.hint


@pytest.mark.parametrize("name", NAMES)
def test_shipped_checkpoint_is_used_with_its_class_names(name: str) -> None:
    found = Demo().load(name, None, "cpu", LoadOptions())
    assert (found.name, found.source, found.notes) == (f"demo:{name}", "demo", (NAMED,))
    assert camctl.load(f"demo:{name}").notes == ()
    assert found.checkpoint is not None
    assert found.class_names is not None
    assert found.forward(torch.zeros(1, 3, *found.input_size)).shape == (1, len(found.class_names))


def test_checkpoint_given_takes_the_place_of_the_shipped_one(tmp_path: Path) -> None:
    trained = Demo().load("resnet", None, "cpu", LoadOptions(random_weights=True, seed=9))
    torch.save(trained.module.state_dict(), tmp_path / "mine.pth")
    found = Demo().load("resnet", str(tmp_path / "mine.pth"), "cpu", LoadOptions())
    batch = torch.randn(1, 3, *found.input_size)
    assert torch.equal(found.forward(batch), trained.forward(batch))


def test_missing_checkpoint_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(FOLDER / "resnet.py", tmp_path / "resnet.py")
    monkeypatch.setattr("camctl.sources.demo.FOLDER", tmp_path)
    with pytest.raises(InputError, match=r"There is no checkpoint file"):
        Demo().load("resnet", None, "cpu", LoadOptions())
