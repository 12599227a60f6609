"""The networks that are timed, and what each peer is asked to do with them."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor, nn

    from tests.benchmarks.turns import Work

TARGET = 281

EIGHT = ("GradCAM", "GradCAM++", "XGradCAM", "EigenCAM", "EigenGradCAM", "LayerCAM", "HiResCAM", "GradCAMElementWise")

LAYERS = {
    "resnet18": "layer4",
    "resnet50": "layer4",
    "mobilenet_v3_large": "features.16",
    "swin_t": "features.7",
    "vit_b_16": "encoder.layers.encoder_layer_11.ln_1",
    "vit_l_16": "encoder.layers.encoder_layer_23.ln_1",
}
"""torchvision's net -> the target layer that all draw."""

TORCH_CAM = {"GradCAM": "GradCAM", "GradCAM++": "GradCAMpp", "XGradCAM": "XGradCAM", "LayerCAM": "LayerCAM"}
"""Our name -> torch-cam's class; it has no others of the eight."""


@dataclass(frozen=True)
class Net:
    """A network of torchvision with random weights, and one picture as its input."""

    name: str
    device: str = "cpu"
    size: int = 224

    @cached_property
    def module(self) -> nn.Module:
        """The network, in eval mode."""
        import torch
        import torchvision

        torch.manual_seed(0)
        sized = {"image_size": self.size} if self.name.startswith("vit") else {}
        module = getattr(torchvision.models, self.name)(weights=None, **sized).eval().to(self.device)
        if self.name.startswith("vit"):  # torchvision draws its head as zeros
            torch.nn.init.normal_(module.heads.head.weight, std=0.02)
        module.input_size = (self.size, self.size)
        return module

    @cached_property
    def loaded(self) -> Any:
        """The same as `camctl.load` gives it."""
        import camctl

        return camctl.load(self.module)

    @cached_property
    def table(self) -> Any:
        """Its modules by name, which the pipeline lists once a model."""
        from camctl.engine.model_state import ModuleTable

        return ModuleTable.of(self.module)

    @cached_property
    def pixels(self) -> Any:
        """A drawn scene of the input's size."""
        from camctl.demo.scenes import render, scene

        return render(scene(6_700_024, classes=("cat", "dog")), self.size)

    @cached_property
    def inputs(self) -> Tensor:
        """The scene as the model's input."""
        return self.loaded.preprocess(self.pixels)[None].to(self.device)

    @property
    def layer(self) -> str:
        """Name of the target layer."""
        return LAYERS[self.name]

    @property
    def place(self) -> nn.Module:
        """The target layer."""
        return self.module.get_submodule(self.layer)

    def reshape(self, tensor: Tensor) -> Tensor:
        """Rearrange a layer's output to (N, C, H, W), as users of grad-cam write it by hand."""
        if self.name.startswith("swin"):
            return tensor.permute(0, 3, 1, 2)
        side = self.size // 16
        return tensor[:, 1:].transpose(1, 2).unflatten(2, (side, side))

    def bare(self, batch: int = 1) -> Work:
        """One forward pass in inference mode."""
        import torch

        inputs = self.inputs.expand(batch, -1, -1, -1).contiguous()

        def work() -> object:
            with torch.inference_mode():
                return self.module(inputs)

        return work

    def engine(self, methods: Sequence[str], *, aug: bool = False, layers: Sequence[str] = ()) -> Work:
        """camctl's engine, from a tensor to maps on the host; several layers are fused."""
        from camctl.pipeline.method_selection import pick_methods
        from tests.drawing import drawn

        picked, table, places = pick_methods(methods), self.table, list(layers or [self.layer])
        return lambda: drawn(table, self.inputs, places, picked, TARGET, forward=self.module, aug_smooth=aug)

    def batch(self, methods: Sequence[str], count: int) -> Work:
        """camctl's pipeline on a batch of tensors, from the device to maps on the host."""
        from camctl.engine.model_state import untouched
        from camctl.pipeline.layer_selection import fused_layers
        from camctl.pipeline.manner import Clock, Manner
        from camctl.pipeline.method_selection import pick_methods
        from camctl.pipeline.passes import run_batch
        from camctl.pipeline.plan import plan_of
        from camctl.pipeline.scene import scene_of
        from camctl.values.picture import Picture

        scenes = [scene_of(plan_of(self.loaded), Picture("", self.pixels))] * count
        manner, group = Manner(methods=pick_methods(methods)), fused_layers(scenes[0], (self.layer,), "mean")

        def work() -> object:
            with untouched(self.table):
                return run_batch(scenes, [group], manner, [lambda predictions: predictions.top(1)] * count, Clock())

        return work

    def library(self, methods: Sequence[str], classes: int = 1) -> Work:
        """`camctl.explain`, from pixels to an explanation, of a loaded model."""
        import camctl

        targets = list(range(TARGET, TARGET + classes))
        return lambda: camctl.explain(
            self.loaded, self.pixels, methods=methods, targets=targets, target_layers=[self.layer]
        )  # fmt: skip

    def grad_cam(self, kinds: Sequence[str], *, aug: bool = False) -> Work:
        """The package grad-cam, one object a method."""
        import pytorch_grad_cam
        from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

        transform = None if self.name.startswith(("resnet", "mobilenet")) else self.reshape
        smooth = {"aug_smooth": True} if aug else {}

        def work() -> None:
            for kind in kinds:
                with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                    cam = getattr(pytorch_grad_cam, kind.replace("++", "PlusPlus"))(
                        self.module, [self.place], transform
                    )
                    cam(self.inputs, [ClassifierOutputTarget(TARGET)], **smooth)
                cam.activations_and_grads.release()
                self.module.zero_grad()

        return work

    def torch_cam(self, kind: str) -> Work:
        """The package torch-cam (group `peers`), to a map at the layer's grid."""
        from torchcam import methods

        def work() -> None:
            with getattr(methods, TORCH_CAM[kind])(self.module, self.layer) as cam:
                scores = self.module(self.inputs.requires_grad_(True))
                cam(TARGET, scores)
            self.inputs.requires_grad_(False)
            self.module.zero_grad()

        return work
