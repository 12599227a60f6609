"""LeGrad, rollout and gradient-weighted attention: their papers' formulas on a transformer written out by hand."""

from functools import partial

import pytest
import torch
from torch import nn
from torch.nn import functional

from camctl.engine.capture import Recorder
from camctl.engine.layout import LayoutHints
from camctl.errors import InputError
from camctl.methods import attention as looking
from camctl.methods.attention_rollout import attention_rollout
from camctl.methods.gradient_attention import gradient_attention
from camctl.methods.legrad import legrad
from camctl.plugin import ClassQuestion
from tests.drawing import drawn, same, snapshot
from tests.models import CLASSES, TinyCnn, TinyVit, counted, of_mmpretrain, pictures, seeded

TARGET = 2
LAYER = "layers.1.ln1"
METHODS = {"LeGrad": legrad, "AttentionRollout": attention_rollout, "GradientAttention": gradient_attention}


def raw(module, method, inputs=None, layer=LAYER, target=TARGET):
    (one,) = drawn(module, pictures() if inputs is None else inputs, [layer], [method], target)
    return one.raw


class ByHand:
    """A `TinyVit` written out, its attention weights plain tensors that can be put in from outside."""

    def __init__(self, module, inputs):
        self.module = module
        tokens = module.patch(inputs).flatten(2).transpose(1, 2)
        self.start = (torch.cat([module.extra, tokens], 1) + module.position)[0].detach()

    def weights(self, block, tokens):
        """(2 heads, L, L): softmax of queries times keys over the root of a head's width."""
        q, k, _ = block.attn.qkv(block.ln1(tokens)).chunk(3, -1)
        half = q.shape[1] // 2
        return torch.stack([(q[:, h : h + half] @ k[:, h : h + half].T / half**0.5).softmax(-1) for h in (0, half)])

    def after(self, block, tokens, weights):
        _, _, v = block.attn.qkv(block.ln1(tokens)).chunk(3, -1)
        half = v.shape[1] // 2
        heads = [weights[0] @ v[:, :half], weights[1] @ v[:, half:]]
        tokens = tokens + block.attn.out(torch.cat(heads, 1))
        return tokens + block.ffn(block.ln2(tokens))

    def logits(self, tokens):
        return self.module.head(self.module.norm(tokens)[0])

    def states(self):
        """Each block's input and attention weights."""
        tokens, states = self.start, []
        for block in self.module.layers:
            weights = self.weights(block, tokens)
            states.append((block, tokens.detach(), weights.detach()))
            tokens = self.after(block, tokens, weights)
        return states


@pytest.fixture(params=[0, 2], ids=["class token", "registers"])
def by_hand(request):
    module = seeded(TinyVit(registers=request.param), seed=2)
    hand = ByHand(module, pictures())
    hand.extra = 1 + request.param
    tokens = hand.start
    for block, _, weights in hand.states():
        tokens = hand.after(block, tokens, weights)
    torch.testing.assert_close(hand.logits(tokens), module(pictures())[0], rtol=1e-4, atol=1e-5)
    return hand


def test_attention_rollout_multiplies_half_attention_half_identity(by_hand):
    length = len(by_hand.start)
    rollout = [[float(i == j) for j in range(length)] for i in range(length)]
    for _, _, weights in by_hand.states():
        mean = weights.mean(0).tolist()
        mixed = [[0.5 * mean[i][j] + 0.5 * (i == j) for j in range(length)] for i in range(length)]
        rollout = [
            [sum(mixed[i][k] * rollout[k][j] for k in range(length)) for j in range(length)] for i in range(length)
        ]
    expected = torch.tensor(rollout[0][by_hand.extra :]).reshape(4, 4)
    assert abs(sum(rollout[0]) - 1) < 1e-5
    torch.testing.assert_close(raw(by_hand.module, attention_rollout), expected, rtol=1e-4, atol=1e-6)


def test_gradient_attention_adds_up_positive_influence_block_by_block(by_hand):
    """Equations 5 and 6 of the paper; the gradient goes through queries and keys of later blocks, too."""
    first, second = by_hand.module.layers
    one = by_hand.weights(first, by_hand.start).detach().requires_grad_()
    tokens = by_hand.after(first, by_hand.start, one)
    two = by_hand.weights(second, tokens)
    score = by_hand.logits(by_hand.after(second, tokens, two))[TARGET]
    gradients = torch.autograd.grad(score, [one, two])
    relevance = torch.eye(len(by_hand.start))
    for weights, gradient in zip((one, two), gradients, strict=True):
        mean = sum((gradient[head] * weights[head]).clamp_min(0) for head in range(2)) / 2
        relevance = relevance + mean @ relevance
    expected = relevance[0, by_hand.extra :].detach().reshape(4, 4)
    torch.testing.assert_close(raw(by_hand.module, gradient_attention), expected, rtol=1e-4, atol=1e-6)


