"""Running only what follows the target layer: what a whole forward pass gives, and never anything else."""

import re

import pytest
import torch
from torch import nn

from camctl.engine import replay
from camctl.engine.capture import Recorder
from camctl.engine.layout import LayoutHints, tensor_in, with_tensor
from camctl.engine.tape import Tape
from camctl.plugin import ClassQuestion
from tests.drawing import same, snapshot
from tests.models import CLASSES, ChannelsLast, GapNet, TinyCnn, TinyVit, counted, of_mmpretrain, pictures, seeded

CLOSE = {"rtol": 0, "atol": 1e-5}


class Tuple(TinyCnn):
    """Its target layer returns a tuple."""

    class Pair(nn.Module):
        def forward(self, x):
            return x, x.mean()

    def __init__(self):
        super().__init__()
        self.pair = self.Pair()

    def forward(self, x):
        features, _ = self.pair(self.block1(self.stem(x)))
        return self.fc(self.pool(self.block2(features)).flatten(1))


class Twice(TinyCnn):
    """Calls its target layer twice, and keeps what came of the first call."""

    def forward(self, x):
        first = self.block1(self.stem(x))
        return self.fc(self.pool(first.sin() + self.block1(first)).flatten(1))


class Dense(nn.Module):
    """Joins its features to earlier ones, and shapes them by a batch size that it read at its beginning."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 6, 4, stride=4), nn.Conv2d(6, 4, 3, padding=1)
        self.fc = nn.Linear(10, CLASSES)

    def forward(self, x):
        batch = len(x)
        early = self.first(x).relu()
        joined = torch.cat([early, self.second(early)], 1)
        return self.fc(joined.reshape(batch, 10, -1).mean(2))


class PassesThrough(nn.Module):
    """Its target layer gives back the very tensor that a shortcut goes on to use."""

    def __init__(self):
        super().__init__()
        self.stem, self.layer, self.fc = nn.Conv2d(3, 6, 4, stride=4), nn.Identity(), nn.Linear(6, CLASSES)

    def forward(self, x):
        x = self.stem(x)
        return self.fc((self.layer(x).relu_() + x).mean((2, 3)))


class Indexed(nn.Module):
    """Puts its features into another order, by numbers and by a mask that do not depend on them."""

    def __init__(self):
        super().__init__()
        self.layer, self.fc = nn.Conv2d(3, 6, 4, stride=4), nn.Linear(6, CLASSES)

    def forward(self, x):
        late = self.layer(x)[:, [3, 1, 0, 2, 5, 4]]
        return self.fc(late[:, :, torch.arange(8) % 3 == 0].relu().mean((2, 3)))


class Torchs(nn.Module):
    """Attention of torch itself, which has a fused way of its own."""

    def __init__(self):
        super().__init__()
        self.patch, self.norm = nn.Conv2d(3, 16, 8, stride=8), nn.LayerNorm(16)
        self.attention, self.fc = nn.MultiheadAttention(16, 2, batch_first=True), nn.Linear(16, CLASSES)

    def forward(self, x):
        tokens = self.norm(self.patch(x).flatten(2).transpose(1, 2))
        return self.fc((tokens + self.attention(tokens, tokens, tokens, need_weights=False)[0]).mean(1))


NETS = {
    "cnn": (lambda: seeded(TinyCnn()), "block1.bn2", (32, 32)),
    "cnn, nothing in place": (lambda: seeded(TinyCnn(inplace=False)), "block1.bn2", (32, 32)),
    "cnn, from the stem": (lambda: seeded(TinyCnn()), "stem", (32, 32)),
    "tokens": (lambda: seeded(TinyVit()), "layers.1.ln1", (32, 32)),
    "tokens and registers": (lambda: seeded(TinyVit(registers=2)), "layers.0", (32, 32)),
    "before the class token": (lambda: seeded(TinyVit()), "patch", (32, 32)),
    "channels last": (lambda: seeded(ChannelsLast()), "norm", (32, 64)),
    "pooling": (lambda: seeded(GapNet()), "features.0", (32, 32)),
    "a tuple": (lambda: seeded(Tuple()), "pair", (32, 32)),
    "called twice": (lambda: seeded(Twice()), "block1", (32, 32)),
    "joined": (lambda: seeded(Dense()), "second", (32, 32)),
    "passed through": (lambda: seeded(PassesThrough()), "layer", (32, 32)),
    "indexed": (lambda: seeded(Indexed()), "layer", (32, 32)),
    "torch's attention": (lambda: seeded(Torchs()), "norm", (32, 32)),
    "mmpretrain cnn": (lambda: of_mmpretrain("cnn"), "backbone.layer4.1.bn2", (64, 64)),
    "mmpretrain cnn, early": (lambda: of_mmpretrain("cnn"), "backbone.layer2.0.bn2", (64, 64)),
    "mmpretrain vit": (lambda: of_mmpretrain("vit"), "backbone.layers.2.ln1", (64, 64)),
    "mmpretrain vit, early": (lambda: of_mmpretrain("vit"), "backbone.layers.0.ln1", (64, 64)),
    "mmpretrain swin": (lambda: of_mmpretrain("swin"), "backbone.norm2", (64, 64)),
    "mmpretrain swin, early": (lambda: of_mmpretrain("swin"), "backbone.stages.1.blocks.0.norm2", (64, 64)),
    "mmpretrain t2t": (lambda: of_mmpretrain("t2t"), "backbone.encoder.2.ln1", (64, 64)),
    "mmpretrain t2t, early": (lambda: of_mmpretrain("t2t"), "backbone.tokens_to_token.attention1.ln1", (64, 64)),
}
"""What is replayed -> network, target layer, size of its input."""


def captured(module, layer, inputs, forward=None):
    with Recorder(module, [layer], LayoutHints(), gradients=False) as recorder:
        recorder.forward(inputs, forward or module)
        (capture,) = recorder.captures(ClassQuestion(0), None)
    return capture


def changed(capture, count, seed=0):
    """Grids (N*count, C, H, W): each view's activations, every value by a factor of its own."""
    own = capture.activations.repeat_interleave(count, 0)
    return own * torch.rand(own.shape, generator=torch.Generator().manual_seed(seed))


