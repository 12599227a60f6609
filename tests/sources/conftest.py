"""Writes tiny mmpretrain configs where a test can change them, and loads them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from camctl.plugin import LoadedModel, LoadOptions
from camctl.sources.mmpretrain import Mmpretrain
from tests.sources.tiny import PIPELINE, PREPROCESSOR, RESNET

WriteConfig = Callable[..., Path]
Load = Callable[..., LoadedModel]


@pytest.fixture
def write_config(tmp_path: Path) -> WriteConfig:
    """Writes a config file out of a model, a pipeline and whatever else stands in it."""

    def write(model: Any = RESNET, *, name: str = "tiny.py", **settings: Any) -> Path:
        content = {
            "model": model,
            "data_preprocessor": PREPROCESSOR,
            "test_dataloader": {"dataset": {"type": "CustomDataset", "pipeline": PIPELINE}},
            **settings,
        }
        path = tmp_path / name
        path.write_text("\n".join(f"{key} = {value!r}" for key, value in content.items() if value is not None))
        return path

    return write


@pytest.fixture
def load() -> Load:
    """Loads with the mmpretrain source, on the CPU: with random weights unless a checkpoint is given."""

    def load(reference: object, checkpoint: object = None, **options: Any) -> LoadedModel:
        options.setdefault("random_weights", checkpoint is None)
        named = None if checkpoint is None else str(checkpoint)
        return Mmpretrain().load(str(reference), named, "cpu", LoadOptions(**options))

    return load
