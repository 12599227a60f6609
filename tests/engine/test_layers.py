"""The probe: every module's output, grid and gradient, and the default target layer."""

import pytest
import torch
from torch import nn

from camctl.adapters.vit import Vit
from camctl.engine.layout import LayoutHints
from camctl.engine.probe import default_layer, is_norm, probe
from camctl.errors import InputError, UnknownNameError
from camctl.pipeline.layer_names import expand
from camctl.plugin import ClassQuestion
from tests.drawing import same, snapshot
from tests.models import CLASSES, ActivatedHead, ChannelsLast, GapNet, TinyCnn, TinyVit, of_mmpretrain, pictures, seeded


def survey(module, size=(32, 32), target=None):
    question = None if target is None else ClassQuestion(target)
    return probe(module, module, pictures(size=size), LayoutHints(), question)


def record_of(layers, name):
    return next(record for record in layers.records if record.name == name)


@pytest.mark.parametrize(
    ("build", "size", "default"),
    [
        (TinyCnn, (32, 32), "block2"),
        (TinyVit, (32, 32), "layers.1.ln1"),
        (ChannelsLast, (32, 64), "norm"),
        (GapNet, (32, 32), "features.2"),  # no norm at all: the last usable output
    ],
)
def test_the_default_is_what_the_head_reads_or_the_norm_before_a_class_tokens_last_attention(build, size, default):
    layers = survey(seeded(build()), size)
    assert layers.default == (default,)
    assert record_of(layers, default).usable


@pytest.mark.parametrize(
    ("family", "default"),
    [("cnn", "layer4.1"), ("vit", "layers.2.ln1"), ("swin", "norm2"), ("t2t", "encoder.2.ln1")],
)
def test_the_probe_finds_what_the_adapters_know(family, default):
    assert survey(of_mmpretrain(family), (64, 64)).default == (f"backbone.{default}",)


@pytest.mark.parametrize(
    ("build", "name", "why_not"),
    [
        (TinyCnn, "pool", "pooled"),
        (TinyCnn, "fc", "pooled"),
        (TinyVit, "norm", "zero-gradient"),
        (TinyVit, "layers.1.ffn", "zero-gradient"),
        (TinyVit, "head", "pooled"),
    ],
)
def test_what_will_not_do_says_why_in_a_word(build, name, why_not):
    record = record_of(survey(seeded(build())), name)
    assert (record.usable, record.why_not) == (False, why_not)


class Corners(TinyCnn):
    """Modules of every useless kind."""

    def __init__(self):
        super().__init__()
        self.spare = nn.Conv2d(8, 8, 1)
        self.shrink = nn.Conv2d(8, 8, 8)
        self.window = nn.Identity()
        self.side = nn.Conv2d(8, 8, 1)
        self.text = nn.Identity()
        self.odd = nn.Identity()

    def forward(self, x):
        x = self.block2(self.block1(self.stem(x)))
        self.window(x.unflatten(2, (2, 4)).transpose(1, 2).reshape(2, 8, 4, 8))
        self.odd(x.flatten(1)[:, :, None].expand(-1, -1, 3).reshape(1, 3, 512))
        self.text("no tensor")
        self.side(x)
        return self.fc(self.shrink(x).flatten(1))


@pytest.mark.parametrize(
    ("name", "why_not"),
    [
        ("spare", "not-run"),
        ("shrink", "single-cell"),
        ("window", "window"),
        ("side", "zero-gradient"),
        ("text", "not-tensor"),
        ("odd", "no-grid"),
        ("block2", ""),
    ],
)
def test_every_reason_is_reachable(name, why_not):
    assert record_of(survey(seeded(Corners())), name).why_not == why_not


def test_modules_come_in_the_order_they_finished_and_those_that_never_ran_last():
    layers = survey(seeded(Corners()))
    names = [record.name for record in layers.records]
    assert names.index("stem") < names.index("block1.conv1") < names.index("block1") < names.index("block2.bn2")
    assert names[-1] == "spare"
    assert layers.records[-1].order == -1


