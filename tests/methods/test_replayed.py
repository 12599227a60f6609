"""Methods that run what follows the layer: Recipro-CAM and Ablation-CAM, against whole forward passes by hand."""

import pytest
import torch

from camctl.errors import InputError
from camctl.methods import reciprocam as module_of_reciprocam
from camctl.methods.ablationcam import ablationcam
from camctl.methods.gradcam import gradcam
from camctl.methods.reciprocam import reciprocam
from tests.drawing import drawn
from tests.models import GapNet, TinyCnn, TinyVit, counted, of_mmpretrain, pictures, seeded

TARGET = 2
CASES = {
    "cnn": (lambda: seeded(TinyCnn()), "block1.bn2", (32, 32), 0),
    "vit": (lambda: seeded(TinyVit(registers=1)), "layers.1.ln1", (32, 32), 2),
    "mmpretrain cnn": (lambda: of_mmpretrain("cnn"), "backbone.layer4.1.bn2", (64, 64), 0),
    "mmpretrain vit": (lambda: of_mmpretrain("vit"), "backbone.layers.2.ln1", (64, 64), 1),
    "mmpretrain swin": (lambda: of_mmpretrain("swin"), "backbone.norm2", (64, 64), 0),
    "mmpretrain t2t": (lambda: of_mmpretrain("t2t"), "backbone.encoder.2.ln1", (64, 64), 1),
}
"""Network, target layer, size of its input, extra tokens."""


def place_by_place(module, layer, inputs, extra, spot):
    """Logits (H, W, classes) of whole forward passes, the layer's output times `spot(i, j, row, column)`."""
    shapes = []
    part = module.get_submodule(layer)
    handle = part.register_forward_hook(lambda _m, _a, output: shapes.append(output.shape))
    module(inputs)
    handle.remove()
    (shape,) = shapes
    tokens = len(shape) == 3
    side = int((shape[1] - extra) ** 0.5) if tokens else shape[2]

    def kept(i, j):
        grid = torch.tensor([[float(spot(i, j, row, column)) for column in range(side)] for row in range(side)])
        return torch.cat([torch.ones(extra), grid.flatten()])[:, None] if tokens else grid

    logits = []
    with torch.no_grad():
        for i in range(side):
            for j in range(side):
                handle = part.register_forward_hook(lambda _m, _a, output, i=i, j=j: output * kept(i, j))
                logits.append(module(inputs)[0])
                handle.remove()
    return torch.stack(logits).reshape(side, side, -1)


def one_place(i, j, row, column):
    return (i, j) == (row, column)


def gaussian(i, j, row, column):
    return {0: 2, 1: 1}.get(abs(i - row), 0) * {0: 2, 1: 1}.get(abs(j - column), 0) / 16


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("spot", [one_place, gaussian])
def test_reciprocam_is_the_score_with_one_place_kept(case, spot):
    make, layer, size, extra = CASES[case]
    module, inputs = make(), pictures(size=size)
    expected = place_by_place(module, layer, inputs, extra, spot)
    options = {"gaussian": spot is gaussian}
    (soft,) = drawn(module, inputs, [layer], [reciprocam], TARGET, options=options)
    torch.testing.assert_close(soft.raw, expected.softmax(2)[..., TARGET], rtol=1e-4, atol=1e-6)
    (logit,) = drawn(module, inputs, [layer], [reciprocam], TARGET, options=options | {"score": "logit"})
    chosen = expected[..., TARGET]
    torch.testing.assert_close(logit.raw, chosen - chosen.min(), rtol=1e-4, atol=1e-5)
    assert not soft.verdict.blank
    assert not logit.verdict.blank


def test_reciprocam_on_a_pooling_net_is_gradcam_by_its_logits():
    """With one place kept, the pooled features are that place's share: the head's weights times it, as in CAM."""
    module, inputs = seeded(GapNet()), pictures()
    recipro, grad = drawn(module, inputs, ["features"], [reciprocam, gradcam], TARGET, options={"score": "logit"})
    torch.testing.assert_close(recipro.raw - recipro.raw.mean(), grad.raw - grad.raw.mean(), rtol=1e-4, atol=1e-6)


def certain(margin):
    """A pooling net whose class 2 is ahead of all others by `margin`, and sees channel 0 alone."""
    module = seeded(GapNet())
    with torch.no_grad():
        module.fc.weight[TARGET] = torch.eye(module.fc.in_features)[0]
        module.fc.bias[TARGET] += margin
    return module


def test_reciprocam_sees_the_object_where_the_softmax_is_saturated():
    inputs = pictures()
    soft, auto = (
        drawn(certain(50), inputs, ["features"], [reciprocam], TARGET, options={"score": score})[0]
        for score in ("softmax", "auto")
    )
    assert soft.verdict.name == "flat"
    assert auto.verdict.name == "ok"
    channel = certain(50).features(inputs)[0, 0]
    torch.testing.assert_close(auto.raw * channel.numel(), channel - channel.min(), rtol=1e-3, atol=2e-3)
    assert int(auto.raw.argmax()) == int(channel.argmax())