def test_legrad_differentiates_each_blocks_own_score_by_its_own_attention(by_hand):
    expected = torch.zeros(len(by_hand.start))
    for block, tokens, weights in by_hand.states():
        leaf = weights.clone().requires_grad_()
        score = by_hand.logits(by_hand.after(block, tokens, leaf))[TARGET]
        (gradient,) = torch.autograd.grad(score, leaf)
        for head in range(2):
            for query in range(len(by_hand.start)):
                expected += gradient[head, query].clamp_min(0) / (2 * len(by_hand.start)) / 2
    torch.testing.assert_close(
        raw(by_hand.module, legrad), expected[by_hand.extra :].reshape(4, 4), rtol=1e-4, atol=1e-6
    )


def test_legrads_gradients_are_those_of_finite_differences():
    module = seeded(TinyVit(), seed=2).double()
    inputs = pictures().double()
    hand = ByHand(module, inputs)
    with Recorder(module, [LAYER], LayoutHints(), gradients=False) as recorder:
        recorder.forward(inputs, module)
        (capture,) = recorder.captures(ClassQuestion(TARGET), None)
        found = looking.own_gradients(capture)
    for (block, tokens, weights), gradient in zip(hand.states(), found, strict=True):
        for place in ((0, 0, 3), (1, 0, 5), (0, 2, 7)):
            scores = []
            for step in (1e-5, -1e-5):
                moved = weights.clone()
                moved[place] += step
                scores.append(float(hand.logits(hand.after(block, tokens, moved))[TARGET].detach()))
            assert (scores[0] - scores[1]) / 2e-5 == pytest.approx(float(gradient[0][place]), rel=1e-3, abs=1e-6)


class OtherAttention(nn.Module):
    """The attention of `TinyVit`, its weights come by in another way."""

    def __init__(self, like, way):
        super().__init__()
        self.qkv, self.out, self.way = like.qkv, like.out, way

    def forward(self, x):
        n, length, width = x.shape
        q, k, v = self.qkv(x).reshape(n, length, 3, 2, width // 2).permute(2, 0, 3, 1, 4)
        return self.out(self.way(q, k, v).transpose(1, 2).reshape(n, length, width))


def eager(softmax):
    return lambda q, k, v: softmax(q @ k.transpose(2, 3) / q.shape[-1] ** 0.5) @ v


WAYS = {
    "fused, looked up when it runs": lambda q, k, v: functional.scaled_dot_product_attention(q, k, v, dropout_p=0.0),
    "fused, bound to a scale": partial(functional.scaled_dot_product_attention, scale=8**-0.5),
    "fused, with a mask": lambda q, k, v: functional.scaled_dot_product_attention(
        q, k, v, attn_mask=torch.ones(17, 17, dtype=torch.bool)
    ),
    "softmax of a tensor": eager(lambda logits: logits.softmax(dim=-1)),
    "softmax of torch": eager(lambda logits: torch.softmax(logits, -1)),
    "softmax of functional": eager(lambda logits: functional.softmax(logits, dim=3)),
    "softmax as a module": eager(nn.Softmax(dim=-1)),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", METHODS)
def test_attention_is_seen_in_whatever_way_it_is_computed(kind, way):
    expected = raw(seeded(TinyVit(), seed=2), METHODS[kind])
    module = seeded(TinyVit(), seed=2)
    for block in module.layers:
        block.attn = OtherAttention(block.attn, WAYS[way])
    torch.testing.assert_close(raw(module, METHODS[kind]), expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("need_weights", [False, True])
def test_the_attention_of_torchs_own_module_is_seen(need_weights):
    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm, self.attention = nn.LayerNorm(16), nn.MultiheadAttention(16, 2, batch_first=True)

        def forward(self, x):
            y = self.norm(x)
            return x + self.attention(y, y, y, need_weights=need_weights)[0]

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.patch, self.fc = nn.Conv2d(3, 16, 8, stride=8), nn.Linear(16, CLASSES)
            self.blocks = nn.Sequential(Block(), Block())

        def forward(self, x):
            return self.fc(self.blocks(self.patch(x).flatten(2).transpose(1, 2)).mean(1))

    module = seeded(Net())
    seen = []
    with torch.no_grad():
        tokens = module.patch(pictures()).flatten(2).transpose(1, 2)
        for block in module.blocks:
            y = block.norm(tokens)
            seen.append(block.attention(y, y, y)[1][0])  # averaged over heads
            tokens = block(tokens)
    mixed = [(weights + torch.eye(16)) / 2 for weights in seen]
    expected = (mixed[1] @ mixed[0]).mean(0).reshape(4, 4)  # the head reads all tokens alike
    torch.testing.assert_close(raw(module, attention_rollout, layer="blocks.1.norm"), expected, rtol=1e-4, atol=1e-6)
    for method in (legrad, gradient_attention):
        (one,) = drawn(module, pictures(), ["blocks.1.norm"], [method], TARGET)
        assert one.verdict.name == "ok"


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"scale": 0.3},
        {"is_causal": True},
        {"attn_mask": torch.randn(6, 6, generator=torch.Generator().manual_seed(4))},
        {"attn_mask": torch.eye(6).bool() | (torch.arange(6) < 3)},
        {"enable_gqa": True},
    ],
    ids=["plain", "scale", "causal", "added mask", "hiding mask", "grouped queries"],
)
def test_the_fused_attention_is_worked_out_as_torch_does(options):
    generator = torch.Generator().manual_seed(0)
    heads = 2 if options.get("enable_gqa") else 4
    query = torch.randn(2, 4, 6, 8, generator=generator)
    key, value = (torch.randn(2, heads, 6, 8, generator=generator) for _ in range(2))
    kept = []
    with looking._watched(lambda weights: kept.append(weights) or weights):
        found = functional.scaled_dot_product_attention(query, key, value, **options)
    torch.testing.assert_close(found, functional.scaled_dot_product_attention(query, key, value, **options))
    torch.testing.assert_close(kept[0].sum(-1), torch.ones(2, 4, 6))