def test_a_side_branch_that_is_registered_last_but_runs_first_is_not_the_default():
    class Shortcut(TinyCnn):
        def __init__(self):
            super().__init__()
            self.downsample = nn.BatchNorm2d(8)

        def forward(self, x):
            x = self.stem(x)
            side = self.downsample(x)
            return self.fc(self.pool(self.block2(self.block1(x)) + side).flatten(1))

    layers = survey(seeded(Shortcut()))
    assert [name for name, _ in seeded(Shortcut()).named_modules()][-1] == "downsample"
    assert layers.default == ("block2",)


def test_a_norm_of_another_width_than_the_last_output_is_passed_over():
    class Wider(TinyCnn):
        def __init__(self):
            super().__init__()
            self.wide = nn.Conv2d(8, 20, 1)
            self.fc = nn.Linear(20, 4)

        def forward(self, x):
            return self.fc(self.pool(self.wide(self.block1(self.stem(x)))).flatten(1))

    assert survey(seeded(Wider())).default == ("wide",)


def test_a_container_gives_way_to_the_layer_inside_that_made_its_output():
    class Wrapped(GapNet):
        def forward(self, x):
            return self.fc(self.features(x).mean((2, 3)))

    layers = survey(seeded(Wrapped()))
    assert record_of(layers, "features").same_as == "features.2"
    assert layers.default == ("features.2",)


def test_of_branches_that_are_summed_only_the_sum_holds_all():
    class Branches(TinyCnn):
        """Two branches are summed, as in RepVGG and MobileOne while they are trained."""

        def __init__(self):
            super().__init__()
            self.wide, self.narrow, self.act = nn.BatchNorm2d(8), nn.BatchNorm2d(8), nn.ReLU()

        def forward(self, x):
            x = self.block1(self.stem(x))
            return self.fc(self.pool(self.act(self.wide(x) + self.narrow(x))).flatten(1))

    layers = survey(seeded(Branches()))
    assert record_of(layers, "narrow").usable
    assert (layers.default, layers.pre_activation) == (("act",), ())


@pytest.mark.parametrize("act", [nn.ReLU(), nn.ReLU(inplace=True), nn.ReLU6()])
def test_a_norm_whose_rectified_output_the_head_reads_is_the_layer_of_methods_that_bear_both_signs(act):
    layers = survey(seeded(ActivatedHead(act)))
    assert (layers.default, layers.pre_activation, layers.rectified) == (("act",), ("norm",), False)
    assert (record_of(layers, "act").negative, record_of(layers, "norm").negative > 0.1) == (0, True)


@pytest.mark.parametrize("act", [nn.SiLU(), nn.Hardswish(), nn.Conv2d(8, 8, 1), nn.AvgPool2d(3, 1, 1)])
def test_behind_anything_but_a_rectifier_one_layer_serves_all_methods(act):
    layers = survey(seeded(ActivatedHead(act)))
    assert (layers.default, layers.pre_activation) == (("act",), ())