def whole(capture, grids):
    """Whole forward passes, one grid a view at a time, put in by a hook where the layer is called last."""
    layer = capture.module.get_submodule(capture.layer)
    calls = []
    counting = layer.register_forward_hook(lambda *_: calls.append(0))
    logits = []
    with torch.no_grad():
        capture.forward(capture.inputs)
        counting.remove()
        for part in grids.unflatten(0, (len(capture.inputs), -1)).unbind(1):
            left = len(calls)

            def put(_module, _args, output, part=part):
                nonlocal left
                left -= 1
                tensor = tensor_in(output)
                return None if left else with_tensor(output, tensor, capture.output_of(part, tensor).clone())

            handle = layer.register_forward_hook(put)
            logits.append(capture.forward(capture.inputs).float())
            handle.remove()
    return torch.stack(logits, 1).flatten(0, 1)


@pytest.mark.parametrize("views", [1, 3])
@pytest.mark.parametrize("net", NETS)
def test_it_gives_what_a_whole_forward_pass_gives(net, views):
    make, layer, size = NETS[net]
    capture = captured(make(), layer, pictures(views, size))
    grids = changed(capture, 3)
    expected = whole(capture, grids)
    found = capture.replay(grids)
    assert capture.replay.why_whole == ""
    torch.testing.assert_close(found, expected, **CLOSE)
    assert (expected[0] - expected[1]).abs().max() > 1e-3 * expected.abs().max()  # the grids do matter
    torch.testing.assert_close(capture.replay(capture.activations), capture.logits, **CLOSE)


def test_more_grids_than_one_chunk_come_back_in_order():
    capture = captured(seeded(TinyVit()), "layers.1.ln1", pictures(2))
    grids = changed(capture, replay.CHUNK + 5)
    found = capture.replay(grids)
    for place in (0, replay.CHUNK + 4, replay.CHUNK + 5, len(grids) - 1):
        view = place // (replay.CHUNK + 5)
        alone = captured(seeded(TinyVit()), "layers.1.ln1", pictures(2)[view : view + 1])
        torch.testing.assert_close(found[place], alone.replay(grids[place : place + 1])[0], **CLOSE)


