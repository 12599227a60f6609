"""The networks to measure: names, loaders and layers."""

from __future__ import annotations

import hashlib
import io
import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import torch

import camctl
from camctl.kit.plain_preprocess import resize_and_crop
from camctl.plugin import Checkpoint, LoadedModel

WEIGHTS = {
    "imagenet:lite0": "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    "imagenet:lite2": "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
    "squeezenet": "f286bbf493e6389979ed3036f960f4404e0079acdb92156500df0d4a43d085f1",
}
"""Network -> expected sha256 of its file of weights."""

CAFFE_MEAN = (123.68 / 255, 116.779 / 255, 103.939 / 255)
"""Red, green, blue."""


class OtherWeightsError(Exception):
    """A package holds a file of weights that is not the measured one."""


class ArraysOnly(pickle.Unpickler):
    """Unpickler that reads arrays of numpy alone: everything else could run code."""

    def find_class(self, module: str, name: str) -> Any:
        if module in {"numpy.core.multiarray", "numpy._core.multiarray"} and name == "_reconstruct":
            return np.ndarray.__reduce__(np.zeros(0))[0]
        if module == "numpy" and name in {"ndarray", "dtype"}:
            return getattr(np, name)
        message = f"{module}.{name} is no array"
        raise pickle.UnpicklingError(message)


def imagenet(name: str) -> LoadedModel:
    """Load a network of the source `imagenet:`."""
    model = camctl.load(name)
    checkpoint = model.checkpoint
    _check(name, checkpoint.sha256 if checkpoint else "")
    return model


def squeezenet(name: str = "squeezenet") -> LoadedModel:
    """Load SqueezeNet 1.1 as torchvision's class, with the weights in the package `ndf`."""
    from torchvision.models import squeezenet1_1

    path = _file("ndf", "example_models/weights/squeezenet_weights.pkl")
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    _check(name, digest)
    module = squeezenet1_1(weights=None).eval()
    _fill(module, ArraysOnly(io.BytesIO(content), encoding="latin1").load())
    plain = resize_and_crop((227, 227), CAFFE_MEAN, (1 / 255,) * 3, cover=(256, 256))
    return LoadedModel(
        name=name,
        source="truth",
        module=module,
        forward=module,
        preprocess=lambda pixels: plain(pixels).flip(0),  # Caffe's order of channels: blue, green, red
        input_size=(227, 227),
        checkpoint=Checkpoint(path=path.name, sha256=digest),
    )


@dataclass(frozen=True, kw_only=True)
class Net:
    """A network, and the layers that are tried by the rules that would choose them."""

    name: str
    load: Callable[[str], LoadedModel]
    layers: Mapping[str, str]
    sound: str
    """The rule whose maps count as sound if the games find them right."""
    spoilt: Mapping[str, tuple[str, tuple[str, ...]]] = field(default_factory=lambda: MappingProxyType({}))
    """Name of a way to spoil maps -> the layer and the methods that do it."""

    @property
    def demo(self) -> bool:
        """Whether the network classifies drawn scenes instead of photographs."""
        return self.name.startswith("demo:")


BY_GRADIENT = ("GradCAM", "GradCAM++", "XGradCAM", "LayerCAM", "HiResCAM", "GradCAMElementWise", "EigenGradCAM")


def _lite(number: int, blocks: int) -> Net:
    return Net(
        name=f"imagenet:lite{number}",
        load=imagenet,
        layers={"norm": "_bn1", "activation, head input": "_swish", "block": f"_blocks.{blocks - 1}"},
        sound="activation, head input",
        spoilt={"early layer": ("_blocks.0._bn1", BY_GRADIENT), "before the activation": ("_bn1", ("XGradCAM", "FEM"))},
    )


NETS: tuple[Net, ...] = (
    _lite(0, 16),
    _lite(2, 21),
    Net(
        name="squeezenet",
        load=squeezenet,
        layers={"block, head input": "features.12", "block before": "features.11"},
        sound="block, head input",
        spoilt={"early layer": ("features.1", BY_GRADIENT)},
    ),
    Net(
        name="demo:resnet",
        load=camctl.load,
        layers={"norm": "backbone.layer4.1.bn2", "block, head input": "backbone.layer4.1"},
        sound="block, head input",
        spoilt={"early layer": ("backbone.layer1.0.bn1", BY_GRADIENT)},
    ),
    Net(
        name="demo:vit",
        load=camctl.load,
        layers={
            "last norm": "backbone.layers.4.ln1",
            "block before": "backbone.layers.3",
            "norm before": "backbone.layers.3.ln1",
        },
        sound="last norm",
    ),
    Net(
        name="demo:swin",
        load=camctl.load,
        layers={
            "final norm, head input": "backbone.norm3",
            "block": "backbone.stages.3.blocks.0",
            "norm of the block": "backbone.stages.3.blocks.0.norm1",
        },
        sound="final norm, head input",
    ),
    Net(
        name="demo:t2t",
        load=camctl.load,
        layers={
            "last norm": "backbone.encoder.3.ln1",
            "block before": "backbone.encoder.2",
            "norm before": "backbone.encoder.2.ln1",
        },
        sound="last norm",
    ),
)


def _fill(module: torch.nn.Module, arrays: Mapping[str, Any]) -> None:
    """Fill torchvision's module with kernels (h, w, in, out) and biases under Caffe's names."""
    convolutions = {"conv1": module.features[0], "conv10": module.classifier[1]}
    fires = [part for part in module.features if hasattr(part, "squeeze")]
    for number, fire in enumerate(fires, start=2):
        convolutions[f"fire{number}/squeeze1x1"] = fire.squeeze
        convolutions[f"fire{number}/expand1x1"] = fire.expand1x1
        convolutions[f"fire{number}/expand3x3"] = fire.expand3x3
    state = {part: name for name, part in module.named_modules()}
    weights = {}
    for name, convolution in convolutions.items():
        kernel, bias = (np.asarray(part, np.float32) for part in arrays[name])
        weights[f"{state[convolution]}.weight"] = torch.from_numpy(kernel.transpose(3, 2, 0, 1).copy())
        weights[f"{state[convolution]}.bias"] = torch.from_numpy(bias.reshape(-1).copy())
    module.load_state_dict(weights)


def _file(package: str, path: str) -> Path:
    """Path of a file in an installed package, which is not imported."""
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        message = f"The package {package} is not installed: uv sync --group truth"
        raise ModuleNotFoundError(message)
    return Path(spec.submodule_search_locations[0], path)


def _check(name: str, digest: str) -> None:
    if digest != WEIGHTS[name]:
        message = f"The weights of {name} have the sha256 {digest}, not {WEIGHTS[name]}."
        raise OtherWeightsError(message)