class Swish(torch.autograd.Function):
    """A function of one's own, as memory-saving activations are."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x.sigmoid()

    @staticmethod
    def backward(ctx, gradient):
        (x,) = ctx.saved_tensors
        return gradient * x.sigmoid() * (1 + x * (1 - x.sigmoid()))


class OwnSwish(nn.Module):
    def forward(self, x):
        return Swish.apply(x)


SMOOTH = (nn.SiLU, nn.GELU, nn.Hardswish, nn.Mish, nn.ELU, nn.CELU, nn.SELU, nn.LeakyReLU, nn.Softshrink, nn.Tanh)


@pytest.mark.parametrize("act", [nn.ReLU, nn.ReLU6, *SMOOTH, OwnSwish])
@pytest.mark.parametrize(("scale", "shift"), [(1, 0), (1e7, 0), (0.01, 5), (0.01, -5)])
def test_whether_an_activation_is_a_rectifier_hangs_on_its_function_and_not_on_what_it_reads(act, scale, shift):
    """Far from zero, and where all values are of one sign, SiLU puts out what ReLU does."""
    module = seeded(ActivatedHead(act()))
    nn.init.constant_(module.norm.weight, scale)
    nn.init.constant_(module.norm.bias, shift)
    rectifier = act in {nn.ReLU, nn.ReLU6}
    layers = survey(module)
    assert (layers.default, layers.pre_activation) == (("act",), ("norm",) if rectifier else ())


def test_a_rectifier_of_many_values_puts_out_no_negative_one_for_any_picture():
    """Float32 sums of as many values round by more than a millionth."""
    module = nn.Sequential(
        nn.Conv2d(3, 64, 3), nn.BatchNorm2d(64), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 4)
    )
    found = []
    for seed in range(16):
        images = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(seed))
        layers = probe(seeded(module), module, images, LayoutHints())
        found.append((layers.default, layers.pre_activation, record_of(layers, "2").negative))
    assert set(found) == {(("2",), ("1",), 0)}


@pytest.mark.parametrize("relu", [torch.relu, torch.relu_])
def test_a_rectifier_that_is_no_module_is_noticed_behind_the_norm(relu):
    # torchvision's DenseNet, and many a net of one's own: F.relu(self.norm(x)).
    layers = survey(seeded(ActivatedHead(relu)))
    assert (layers.default, layers.pre_activation, layers.rectified) == (("norm",), (), True)
    assert not survey(seeded(ActivatedHead(torch.tanh))).rectified


def test_a_rectifier_that_is_no_module_is_noticed_behind_a_convolution_and_behind_a_sum():
    class Bare(TinyCnn):
        def __init__(self, last):
            super().__init__()
            self.last = last

        def forward(self, x):
            return self.fc(self.pool(torch.relu(self.last(self.block1(self.stem(x))))).flatten(1))

    class Sum(nn.Conv2d):
        def forward(self, x):
            return super().forward(x) + x

    for last in (nn.Conv2d(8, 8, 1), Sum(8, 8, 1)):
        layers = survey(seeded(Bare(last)))
        assert (layers.default, layers.rectified) == (("last",), True)
        assert record_of(layers, "last").negative > 0


def test_an_activation_that_runs_many_times_goes_by_the_name_of_its_block():
    class Shared(TinyCnn):
        """One ReLU for the whole block, as in torchvision's ResNets."""

        def __init__(self):
            super().__init__()
            self.end = Twice()

        def forward(self, x):
            return self.fc(self.pool(self.end(self.block1(self.stem(x)))).flatten(1))

    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.relu = nn.Conv2d(8, 8, 1), nn.ReLU()

        def forward(self, x):
            return self.relu(self.conv(self.relu(self.conv(x))) + x)

    class Elsewhere(TinyCnn):
        """One ReLU for the whole net, which the last block ends in: mmpretrain's DenseNet."""

        def __init__(self):
            super().__init__()
            self.act = nn.ReLU()
            self.end = nn.Sequential(nn.BatchNorm2d(8), self.act)

        def forward(self, x):
            return self.fc(self.pool(self.end(self.act(self.block1(self.stem(x))))).flatten(1))

    assert survey(seeded(Shared())).default == ("end",)
    layers = survey(seeded(Elsewhere()))
    assert (layers.default, layers.pre_activation) == (("end",), ("end.0",))


def test_scores_of_classes_at_each_place_are_no_features():
    class ScoreMap(TinyCnn):
        def __init__(self):
            super().__init__()
            self.score, self.act = nn.Conv2d(8, 4, 1), nn.ReLU()

        def forward(self, x):
            return self.act(self.score(self.block1(self.stem(x)))).mean((2, 3))

    layers = survey(seeded(ScoreMap()))
    assert record_of(layers, "act").usable
    assert layers.default == ("block1",)