def test_it_runs_the_network_twice_at_its_first_call_and_never_again():
    module = seeded(TinyCnn())
    forward, batches = counted(module)
    capture = captured(module, "block2.bn2", pictures(), forward)
    assert batches == [1]  # a method that does not ask for it pays nothing
    capture.replay(changed(capture, 2))
    assert batches == [1, 1, 1]
    capture.replay(changed(capture, 50))
    assert batches == [1, 1, 1]


def test_the_classes_of_one_picture_share_a_replay():
    module = seeded(TinyCnn())
    with Recorder(module, ["block2.bn2"], LayoutHints(), gradients=True) as recorder:
        recorder.forward(pictures(), module)
        first, second = (recorder.captures(ClassQuestion(target), None)[0] for target in (0, 1))
    assert first.replay is second.replay


def test_what_comes_before_the_layer_is_not_run():
    module = of_mmpretrain("cnn")
    capture = captured(module, "backbone.layer4.1.bn2", pictures(size=(64, 64)))
    grids = changed(capture, 2)
    capture.replay(grids)
    ran = []
    handles = [part.register_forward_pre_hook(lambda part, _args: ran.append(part)) for part in module.modules()]
    capture.replay(grids)
    for handle in handles:
        handle.remove()
    assert ran == []


@pytest.mark.parametrize("net", ["cnn", "tokens", "passed through"])
def test_the_grids_are_not_written_over(net):
    make, layer, size = NETS[net]
    capture = captured(make(), layer, pictures(1, size))
    grids = changed(capture, 2)
    before, activations = grids.clone(), capture.activations.clone()
    assert torch.equal(capture.replay(grids), capture.replay(grids))
    assert torch.equal(grids, before)
    assert torch.equal(capture.activations, activations)


class Stubborn(nn.Module):
    """Does to its features what no tape can hold."""

    def __init__(self, kind):
        super().__init__()
        self.kind = kind
        self.stem, self.layer, self.fc = nn.Conv2d(3, 6, 4, stride=4), nn.Conv2d(6, 6, 1), nn.Linear(6, CLASSES)

    def forward(self, x):
        early = self.stem(x)
        late = self.layer(early)
        if self.kind == "a number":
            late = late * 2 if late.mean().item() > 0 else late * 3
        elif self.kind == "numpy":
            late = torch.from_numpy(late.numpy() * 2)
        elif self.kind == "written over what came before":
            early += late
            late = early
        elif self.kind == "a constant overwritten after its use":
            factor = early.clone()
            late = late * factor
            factor.zero_()
        elif self.kind == "values choose a shape":
            late = late * len(late[late > 0])
        elif self.kind == "it fails when it is watched":
            from torch.utils._python_dispatch import _get_current_dispatch_mode

            if _get_current_dispatch_mode() is not None:
                message = "not now"
                raise ValueError(message)
        return self.fc(late.mean((2, 3)))


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("a number", "_local_scalar_dense.*depends on values"),
        ("numpy", "output differs from the network's"),
        ("written over what came before", "add_.* writes over what does not depend on the layer"),
        ("a constant overwritten after its use", "written over after it was used"),
        ("values choose a shape", "depends on values"),
        ("it fails when it is watched", "not now"),
    ],
)
@pytest.mark.parametrize("views", [1, 2])
def test_a_network_that_no_tape_can_hold_is_run_whole_and_right(kind, why, views):
    capture = captured(seeded(Stubborn(kind)), "layer", pictures(views))
    grids = torch.cat([changed(capture, 2), -changed(capture, 3)])
    found = capture.replay(grids)
    assert re.search(why, capture.replay.why_whole)
    torch.testing.assert_close(found, whole(capture, grids), **CLOSE)


def test_a_layer_that_is_called_twice_in_a_network_that_no_tape_can_hold():
    class Both(Stubborn):
        def forward(self, x):
            first = self.stem(x)
            first = first + self.layer(first)
            late = first + self.layer(first)
            return self.fc(late.mean((2, 3)) * (1 if late.sum().item() > 0 else -1))

    capture = captured(seeded(Both("")), "layer", pictures())
    grids = changed(capture, 3)
    torch.testing.assert_close(capture.replay(grids), whole(capture, grids), **CLOSE)


