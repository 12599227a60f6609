"""Networks that run without gradients, or that need them, are explained as the same network without that."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

import camctl
from tests.engine.test_runs import One


class NoGrad(One):
    @torch.no_grad()
    def forward(self, x):
        return self.one(x)


class Inference(One):
    @torch.inference_mode()
    def forward(self, x):
        return self.one(x)


class FrozenBody(One):
    def forward(self, x):
        with torch.no_grad():
            features = self.body(self.stem(x))
        return self.head(features.mean((2, 3)))


class KeepsGradients(One):
    def forward(self, x):
        features = self.body(self.stem(x))
        features.register_hook(lambda gradient: setattr(self, "kept", gradient))
        return self.head(features.mean((2, 3)))


class Checkpointed(One):
    def forward(self, x):
        return self.head(checkpoint(self.body, self.stem(x), use_reentrant=False).mean((2, 3)))


class Switched(One):
    """Saves memory as timm's networks do, in the old way."""

    grad_checkpointing = False

    def __init__(self):
        super().__init__()
        self.grad_checkpointing = True

    def forward(self, x):
        stem = self.stem(x)
        features = checkpoint(self.body, stem, use_reentrant=True) if self.grad_checkpointing else self.body(stem)
        return self.head(features.mean((2, 3)))


class HalfWithIslands(One):
    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm2d(3, affine=True).eval()
        self.stem.to(torch.bfloat16), self.body.to(torch.bfloat16), self.head.to(torch.bfloat16)

    def forward(self, x):
        return self.one(self.norm(x.float()).to(torch.bfloat16))


class Detached(One):
    def forward(self, x):
        return self.head(self.body(self.stem(x)).mean((2, 3)).detach())


class Numpy(One):
    def forward(self, x):
        with torch.no_grad():
            features = self.body(self.stem(x)).mean((2, 3)).numpy()
        return self.head(torch.from_numpy(features))


class Reentrant(One):
    def forward(self, x):
        return self.head(checkpoint(self.body, self.stem(x), use_reentrant=True).mean((2, 3)))


@pytest.fixture(scope="module")
def pixels():
    return np.random.default_rng(4).integers(0, 256, (96, 96, 3)).astype(np.uint8)


def raw(net, pixels, method, layers=None):
    return camctl.explain(net, pixels, targets=1, methods=method, target_layers=layers).maps[0]


@pytest.mark.filterwarnings("ignore:None of the inputs have requires_grad")
@pytest.mark.parametrize("method", ["GradCAM", "LayerCAM", "EigenCAM", "ReciproCAM"])
@pytest.mark.parametrize("kind", [NoGrad, Inference, FrozenBody, KeepsGradients, Checkpointed, Switched])
def test_it_is_explained_as_the_network_without_that(pixels, kind, method):
    found, plain = raw(kind(), pixels, method), raw(One(), pixels, method)
    assert found.layers == plain.layers
    np.testing.assert_allclose(found.raw, plain.raw, rtol=1e-4, atol=1e-6)
    assert found.verdict == plain.verdict


def test_a_switch_that_saves_memory_is_as_it_was_afterwards(pixels):
    net = Switched()
    raw(net, pixels, "GradCAM")
    assert net.grad_checkpointing is True


def test_the_callers_inference_mode_is_left_inside(pixels):
    net = One()
    with torch.inference_mode():
        found = raw(net, pixels, "GradCAM")
        assert torch.is_inference_mode_enabled()
    np.testing.assert_array_equal(found.raw, raw(net, pixels, "GradCAM").raw)


def test_half_precision_with_a_norm_in_float32_runs(pixels):
    assert raw(HalfWithIslands(), pixels, "GradCAM", "body").grid == (12, 12)


def test_a_compiled_network_is_explained_as_it_was_written(pixels):
    net = One()
    net.body = torch.compile(net.body)
    np.testing.assert_array_equal(raw(net, pixels, "GradCAM").raw, raw(One(), pixels, "GradCAM").raw)


@pytest.mark.filterwarnings("ignore:None of the inputs have requires_grad")
@pytest.mark.parametrize("kind", [Detached, Numpy, Reentrant])
@pytest.mark.parametrize("layers", [None, "body"])
def test_without_a_graph_the_verdict_blames_the_forward_pass_and_not_the_layer(pixels, kind, layers):
    cam = raw(kind(), pixels, "GradCAM", layers)
    assert cam.verdict == "no-graph"
    assert "forward pass" in cam.reason
    assert "body" not in cam.reason
    assert "EigenCAM" in cam.hint
    assert raw(kind(), pixels, "EigenCAM", layers).verdict == raw(One(), pixels, "EigenCAM", layers).verdict


def test_a_layer_that_is_not_read_is_still_blamed(pixels):
    class Aside(One):
        def forward(self, x):
            first = self.stem(x)
            self.body(first)
            return self.head(first.mean((2, 3)).repeat(1, 2)[:, :16])

    assert raw(Aside(), pixels, "GradCAM", "body").verdict == "zero-gradient"


@pytest.mark.parametrize(
    ("error", "shape", "message", "hint"),
    [
        ("needs", (96, 96), "besides the picture, its forward pass needs 'age' and 'sex'", "holds 'age' and 'sex'"),
        ("size", (64, 64), "fails on an input of shape", "input_size"),
        ("device", (96, 96), "fails on an input", "device"),
        ("precision", (96, 96), "fails on an input", "precision"),
        ("own", (96, 96), "ValueError: no", "by itself"),
    ],
)
def test_the_hint_fits_the_cause(error, shape, message, hint):
    from camctl.engine.predictions import raw_output
    from camctl.errors import InputError

    def needs(x, age, sex): ...

    def forward(x):
        if error == "needs":
            return needs(x)
        if error == "size":
            return nn.Linear(12 * 48 * 48, 3)(One().stem(x).flatten(1))
        if error == "device":
            raise RuntimeError("Expected all tensors to be on the same device, but found at least two devices")
        if error == "precision":
            return nn.Conv2d(3, 4, 3).half()(x)
        raise ValueError("no")

    with pytest.raises(InputError, match=message) as caught:
        raw_output(forward, torch.zeros(1, 3, *shape))
    assert hint in caught.value.hint
    assert ("input_size" in caught.value.hint) == (error == "size")