def test_reciprocam_is_the_papers_softmax_where_that_is_not_saturated():
    inputs = pictures()
    soft, auto, default = (
        drawn(certain(3), inputs, ["features"], [reciprocam], TARGET, options=options)[0]
        for options in ({"score": "softmax"}, {"score": "auto"}, {})
    )
    assert soft.verdict.name == "ok"
    assert torch.equal(soft.raw, auto.raw)
    assert torch.equal(soft.raw, default.raw)


def test_a_layer_that_the_score_does_not_read_stays_flat_for_reciprocam():
    module = certain(50)
    with torch.no_grad():
        module.fc.weight.zero_()
    (blind,) = drawn(module, pictures(), ["features"], [reciprocam], TARGET)
    assert blind.verdict.name == "flat"


def test_reciprocam_makes_grids_in_parts_that_do_not_show(monkeypatch):
    module, inputs = seeded(TinyVit()), pictures()
    (whole,) = drawn(module, inputs, ["layers.1.ln1"], [reciprocam], TARGET)
    monkeypatch.setattr(module_of_reciprocam, "PLACES", 5)
    (parts,) = drawn(module, inputs, ["layers.1.ln1"], [reciprocam], TARGET)
    torch.testing.assert_close(whole.raw, parts.raw)


def test_an_unknown_score_is_an_input_error():
    with pytest.raises(InputError, match="has no score 'margin'"):
        drawn(seeded(TinyCnn()), pictures(), ["block1.bn2"], [reciprocam], TARGET, options={"score": "margin"})


@pytest.mark.parametrize("method", [reciprocam, ablationcam])
def test_they_cost_two_forward_passes_as_they_say(method):
    module = seeded(TinyCnn())
    forward, batches = counted(module)
    drawn(module, pictures(), ["block2.bn2"], [method], TARGET, forward=forward)
    assert len(batches) - 1 == 2
    assert "forwards" in method.cost.text


@pytest.mark.parametrize("case", CASES)
def test_ablationcam_weights_channels_by_the_share_of_the_logit_that_goes_with_them(case):
    make, layer, size, extra = CASES[case]
    module, inputs = make(), pictures(size=size)
    part = module.get_submodule(layer)
    (ours,) = drawn(module, inputs, [layer], [ablationcam], TARGET, options={"batch_size": 7})
    weights, kept = [], []
    with torch.no_grad():
        handle = part.register_forward_hook(lambda _m, _a, output: kept.append(output.clone()))
        plain = module(inputs)[0, TARGET]
        handle.remove()
        tokens = kept[0].ndim == 3
        grid = kept[0][:, extra:] if tokens else kept[0]
        for channel in range(grid.shape[2 if tokens else 1]):

            def without(_m, _a, output, channel=channel):
                output = output.clone()
                if tokens:
                    output[:, extra:, channel] = grid.min() - 1e7
                else:
                    output[:, channel] = grid.min() - 1e7
                return output

            handle = part.register_forward_hook(without)
            weights.append((plain - module(inputs)[0, TARGET]) / plain.abs())
            handle.remove()
    evidence = torch.stack(weights) * grid[0] if tokens else torch.stack(weights)[:, None, None] * grid[0]
    expected = evidence.sum(1) if tokens else evidence.sum(0)
    scale = float(expected.abs().max())
    torch.testing.assert_close(ours.raw.flatten(), expected.flatten(), rtol=0, atol=1e-4 * scale)


def test_ablationcam_does_not_depend_on_how_many_channels_are_made_at_a_time():
    """grad-cam sets a channel of a signed layer the lower, the later it comes in its batch."""
    module, inputs = seeded(GapNet()), pictures()
    one, all_ = (
        drawn(module, inputs, ["features"], [ablationcam], TARGET, options={"batch_size": size})[0] for size in (1, 64)
    )
    torch.testing.assert_close(one.raw, all_.raw, rtol=0, atol=1e-4 * float(one.raw.abs().max()))


def test_a_negative_score_does_not_turn_ablationcams_map_around():
    """What every class's logit has in common changes no answer, and no map."""
    inputs, maps = pictures(), []
    for shift in (-10, 0, 10):
        module = seeded(TinyCnn())
        with torch.no_grad():
            module.fc.bias += shift
        maps.append(drawn(module, inputs, ["block2.bn2"], [ablationcam], TARGET)[0].values)
    torch.testing.assert_close(maps[0], maps[1], rtol=0, atol=1e-4)
    torch.testing.assert_close(maps[2], maps[1], rtol=0, atol=1e-4)


def test_ablationcam_leaves_channels_out_of_the_map_that_it_does_not_ablate():
    module, inputs = seeded(TinyCnn()), pictures()
    some, all_ = (
        drawn(module, inputs, ["block2.bn2"], [ablationcam], TARGET, options={"ratio_channels_to_ablate": ratio})[0]
        for ratio in (0.25, 1)
    )
    assert not torch.allclose(some.raw, all_.raw)
    import pytorch_grad_cam

    from tests.drawing import by_hand, difference, with_positive_score

    other = with_positive_score(seeded(TinyCnn(inplace=False)))
    theirs = pytorch_grad_cam.AblationCAM(other, [other.block2.bn2], ratio_channels_to_ablate=0.25)
    assert difference(some.values, by_hand(theirs, inputs, TARGET)) < 1e-4
