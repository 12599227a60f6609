"""What methods promise that run the model in their own way, or by grad-cam: the same again, and nothing touched."""

import pytest
import torch

from camctl import registry
from camctl.engine.capture import Recorder
from camctl.engine.layout import LayoutHints
from camctl.errors import InputError
from camctl.methods import library
from camctl.methods.ablationcam import ablationcam
from camctl.methods.attention_rollout import attention_rollout
from camctl.methods.cam import cam
from camctl.methods.gradient_attention import gradient_attention
from camctl.methods.legrad import legrad
from camctl.methods.reciprocam import reciprocam
from camctl.methods.smooth_gradcam_plusplus import smooth_gradcam_plusplus
from camctl.plugin import ClassQuestion
from tests.drawing import drawn, same, snapshot
from tests.models import GapNet, TinyCnn, TinyVit, pictures, seeded

OWN = {
    "reciprocam": reciprocam,
    "ablationcam": ablationcam,
    "cam": cam,
    "smoothgradcam++": smooth_gradcam_plusplus,
    "scorecam": library.scorecam,
    "legrad": legrad,
    "attentionrollout": attention_rollout,
    "gradientattention": gradient_attention,
}
METHODS = OWN | {
    "fullgrad": library.fullgrad,
    "fem": library.fem,
    "kpca-cam": library.kpcacam,
    "shapleycam": library.shapleycam,
    "finercam": library.finercam,
    "segeigencam": library.segeigencam,
    "randomcam": library.randomcam,
    "refinecam": library.refinecam,
    "sess": library.sess,
}
"""Entry point -> method."""

TARGET = 2
FEW = {"num_scales": 2, "batch_size": 8}
"""Options for those that have them."""

WEIGHTING = ("ablationcam", "cam", "smoothgradcam++", "scorecam", "shapleycam", "finercam", "randomcam")
ONE_PASS = ("fullgrad", "shapleycam", "finercam")
"""Methods with one forward pass besides the capture's."""


def net_for(name):
    """The own methods on tokens, the others on a network that writes over its features."""
    if name == "cam":
        return seeded(GapNet()), "features"
    return (seeded(TinyVit(), seed=2), "layers.1.ln1") if name in OWN else (seeded(TinyCnn()), "block2.bn2")


def evidence(module, layer, method, inputs):
    with Recorder(module, [layer], LayoutHints(), gradients=False) as recorder, torch.no_grad():
        recorder.forward(inputs, module)
        (capture,) = recorder.captures(ClassQuestion(TARGET), None)
        return method.compute(capture)


@pytest.mark.parametrize("name", METHODS)
def test_it_is_found_by_its_entry_point_and_says_what_it_is(name):
    method = registry.pick("method", name).plugin
    assert method is METHODS[name]
    assert method.summary.endswith(".")
    assert method.paper
    assert method.formula
    assert method.cost.text


@pytest.mark.parametrize("name", OWN)
def test_a_batch_gives_what_its_pictures_give_alone(name):
    module, layer = net_for(name)
    inputs = pictures(3)
    together = evidence(module, layer, METHODS[name], inputs)
    for view in range(3):
        alone = evidence(module, layer, METHODS[name], inputs[view : view + 1])
        scale = float(alone.abs().max())
        torch.testing.assert_close(together[view], alone[0], rtol=0, atol=1e-4 * scale)
    assert not torch.allclose(together[0], together[1])


@pytest.mark.parametrize("name", METHODS)
def test_twice_gives_the_same(name):
    first, second = (
        drawn(module, pictures(), [layer], [METHODS[name]], TARGET, options=FEW)[0]
        for module, layer in (net_for(name), net_for(name))
    )
    assert torch.equal(first.raw, second.raw)
    assert first.verdict.name == "ok"


@pytest.mark.parametrize("name", METHODS)
def test_the_model_is_left_as_it_was(name):
    module, layer = net_for(name)
    module.train()
    first, *_, last = module.parameters()
    first.requires_grad_(requires_grad=False)
    last.grad = torch.ones_like(last)
    before = snapshot(module)
    drawn(module, pictures(), [layer], [METHODS[name]], TARGET, options=FEW)
    assert same(before, snapshot(module))