def test_attention_over_other_keys_is_left_to_torch():
    query, key = torch.randn(1, 2, 3, 4), torch.randn(1, 2, 5, 4)
    with looking._watched(lambda _weights: pytest.fail("not self-attention")):
        found = functional.scaled_dot_product_attention(query, key, key)
        (query @ key.transpose(2, 3)).softmax(-1)
    torch.testing.assert_close(found, functional.scaled_dot_product_attention(query, key, key))


@pytest.mark.parametrize("kind", METHODS)
@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
@pytest.mark.parametrize("at", [2, 3])
def test_torch_and_the_model_are_left_as_they_were_when_it_fails_in_the_middle(kind, error, at):
    module = seeded(TinyVit())
    fused, before = functional.scaled_dot_product_attention, snapshot(module)
    calls = []

    def forward(inputs):
        calls.append(0)
        if len(calls) < at:
            return module(inputs)
        handle = module.head.register_forward_pre_hook(lambda *_: (_ for _ in ()).throw(error("half-way")))
        try:
            return module(inputs)
        finally:
            handle.remove()

    with pytest.raises(error):
        drawn(module, pictures(), [LAYER], [METHODS[kind]], TARGET, forward=forward)
    assert functional.scaled_dot_product_attention is fused
    assert torch._C._len_torch_function_stack() == 0
    assert same(before, snapshot(module))


@pytest.mark.parametrize("kind", METHODS)
def test_they_cost_two_forward_passes_as_they_say(kind):
    module = seeded(TinyVit())
    forward, batches = counted(module)
    drawn(module, pictures(), [LAYER], [METHODS[kind]], TARGET, forward=forward)
    assert len(batches) - 1 == 2


FAMILIES = {
    "vit": ("backbone.layers", 3, "backbone.layers.2.ln1", 1, (8, 8)),
    "t2t": ("backbone.encoder", 3, "backbone.encoder.2.ln1", 1, (4, 4)),
}