def test_as_many_channels_as_classes_are_features_all_the_same():
    class Narrow(GapNet):
        def __init__(self):
            super().__init__()
            self.last, self.fc = nn.Conv2d(6, 4, 1), nn.Linear(4, 4)

        def forward(self, x):
            return self.fc(self.last(self.features(x)).mean((2, 3)))

    assert survey(seeded(Narrow())).default == ("last",)


def test_where_all_else_is_missing_scores_at_each_place_will_do():
    class OnlyScores(nn.Sequential):
        def __init__(self):
            super().__init__(nn.Conv2d(3, 4, 4, stride=4), nn.AdaptiveAvgPool2d(1), nn.Flatten())

    assert survey(seeded(OnlyScores())).default == ("0",)


def test_only_what_a_module_puts_out_last_counts():
    class TwiceAround(TinyVit):
        """Its last norm runs before the attention, where patches are live, and behind it, where they are not."""

        def __init__(self):
            super().__init__()
            self.layers[-1].ln2 = self.layers[-1].ln1

    layers = survey(seeded(TwiceAround()))
    record = record_of(layers, "layers.1.ln1")
    assert (record.calls, record.usable, record.why_not) == (2, False, "zero-gradient")
    assert layers.default != ("layers.1.ln1",)


class Overwriting(TinyCnn):
    """Ends in a block that writes over its norm's output."""

    def __init__(self):
        super().__init__()
        self.end = nn.Sequential(nn.Conv2d(8, 8, 1, bias=False), nn.GroupNorm(2, 8), nn.ReLU(inplace=True))

    def forward(self, x):
        return self.fc(self.pool(self.end(self.block1(self.stem(x)))).flatten(1))


@pytest.mark.filterwarnings("ignore:The `use_layer_scale`")  # mmpretrain's own words to itself
def test_the_adapter_of_vit_knows_the_one_vit_whose_blocks_run_a_norm_twice():
    of_mmpretrain("vit")  # fills the registry
    from mmpretrain.registry import MODELS

    arch = {"embed_dims": 24, "num_layers": 3, "num_heads": 2, "feedforward_channels": 48}
    backbone = {"type": "DeiT3", "arch": arch, "img_size": 64, "patch_size": 16}
    head = {"type": "VisionTransformerClsHead", "num_classes": 4, "in_channels": 24}
    settings = {"type": "ImageClassifier", "backbone": backbone, "head": head, "data_preprocessor": None}
    module = seeded(MODELS.build(settings), seed=3)
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=0.5)  # layer scales begin at almost nothing
    (layer,) = Vit().target_layers(module)
    layers = survey(module, (64, 64))
    assert layer == "backbone.layers.1"
    assert record_of(layers, layer).usable
    assert record_of(layers, "backbone.layers.2.ln1").why_not == "zero-gradient"


def test_an_output_that_was_written_over_is_not_the_same_output():
    layers = survey(seeded(Overwriting()))
    assert record_of(layers, "end.2").same_as == ""
    assert record_of(layers, "end").same_as == "end.2"
    assert (layers.default, layers.pre_activation) == (("end.2",), ("end.1",))