def test_a_view_whose_memory_is_written_over_later_is_followed():
    class Writes(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer, self.fc = nn.Conv2d(3, 6, 4, stride=4), nn.Linear(6, CLASSES)

        def forward(self, x):
            late = self.layer(x)
            flat = late.view(len(x), 6, -1)
            flat[:, ::2] *= -2
            late += 1
            return self.fc(late.relu_().mean((2, 3)) + flat.amax(2))

    capture = captured(seeded(Writes()), "layer", pictures(3))
    grids = changed(capture, 2)
    torch.testing.assert_close(capture.replay(grids), whole(capture, grids), **CLOSE)
    assert capture.replay.why_whole == ""


@pytest.mark.parametrize("written", [False, True])
def test_a_view_may_copy_only_where_nobody_writes_later(written):
    tape, tensor = Tape(), torch.zeros(2, 6)
    with tape:
        tape.start(tensor)
        flat = tensor.view(12)
        if written:
            flat += 1
        result = tensor * 2
    tape.finish(result)
    assert (tape.steps[0].operation is torch.reshape) != written
    assert tape.writes_over_input == written
    assert torch.equal(tape.play(torch.ones(2, 6)), torch.full((2, 6), 4.0 if written else 2.0))


def test_a_tape_that_does_not_give_what_the_network_gives_is_thrown_away(monkeypatch):
    monkeypatch.setattr(Tape, "play", lambda _tape, tensor: tensor.mean((2, 3))[:, :CLASSES])
    capture = captured(seeded(TinyCnn()), "block2.bn2", pictures())
    grids = changed(capture, 2)
    torch.testing.assert_close(capture.replay(grids), whole(capture, grids), **CLOSE)
    assert "output differs" in capture.replay.why_whole


def test_logits_that_do_not_depend_on_the_layer_are_the_same_for_every_grid():
    class Blind(TinyCnn):
        def forward(self, x):
            x = self.stem(x)
            self.block1(x)
            return self.fc(self.pool(x).flatten(1))

    capture = captured(seeded(Blind()), "block1.bn2", pictures(2))
    torch.testing.assert_close(capture.replay(changed(capture, 3)), capture.logits.repeat_interleave(3, 0))


def test_a_bfloat16_model_is_replayed_in_its_own_precision():
    capture = captured(seeded(TinyVit()).bfloat16(), "layers.1.ln1", pictures().bfloat16())
    grids = changed(capture, 2)
    found = capture.replay(grids)
    assert found.dtype is torch.float32
    assert capture.replay.why_whole == ""
    torch.testing.assert_close(found, whole(capture, grids), rtol=0, atol=0.05)


@pytest.mark.parametrize("shape", [(2, 8, 8, 8), (3, 7, 8, 8), (3, 8, 8), (3, 8, 4, 8)])
def test_grids_of_another_shape_are_refused(shape):
    capture = captured(seeded(TinyCnn()), "block2.bn2", pictures(3))
    with pytest.raises(ValueError, match=r"replay takes grids \(3\*K, 8, 8, 8\)"):
        capture.replay(torch.zeros(shape))


@pytest.mark.parametrize(
    ("make", "layer"),
    [(lambda: seeded(TinyCnn()), "block1.bn2"), (lambda: seeded(Stubborn("a number")), "layer")],
)
def test_a_model_that_has_gone_on_training_is_replayed_in_eval_mode_and_left_as_it_was(make, layer):
    module = make()
    capture = captured(module, layer, pictures())
    grids = changed(capture, 2)
    expected = whole(capture, grids)
    module.train()
    first, *_ = module.parameters()
    first.grad = torch.ones_like(first)
    before = snapshot(module)
    torch.testing.assert_close(capture.replay(grids), expected, **CLOSE)
    assert same(before, snapshot(module))
    assert torch.backends.mha.get_fastpath_enabled()


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
@pytest.mark.parametrize("at", [2, 3])
def test_the_model_is_left_as_it_was_when_it_fails_in_the_middle(error, at):
    module = seeded(TinyCnn())
    capture = captured(module, "block2.bn2", pictures())
    calls = []

    def fail(*_):
        calls.append(0)
        if len(calls) >= at - 1:
            raise error

    handle = module.pool.register_forward_pre_hook(fail)
    before = snapshot(module)
    with pytest.raises(error):
        capture.replay(changed(capture, 2))
    assert same(before, snapshot(module))
    handle.remove()
