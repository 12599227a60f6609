"""One forward pass, one truncated backward pass a class, and a model that is put back exactly."""

import pytest
import torch
from torch import nn

from camctl.engine.capture import Recorder, reaches_grid
from camctl.engine.layout import LayoutHints
from camctl.errors import InputError
from camctl.methods.eigencam import eigencam
from camctl.methods.gradcam import gradcam
from camctl.plugin import ClassQuestion
from tests.drawing import drawn, same, snapshot
from tests.models import TinyCnn, TinyVit, of_mmpretrain, pictures, seeded

LAYERS = ("block1.bn2", "block2.bn2", "block2")


def used_model():
    """A model in the middle of a training: mixed modes, a frozen part, gradients lying about, a hook of its owner's."""
    module = seeded(TinyCnn())
    module.train()
    module.block1.bn1.eval()
    module.stem.requires_grad_(requires_grad=False)
    module(pictures(4)).sum().backward()
    module.block2.register_forward_hook(lambda *_: None)
    return module


def test_the_model_is_put_back_exactly():
    module = used_model()
    before = snapshot(module)
    drawn(module, pictures(), LAYERS, [gradcam, eigencam], 1)
    assert same(before, snapshot(module))


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_the_model_is_put_back_when_the_forward_pass_fails(error):
    module = used_model()
    before = snapshot(module)
    handle = module.pool.register_forward_pre_hook(lambda *_: (_ for _ in ()).throw(error))
    with pytest.raises(error):
        drawn(module, pictures(), LAYERS, [gradcam], 1)
    handle.remove()
    assert same(before, snapshot(module))


def test_the_model_is_put_back_when_a_layer_does_not_exist():
    module = used_model()
    before = snapshot(module)
    with pytest.raises(KeyError), Recorder(module, ["block1", "nowhere"], LayoutHints(), gradients=True):
        pass
    assert same(before, snapshot(module))


def test_the_running_statistics_of_norms_stay_although_the_model_was_training():
    module = seeded(TinyCnn()).train()
    mean = module.block1.bn1.running_mean.clone()
    drawn(module, pictures(), ["block2"], [gradcam], 1)
    assert torch.equal(module.block1.bn1.running_mean, mean)


def test_in_place_relu_after_the_target_layer_changes_nothing():
    maps = [
        drawn(seeded(TinyCnn(inplace=inplace)), pictures(), ["block2.bn2"], [gradcam, eigencam], 0)
        for inplace in (True, False)
    ]
    for one, other in zip(*maps, strict=True):
        torch.testing.assert_close(one.raw, other.raw)


def test_a_frozen_backbone_works():
    module = seeded(TinyCnn())
    whole = drawn(module, pictures(), ["block1.bn2"], [gradcam], 0)[0]
    module.requires_grad_(requires_grad=False)
    frozen = drawn(module, pictures(), ["block1.bn2"], [gradcam], 0)[0]
    assert torch.equal(whole.raw, frozen.raw)


def test_it_works_inside_no_grad():
    with torch.no_grad():
        (one,) = drawn(seeded(TinyCnn()), pictures(), ["block2"], [gradcam], 0)
    assert one.verdict.name == "ok"


@pytest.mark.parametrize("layer", LAYERS)
def test_several_layers_give_the_gradients_that_each_gives_alone(layer):
    module = seeded(TinyCnn(inplace=True))
    with Recorder(module, LAYERS, LayoutHints(), gradients=True) as together:
        together.forward(pictures(), module)
        many = dict(zip(LAYERS, together.backward(ClassQuestion(2), last=True), strict=True))
    with Recorder(module, [layer], LayoutHints(), gradients=True) as alone:
        alone.forward(pictures(), module)
        (one,) = alone.backward(ClassQuestion(2), last=True)
    torch.testing.assert_close(many[layer], one)