@pytest.mark.parametrize("family", FAMILIES)
def test_the_blocks_of_mmpretrains_families_are_found_and_add_up(family):
    container, depth, layer, extra, grid = FAMILIES[family]
    module, inputs = of_mmpretrain(family), pictures(size=(64, 64))
    with Recorder(module, [layer], LayoutHints(), gradients=False) as recorder:
        recorder.forward(inputs, module)
        (capture,) = recorder.captures(ClassQuestion(TARGET), None)
        found = looking.attention(capture)
        assert [block.name for block in looking._blocks(capture)] == [f"{container}.{i}" for i in range(depth)]
    assert len(found.weights) == depth
    for weights in found.weights:
        assert weights.shape == (1, 2, extra + grid[0] * grid[1], extra + grid[0] * grid[1])
        torch.testing.assert_close(weights.sum(-1), torch.ones(weights.shape[:3]))
    assert found.read[0].nonzero().flatten().tolist() == [0]  # the class token
    for method in METHODS.values():
        (one,) = drawn(module, inputs, [layer], [method], TARGET)
        assert one.verdict.name == "ok"
        assert one.raw.shape == grid


def test_a_deit_with_two_tokens_is_read_at_both():
    import mmpretrain.models  # noqa: F401 - fills the registry
    from mmpretrain.registry import MODELS

    arch = {"embed_dims": 24, "num_layers": 2, "num_heads": 2, "feedforward_channels": 48}
    config = {
        "type": "ImageClassifier",
        "data_preprocessor": None,
        "backbone": {"type": "DistilledVisionTransformer", "arch": arch, "img_size": 64, "patch_size": 16},
        "head": {"type": "DeiTClsHead", "num_classes": CLASSES, "in_channels": 24},
    }
    module = seeded(MODELS.build(config), seed=3)
    layer = "backbone.layers.1.ln1"
    with Recorder(module, [layer], LayoutHints(), gradients=False) as recorder:
        recorder.forward(pictures(size=(64, 64)), module)
        (capture,) = recorder.captures(ClassQuestion(TARGET), None)
        read = looking.attention(capture).read
    assert read[0, :2].tolist() == [0.5, 0.5]
    assert read[0, 2:].count_nonzero() == 0
    for method in METHODS.values():
        assert drawn(module, pictures(size=(64, 64)), [layer], [method], TARGET)[0].raw.shape == (4, 4)


def test_where_the_head_reads_the_mean_of_the_patches_the_mean_of_their_rows_is_taken():
    class Mean(TinyVit):
        def forward(self, x):
            tokens = self.patch(x).flatten(2).transpose(1, 2)
            tokens = torch.cat([self.extra, tokens], 1) + self.position
            for layer in self.layers:
                tokens = layer(tokens)
            return self.head(self.norm(tokens[:, 1:].mean(1)))

    module = seeded(Mean(), seed=2)
    hand = ByHand(module, pictures())
    rollout = torch.eye(17)
    for _, _, weights in hand.states():
        rollout = (weights.mean(0) + torch.eye(17)) / 2 @ rollout
    expected = rollout[1:, 1:].mean(0).reshape(4, 4)
    torch.testing.assert_close(raw(module, attention_rollout), expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("kind", METHODS)
def test_models_that_they_cannot_work_on_are_ruled_out_beforehand(kind):
    method = METHODS[kind]
    assert method.cannot(seeded(TinyVit())) == ""
    assert method.cannot(of_mmpretrain("t2t")) == ""
    assert "windows" in method.cannot(of_mmpretrain("swin"))
    assert "no attention layers" in method.cannot(seeded(TinyCnn()))


@pytest.mark.parametrize("kind", METHODS)
def test_windows_that_no_name_tells_of_are_an_input_error(kind):
    with pytest.raises(InputError, match="stays within windows"):
        drawn(of_mmpretrain("swin"), pictures(size=(64, 64)), ["backbone.norm2"], [METHODS[kind]], TARGET)


def test_a_net_that_computes_no_attention_is_an_input_error():
    with pytest.raises(InputError, match="No block of this model"):
        drawn(seeded(TinyCnn()), pictures(), ["block2.bn2"], [legrad], TARGET)


@pytest.mark.parametrize("kind", METHODS)
def test_a_layer_that_puts_out_other_tokens_is_an_input_error(kind):
    module = of_mmpretrain("t2t")
    with pytest.raises(InputError, match="is not the sequence of tokens") as raised:
        drawn(module, pictures(size=(64, 64)), ["backbone.tokens_to_token.attention1.ln1"], [METHODS[kind]], TARGET)
    assert "camctl layers" in raised.value.hint


def test_rollout_knows_no_class_and_the_others_do():
    module = seeded(TinyVit())
    assert torch.equal(raw(module, attention_rollout, target=0), raw(module, attention_rollout, target=1))
    assert not attention_rollout.discriminative
    for method in (legrad, gradient_attention):
        assert method.discriminative
        assert not torch.allclose(raw(module, method, target=0), raw(module, method, target=1))
