"""Pictures reach an mmpretrain network as they did in its training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.sources.tiny import PIPELINE, PREPROCESSOR

RED = (255, 0, 0)


def picture(colour: tuple[int, int, int] = RED, size: tuple[int, int] = (40, 60)) -> np.ndarray[Any, Any]:
    return np.full((*size, 3), colour, np.uint8)


@pytest.mark.parametrize("to_rgb", [True, False])
def test_red_picture_reaches_the_network_in_the_order_it_was_trained_on(
    write_config,
    load,
    to_rgb: bool,  # noqa: FBT001
) -> None:
    found = load(write_config(data_preprocessor={**PREPROCESSOR, "to_rgb": to_rgb}))
    # The file is read as BGR, so blue comes first unless the preprocessor turns it round.
    channels = RED if to_rgb else RED[::-1]
    wanted = (torch.tensor(channels) - torch.tensor(PREPROCESSOR["mean"])) / torch.tensor(PREPROCESSOR["std"])
    assert torch.allclose(found.preprocess(picture())[:, 3, 3], wanted)


def test_dataset_without_a_file_loader_holds_rgb(write_config, load) -> None:
    plain = {"mean": [0.0, 0.0, 0.0], "std": [1.0, 1.0, 1.0], "to_rgb": False}
    dataset = {"type": "CIFAR10", "pipeline": [{"type": "PackInputs"}]}
    found = load(write_config(data_preprocessor=plain, test_dataloader={"dataset": dataset}))
    assert found.preprocess(picture())[:, 0, 0].tolist() == list(RED)
    assert any("does not resize" in note for note in found.notes)


@pytest.mark.parametrize("step", [{"to_float32": True}, {"imdecode_backend": "pillow"}])
def test_other_ways_to_read_a_file_give_the_same_colours(write_config, load, step: Any) -> None:
    pipeline = [{**PIPELINE[0], **step}, *PIPELINE[1:]]
    usual = load(write_config())
    other = load(write_config(name="other.py", test_dataloader={"dataset": {"type": "ImageNet", "pipeline": pipeline}}))
    assert torch.allclose(usual.preprocess(picture()), other.preprocess(picture()), atol=1e-5)


def test_steps_of_the_older_pipelines_give_the_same_input(write_config, load) -> None:
    normalize = {"type": "Normalize", "mean": PREPROCESSOR["mean"], "std": PREPROCESSOR["std"], "to_rgb": True}
    pipeline = [*PIPELINE[:3], normalize, {"type": "PackInputs"}]
    old = load(write_config(data_preprocessor={}, test_dataloader=None, test_pipeline=pipeline))
    assert torch.allclose(old.preprocess(picture()), load(write_config(name="new.py")).preprocess(picture()), atol=1e-5)


def test_preprocessing_is_mmpretrains_own(write_config, load, tmp_path: Path) -> None:
    import cv2
    from mmengine.dataset import Compose
    from mmpretrain.registry import TRANSFORMS

    pixels = np.random.default_rng(0).integers(0, 255, (50, 70, 3), np.uint8)
    cv2.imwrite(str(tmp_path / "noise.png"), pixels[..., ::-1])
    found = load(write_config())
    sample = Compose([TRANSFORMS.build(step) for step in PIPELINE])({"img_path": str(tmp_path / "noise.png")})
    wanted = found.module.data_preprocessor({"inputs": sample["inputs"][None]})["inputs"][0]
    assert torch.equal(found.preprocess(pixels), wanted)
    assert found.preprocess(pixels).dtype == torch.float32
    assert found.input_size == (32, 32)


@pytest.mark.parametrize("size", [(1, 1), (20, 2000), (2000, 20)])
def test_odd_picture_sizes_give_the_usual_input(write_config, load, size: tuple[int, int]) -> None:
    assert load(write_config()).preprocess(picture(size=size)).shape == (3, 32, 32)


def test_config_without_a_pipeline_gets_a_usual_one_and_says_so(write_config, load) -> None:
    found = load(write_config(test_dataloader=None))
    assert found.input_size == (224, 224)
    assert any("no test pipeline" in note for note in found.notes)


def test_grey_network_of_a_yaml_config_gets_grey_pictures(tmp_path: Path, load) -> None:
    path = tmp_path / "tiny.yaml"
    path.write_text(
        "model:\n  type: ImageClassifier\n  backbone: {type: LeNet5, num_classes: 4}\n  head: {type: ClsHead}\n"
        "data_preprocessor: {mean: [33.0], std: [78.0]}\n"
        "test_pipeline: [{type: Resize, scale: [32, 32]}, {type: PackInputs}]\n"
    )
    found = load(path)
    assert found.preprocess(picture()).shape == (1, 32, 32)
    assert found.forward(found.preprocess(picture()).unsqueeze(0)).shape == (1, 4)