class Branches(nn.Module):
    """Two branches side by side, added, and one of them nested in a module that is a target layer too."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 6, 4, stride=4)
        self.left = nn.Sequential(nn.Conv2d(6, 6, 1), nn.ReLU())
        self.right = nn.Conv2d(6, 6, 3, padding=1)
        self.fc = nn.Linear(6, 4)

    def forward(self, x):
        x = self.stem(x)
        return self.fc((self.left(x) * self.right(x)).mean((2, 3)))


def test_parallel_branches_and_nested_layers_match_the_whole_backward_pass():
    module, layers = seeded(Branches()), ("left", "right", "left.0", "stem")
    with Recorder(module, layers, LayoutHints(), gradients=True) as recorder:
        recorder.forward(pictures(), module)
        found = recorder.backward(ClassQuestion(1), last=True)
        outputs = [seen.output.detach() for seen in recorder.seen]
    kept = {}
    for name in layers:
        module.get_submodule(name).register_forward_hook(
            lambda _m, _a, out, name=name: kept.setdefault(name, out).retain_grad()
        )
    module(pictures())[0, 1].backward()
    for name, gradient, output in zip(layers, found, outputs, strict=True):
        torch.testing.assert_close(gradient, kept[name].grad)
        torch.testing.assert_close(output, kept[name].detach())


def test_nothing_before_the_first_target_layer_is_differentiated():
    module = seeded(TinyCnn())
    with Recorder(module, ["block2.bn2"], LayoutHints(), gradients=True) as recorder:
        grown = []
        module.block1.register_forward_hook(lambda _m, _a, out: grown.append(out.requires_grad))
        recorder.forward(pictures(), module)
        assert grown == [False]
        assert recorder.seen[0].output.is_leaf
        recorder.backward(ClassQuestion(0), last=True)
    assert all(parameter.grad is None for parameter in module.parameters())


def test_methods_that_need_no_gradients_build_no_graph():
    module = seeded(TinyCnn())
    with Recorder(module, ["block2"], LayoutHints(), gradients=False) as recorder:
        logits = recorder.forward(pictures(), module)
        assert not logits.requires_grad
        assert not recorder.seen[0].output.requires_grad


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_a_half_precision_model_gives_float32_maps(dtype):
    module = seeded(TinyVit()).to(dtype)
    for one in drawn(module, pictures().to(dtype), ["layers.1.ln1"], [gradcam, eigencam], 1):
        assert one.values.dtype is one.raw.dtype is torch.float32
        assert one.verdict.name == "ok"


def test_a_half_precision_model_gives_nearly_the_same_map():
    module = seeded(TinyVit())
    whole = drawn(module, pictures(), ["layers.1.ln1"], [gradcam], 1)[0]
    half = drawn(module.bfloat16(), pictures().bfloat16(), ["layers.1.ln1"], [gradcam], 1)[0]
    assert float((whole.values - half.values).abs().mean()) < 0.05


def test_a_layer_that_is_called_twice_is_seen_at_its_last_call():
    class Twice(TinyCnn):
        def forward(self, x):
            first = self.block1(self.stem(x))
            return self.fc(self.pool(self.block1(first) * 2).flatten(1))

    module = seeded(Twice())
    with Recorder(module, ["block1"], LayoutHints(), gradients=True) as recorder:
        recorder.forward(pictures(), module)
        (gradient,) = recorder.backward(ClassQuestion(0), last=True)
        output = recorder.seen[0].output.detach()
    with torch.no_grad():
        torch.testing.assert_close(output, module.block1(module.block1(module.stem(pictures()))))
    expected = module.fc.weight[0].detach()[None, :, None, None] * 2 / 64
    torch.testing.assert_close(gradient, expected.expand_as(gradient))


def test_a_layer_that_never_runs_is_an_error_that_says_so():
    class Unused(TinyCnn):
        def __init__(self):
            super().__init__()
            self.spare = nn.Conv2d(8, 8, 1)

    module = seeded(Unused())
    before = snapshot(module)
    with pytest.raises(InputError, match="never runs") as raised:
        drawn(module, pictures(), ["spare"], [gradcam], 0)
    assert "camctl layers" in raised.value.hint
    assert same(before, snapshot(module))


def test_a_layer_without_a_grid_is_an_error_that_gives_its_shape():
    class Flat(TinyCnn):
        def __init__(self):
            super().__init__()
            self.odd = nn.Flatten(0, 1)

        def forward(self, x):
            x = self.block1(self.stem(x))
            self.odd(x)
            return self.fc(self.pool(x).flatten(1))

    with pytest.raises(InputError, match=r"\(8, 8, 8\)"):
        drawn(seeded(Flat()), pictures(), ["odd"], [gradcam], 0)


def test_the_class_token_alone_is_no_gradient_of_places():
    module = seeded(TinyVit())
    with Recorder(module, ["norm", "layers.1.ln1"], LayoutHints(), gradients=True) as recorder:
        recorder.forward(pictures(), module)
        gradients = recorder.backward(ClassQuestion(1), last=True)
        reached = [reaches_grid(g, seen.layout) for g, seen in zip(gradients, recorder.seen, strict=True)]
    assert reached == [False, True]


def test_several_classes_need_the_graph_until_the_last():
    module = seeded(TinyCnn())
    with Recorder(module, ["block2"], LayoutHints(), gradients=True) as recorder:
        recorder.forward(pictures(), module)
        (first,) = recorder.backward(ClassQuestion(0), last=False)
        (again,) = recorder.backward(ClassQuestion(0), last=True)
    torch.testing.assert_close(first, again)


@pytest.mark.parametrize("family", ["cnn", "swin"])
def test_mmpretrains_outputs_that_are_tuples_are_seen_and_handed_on(family):
    module = of_mmpretrain(family)
    with torch.no_grad():
        plain = module(pictures(size=(64, 64)))
    with Recorder(module, ["backbone"], LayoutHints(), gradients=True) as recorder:
        logits = recorder.forward(pictures(size=(64, 64)), module)
        recorder.backward(ClassQuestion(0), last=True)
    torch.testing.assert_close(logits.detach(), plain)


def test_a_captures_ways_to_the_grid_and_back_take_what_the_layer_gives():
    class Pair(nn.Module):
        def forward(self, x):
            return {"features": x, "weights": x.mean()}

    class Net(TinyCnn):
        def __init__(self):
            super().__init__()
            self.pair = Pair()

        def forward(self, x):
            return self.fc(self.pool(self.pair(self.stem(x))["features"]).flatten(1))

    module = seeded(Net())
    with Recorder(module, ["pair"], LayoutHints(), gradients=False) as recorder:
        recorder.forward(pictures(), module)
        (capture,) = recorder.captures(ClassQuestion(0), None)
        output = module.pair(module.stem(pictures()))
        torch.testing.assert_close(capture.grid_of(output), output["features"])
        back = capture.output_of(capture.grid_of(output) * 2, output)
    assert back.keys() == output.keys()
    torch.testing.assert_close(back["features"], output["features"] * 2)