@pytest.mark.parametrize("name", [*(name for name in OWN if name != "cam"), *ONE_PASS, "sess"])  # CAM runs nothing
@pytest.mark.parametrize("error", [ValueError, IndexError, KeyboardInterrupt])
def test_the_model_is_left_as_it_was_when_it_fails_in_the_middle(name, error):
    module, layer = net_for(name)
    before = snapshot(module)
    calls = []

    def forward(inputs):
        calls.append(0)
        if len(calls) < (2 if name in ONE_PASS else 3):
            return module(inputs)
        head = module.head if name in OWN else module.pool
        handle = head.register_forward_pre_hook(lambda *_: (_ for _ in ()).throw(error("half-way")))
        try:
            return module(inputs)
        finally:
            handle.remove()

    with pytest.raises((error, InputError), match="half-way"):
        drawn(module, pictures(), [layer], [METHODS[name]], TARGET, forward=forward, options=FEW)
    assert same(before, snapshot(module))


@pytest.mark.parametrize("name", METHODS)
def test_six_views_give_one_map(name):
    module, layer = net_for(name)
    plain, smooth = (
        drawn(module, pictures(), [layer], [METHODS[name]], TARGET, aug_smooth=aug, options=FEW)[0]
        for aug in (False, True)
    )
    assert smooth.values.shape == (32, 32)
    assert not smooth.verdict.blank
    assert not torch.allclose(plain.raw, smooth.raw)


@pytest.mark.parametrize("name", WEIGHTING)
def test_eigen_smooth_works_on_methods_that_weight_channels(name):
    module, layer = net_for(name)
    plain, smooth = (
        drawn(module, pictures(), [layer], [METHODS[name]], TARGET, eigen_smooth=eigen)[0] for eigen in (False, True)
    )
    assert not torch.allclose(plain.raw, smooth.raw)


@pytest.mark.parametrize("name", METHODS)
def test_a_bfloat16_model_gives_nearly_the_same_map_in_float32(name):
    module, layer = net_for(name)
    (whole,) = drawn(module, pictures(), [layer], [METHODS[name]], TARGET, options=FEW)
    (half,) = drawn(module.bfloat16(), pictures().bfloat16(), [layer], [METHODS[name]], TARGET, options=FEW)
    assert half.values.dtype is half.raw.dtype is torch.float32
    similarity = torch.nn.functional.cosine_similarity(whole.raw.flatten(), half.raw.flatten(), dim=0)
    assert similarity > 0.9


@pytest.mark.parametrize("name", METHODS)
def test_nan_in_the_weights_is_a_verdict_and_no_error(name):
    module, layer = net_for(name)
    first = next(module.parameters())
    with torch.no_grad():
        first.view(-1)[0] = float("nan")
    (one,) = drawn(module, pictures(), [layer], [METHODS[name]], TARGET, options=FEW)
    assert one.verdict.name == "not-finite"
    assert not one.values.any()


@pytest.mark.parametrize("count", [1, 3])
def test_scorecam_scores_the_channels_that_vary_most(count):
    module, layer = net_for("scorecam")
    inputs = pictures()
    with Recorder(module, [layer], LayoutHints(), gradients=False) as recorder, torch.no_grad():
        recorder.forward(inputs, module)
        (capture,) = recorder.captures(ClassQuestion(TARGET), None)
        grid = capture.activations[0]
        spread = [float(((channel - channel.mean()) ** 2).mean()) for channel in grid]
        top = sorted(range(len(spread)), key=lambda c: -spread[c])[:count]
        scores = []
        for c in top:
            seen = torch.nn.functional.interpolate(
                grid[None, c : c + 1], size=(32, 32), mode="bilinear", align_corners=True
            )
            seen = (seen - seen.min()) / (seen.max() - seen.min())
            scores.append(module(inputs * seen)[0, TARGET])
        weights = torch.stack(scores).softmax(0)
        expected = sum(weight * grid[c] for weight, c in zip(weights, top, strict=True))
    forwards = []
    found = module.register_forward_pre_hook(lambda _m, args: forwards.append(len(args[0])))
    (ours,) = drawn(module, inputs, [layer], [library.scorecam], TARGET, options={"top_channels": count})
    found.remove()
    torch.testing.assert_close(ours.raw, expected, rtol=1e-4, atol=1e-5)
    assert sum(forwards) - 1 == count


def test_scorecam_with_more_channels_than_there_are_is_scorecam():
    module, layer = net_for("scorecam")
    (all_,) = drawn(module, pictures(), [layer], [library.scorecam], TARGET)
    (more,) = drawn(module, pictures(), [layer], [library.scorecam], TARGET, options={"top_channels": 999})
    assert torch.equal(all_.raw, more.raw)