def test_a_block_whose_branch_is_dead_is_not_the_block_before():
    class Residual(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.relu = nn.Conv2d(8, 8, 1), nn.ReLU()

        def forward(self, x):
            return x + self.relu(self.conv(x))

    class Residuals(TinyCnn):
        def __init__(self):
            super().__init__()
            self.end = Residual()

        def forward(self, x):
            return self.fc(self.pool(self.end(self.block1(self.stem(x)))).flatten(1))

    module = seeded(Residuals())
    alive = survey(module)
    nn.init.constant_(module.end.conv.bias, -1e3)
    dead = survey(module)
    assert record_of(dead, "end.conv").gradient == 0
    assert dead.default == alive.default == ("end",)


def test_a_container_that_only_rearranges_gives_way_to_the_layer_inside():
    class Rearranged(nn.Module):
        """Tokens inside, planes outside, as LeViT gives its features out."""

        def __init__(self):
            super().__init__()
            self.body, self.fc = Tokens(), nn.Linear(16, 4)

        def forward(self, x):
            return self.fc(self.body(x).mean((2, 3)))

    layers = survey(seeded(Rearranged()))
    assert (record_of(layers, "body").layout, record_of(layers, "body.mix").layout) == ("NCHW", "NLC")
    assert record_of(layers, "body").same_as == "body.mix"
    assert layers.default == ("body.mix",)


class Tokens(nn.Module):
    def __init__(self):
        super().__init__()
        self.patch, self.mix = nn.Conv2d(3, 16, 8, stride=8), nn.Linear(16, 16)

    def forward(self, x):
        tokens = self.mix(self.patch(x).flatten(2).transpose(1, 2))
        return tokens.transpose(1, 2).unflatten(2, (4, 4)).contiguous()


def test_a_module_that_hands_an_input_on_stands_where_that_was_made():
    class Both(nn.Module):
        """Writes the coarse tokens, and hands the fine ones on first, as CoaT's parallel blocks do."""

        def __init__(self):
            super().__init__()
            self.norm, self.mix = nn.LayerNorm(8), nn.Linear(8, 8)

        def forward(self, fine, coarse):
            return fine, coarse + self.mix(self.norm(coarse))

    class Scales(nn.Module):
        def __init__(self):
            super().__init__()
            self.stem, self.fine, self.down = nn.Conv2d(3, 8, 4, 4), nn.Linear(8, 8), nn.Conv2d(8, 8, 2, 2)
            self.both, self.head = Both(), nn.Linear(8, 4)

        def forward(self, x):
            fine = self.fine(self.stem(x).flatten(2).mT)
            coarse = self.down(fine.mT.unflatten(2, (8, 8))).flatten(2).mT
            return self.head(self.both(fine, coarse)[1].mean(1))

    layers = survey(seeded(Scales()))
    assert record_of(layers, "both").same_as == "fine"
    assert layers.default == ("both.norm",)


def test_a_norm_with_its_activation_inside_is_the_maker_of_what_that_puts_out():
    class NormAct(nn.BatchNorm2d):
        """As timm's."""

        def __init__(self, width):
            super().__init__(width)
            self.act = nn.ReLU(inplace=True)

        def forward(self, x):
            return self.act(super().forward(x))

    class Plain(TinyCnn):
        def __init__(self):
            super().__init__()
            self.norm = NormAct(8)

        def forward(self, x):
            return self.fc(self.pool(self.norm(self.block1(self.stem(x)))).flatten(1))

    layers = survey(seeded(Plain()))
    assert record_of(layers, "norm").same_as == "norm.act"
    assert (layers.default, layers.pre_activation, layers.rectified) == (("norm",), (), False)


class OneQuery(nn.Module):
    """A class token alone reads the patches, by `heads` heads, out of keys and values of a strided convolution."""

    def __init__(self, heads=3, stride=1):
        super().__init__()
        self.heads, self.stride = heads, stride
        self.patch, self.before = nn.Conv2d(3, 12, 4, 4), nn.LayerNorm(12)
        self.shrink, self.inside = nn.Conv2d(12, 12, stride, stride), nn.BatchNorm2d(12)
        self.keys, self.values, self.drop = nn.Linear(12, 12), nn.Linear(12, 12), nn.Dropout(0.0)
        self.after, self.head = nn.LayerNorm(12), nn.Linear(12, 4)

    def forward(self, x):
        side = x.shape[-1] // 4
        tokens = self.patch(x).flatten(2).mT
        tokens = torch.cat([tokens.mean(1, keepdim=True), tokens], 1)
        normed = self.before(tokens)
        fewer = self.inside(self.shrink(normed[:, 1:].mT.unflatten(2, (side, side)))).flatten(2).mT
        query, keys, values = (
            each.unflatten(2, (self.heads, -1)).transpose(1, 2)
            for each in (normed[:, :1], self.keys(fewer), self.values(fewer))
        )
        read = self.drop((query @ keys.mT).softmax(-1)) @ values
        tokens = tokens + torch.cat([read.transpose(1, 2).flatten(2), normed[:, 1:]], 1)
        return self.head(self.after(tokens)[:, 0])


def test_weights_of_one_querys_attention_are_no_places():
    layers = survey(seeded(OneQuery()), (48, 48))
    assert record_of(layers, "drop").shape == (1, 3, 1, 144)
    assert record_of(layers, "drop").why_not == "no-grid"


def test_the_fewer_places_of_keys_and_values_are_not_those_of_the_patches():
    layers = survey(seeded(OneQuery(stride=2)))
    assert record_of(layers, "values").grid == record_of(layers, "inside").grid == (4, 4)
    assert record_of(layers, "after").why_not == "zero-gradient"
    assert layers.default == ("before",)


@pytest.mark.parametrize("joint", [2, 3])
def test_the_norm_before_keys_and_values_in_one_is_of_a_part_of_their_width(joint):
    class Joint(TinyVit):
        """Its last attention reads keys and values, and queries perhaps, out of one layer."""

        def __init__(self):
            super().__init__()
            self.before, self.all = nn.LayerNorm(16), nn.Linear(16, 16 * joint)

        def forward(self, x):
            tokens = self.patch(x).flatten(2).transpose(1, 2)
            tokens = self.layers[0](torch.cat([self.extra, tokens], 1) + self.position)
            parts = self.all(self.before(tokens)).chunk(joint, -1)
            read = (parts[0][:, :1] @ parts[-2].mT).softmax(-1) @ parts[-1]
            return self.head(read[:, 0])

    assert survey(seeded(Joint())).default == ("before",)


def test_branches_that_part_at_the_input_are_both_looked_at():
    class TwoBranches(TinyVit):
        """Planes are pooled, a class token is read, and both classify, as in Conformer."""

        def __init__(self):
            super().__init__()
            self.planes = nn.Sequential(nn.Conv2d(3, 8, 16, 16), nn.BatchNorm2d(8))
            self.second = nn.Linear(8, CLASSES)

        def forward(self, x):
            tokens = torch.cat([self.extra, self.patch(x).flatten(2).transpose(1, 2)], 1)
            for layer in self.layers:
                tokens = layer(tokens)
            planes = self.planes(x).mean((2, 3))
            return self.second(planes) + self.head(self.norm(tokens)[:, 0])

    assert survey(seeded(TwoBranches())).default == ("planes.1",)


def test_of_two_sequences_that_are_read_the_last_live_one_counts():
    class TwoScales(nn.Module):
        """Two class tokens are read, that of the finer patches first, and the coarse one's norm runs last of all."""

        def __init__(self):
            super().__init__()
            self.coarse, self.fine = TinyVit(depth=1), TinyVit(depth=1)
            self.fine.patch = nn.Conv2d(3, 16, 4, stride=4)
            self.fine.position = nn.Parameter(torch.zeros(1, 65, 16))
            self.norm, self.head = nn.LayerNorm(16), nn.Linear(16, CLASSES)

        def forward(self, x):
            parts = []
            for each in (self.coarse, self.fine):
                tokens = torch.cat([each.extra, each.patch(x).flatten(2).transpose(1, 2)], 1)
                parts.append(each.layers[0](tokens + each.position))
            fine = self.fine.norm(parts[1])
            return self.head(fine[:, 0]) + self.head(self.norm(parts[0])[:, 0])

    layers = survey(seeded(TwoScales()))
    assert record_of(layers, "norm").why_not == "zero-gradient"
    assert layers.default == ("fine.layers.0.ln1",)


def test_a_model_without_any_grid_has_no_default():
    class Flat(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(3 * 32 * 32, 4)

        def forward(self, x):
            return self.fc(x.flatten(1))

    assert survey(Flat()).default == ()
    assert default_layer([]) == ()


def test_shape_grid_and_tokens_are_told():
    record = record_of(survey(seeded(TinyVit(size=(48, 96), registers=2)), (48, 96)), "layers.1.ln1")
    assert (record.shape, record.grid, record.extra_tokens, record.channels) == ((1, 75, 16), (6, 12), 3, 16)
    assert record.norm
    assert record.gradient > 0


def test_the_probe_leaves_the_model_as_it_was():
    module = seeded(TinyCnn()).train()
    module(pictures(2)).sum().backward()
    before = snapshot(module)
    survey(module)
    assert same(before, snapshot(module))


def test_the_probe_leaves_the_model_as_it_was_when_it_fails():
    module = seeded(TinyCnn()).train()
    before = snapshot(module)
    with pytest.raises(RuntimeError):
        probe(module, module, torch.zeros(1, 5, 32, 32), LayoutHints())
    assert same(before, snapshot(module))


def test_frozen_models_are_probed_too():
    module = seeded(TinyCnn()).requires_grad_(requires_grad=False)
    assert survey(module).default == ("block2",)


def test_the_target_chooses_whose_gradient_is_looked_at():
    class TwoHeads(TinyCnn):
        def forward(self, x):
            first = self.block1(self.stem(x))
            return torch.stack([first.mean((1, 2, 3)), self.block2(first).mean((1, 2, 3))], 1)

    module = seeded(TwoHeads())
    assert record_of(survey(module, target=0), "block2").why_not == "zero-gradient"
    assert record_of(survey(module, target=1), "block2").usable


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (["block2"], ("block2",)),
        (["block?"], ("block1", "block2")),
        (["block*.bn2"], ("block1.bn2", "block2.bn2")),
        (["**.bn2"], ("block1.bn2", "block2.bn2")),
        (["*"], ("stem", "block1", "block2", "pool", "fc")),
        (["block2.bn2", "block*.bn2", "block2.bn2"], ("block2.bn2", "block1.bn2")),
    ],
)
def test_names_and_patterns_become_layers_once_each(wanted, found):
    assert expand(dict(TinyCnn().named_modules()), wanted) == found


