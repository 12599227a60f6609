"""Smooth Grad-CAM++ by its formula, in loops, and where it must be Grad-CAM++ itself."""

import pytest
import torch

from camctl.errors import InputError
from camctl.methods.gradcam_plusplus import gradcam_plusplus
from camctl.methods.smooth_gradcam_plusplus import smooth_gradcam_plusplus
from tests.drawing import drawn
from tests.models import TinyCnn, TinyVit, counted, of_mmpretrain, pictures, seeded

TARGET = 2


@pytest.mark.parametrize(
    ("make", "layer", "size"),
    [
        (lambda: seeded(TinyCnn()), "block2.bn2", (32, 32)),
        (lambda: seeded(TinyVit()), "layers.1.ln1", (32, 32)),
        (lambda: of_mmpretrain("swin"), "backbone.norm2", (64, 64)),
    ],
)
def test_without_noise_it_is_grad_cam_plusplus(make, layer, size):
    smooth, plain = drawn(
        make(),
        pictures(size=size),
        [layer],
        [smooth_gradcam_plusplus, gradcam_plusplus],
        TARGET,
        options={"noise": 0.0},
    )
    torch.testing.assert_close(smooth.raw, plain.raw, rtol=1e-3, atol=1e-5 * float(plain.raw.abs().max()))


def test_it_is_its_formula():
    module, inputs = seeded(TinyCnn(inplace=False)), pictures()
    samples, noise, seed = 3, 0.4, 7
    kept = []
    handle = module.block2.bn2.register_forward_hook(lambda _m, _a, output: kept.append(output))

    def gradient(x):
        logits = module(x)
        return torch.autograd.grad(logits[0, TARGET], kept[-1])[0][0]

    generator = torch.Generator().manual_seed(seed)
    deviation = noise * float(inputs.max() - inputs.min())
    gradients = [gradient(inputs + deviation * torch.randn((3, 32, 32), generator=generator)) for _ in range(samples)]
    module(inputs)
    handle.remove()
    activations = kept[-1][0].detach()
    expected = torch.zeros(8, 8)
    for c in range(8):
        weight = 0.0
        for i in range(8):
            for j in range(8):
                first, second, third = (sum(float(g[c, i, j]) ** p for g in gradients) / samples for p in (1, 2, 3))
                share = second / (2 * second + float(activations[c].sum()) * third + 1e-6)
                weight += share * max(first, 0)
        expected += weight * activations[c]
    options = {"samples": samples, "noise": noise, "seed": seed}
    (ours,) = drawn(module, inputs, ["block2.bn2"], [smooth_gradcam_plusplus], TARGET, options=options)
    torch.testing.assert_close(ours.raw, expected, rtol=1e-3, atol=1e-4 * float(expected.abs().max()))


def test_the_seed_decides_and_torchs_own_generator_is_left_alone():
    module = seeded(TinyCnn())

    def raw(seed):
        (one,) = drawn(module, pictures(), ["block2.bn2"], [smooth_gradcam_plusplus], TARGET, options={"seed": seed})
        return one.raw

    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    first = raw(0)
    assert torch.equal(torch.rand(2), expected)
    assert torch.equal(first, raw(0))
    assert not torch.allclose(first, raw(1))


def test_it_costs_a_forward_pass_a_sample():
    module = seeded(TinyCnn())
    forward, batches = counted(module)
    drawn(module, pictures(), ["block2.bn2"], [smooth_gradcam_plusplus], TARGET, forward=forward)
    assert len(batches) - 1 == smooth_gradcam_plusplus.options["samples"]


@pytest.mark.parametrize("options", [{"samples": 0}, {"noise": -0.1}, {"seed": -1}])
def test_options_that_make_no_sense_are_input_errors(options):
    with pytest.raises(InputError, match="cannot work with"):
        drawn(seeded(TinyCnn()), pictures(), ["block2.bn2"], [smooth_gradcam_plusplus], TARGET, options=options)