def test_an_unknown_layer_gets_the_nearest_names():
    with pytest.raises(UnknownNameError, match=r"'block2.bm2'") as raised:
        expand(dict(TinyCnn().named_modules()), ["block2.bm2"])
    assert "block2.bn2" in raised.value.hint


def test_a_layers_last_name_alone_is_enough_for_a_suggestion():
    with pytest.raises(UnknownNameError) as raised:
        expand(dict(TinyCnn().named_modules()), ["module.backbone.encoder.features.bn2"])
    assert "bn2" in raised.value.hint


def test_a_pattern_that_matches_nothing_is_an_error():
    with pytest.raises(InputError, match="No layer matches"):
        expand(dict(TinyCnn().named_modules()), ["block9.*"])


@pytest.mark.parametrize(
    ("part", "norm"),
    [
        (nn.BatchNorm2d(2), True),
        (nn.LayerNorm(2), True),
        (nn.GroupNorm(1, 2), True),
        (type("RMSNorm", (nn.Module,), {})(), True),
        (type("FrozenBatchNorm2d", (nn.Module,), {})(), True),
        (type("LayerNorm2d", (nn.LayerNorm,), {})(2), True),
        (nn.Conv2d(1, 1, 1), False),
        (type("Normal", (nn.Module,), {})(), False),
        (TinyCnn(), False),
    ],
)
def test_norms_are_known_by_class_or_by_name(part, norm):
    assert is_norm(part) is norm
