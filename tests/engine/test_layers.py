"""The probe: every module's output, grid and gradient, and the default target layer."""

import pytest
import torch
from torch import nn

from camctl.engine.layers import default_layer, expand, is_norm, probe
from camctl.engine.layout import LayoutHints
from camctl.errors import InputError, UnknownNameError
from tests.drawing import same, snapshot
from tests.models import ChannelsLast, GapNet, TinyCnn, TinyVit, of_mmpretrain, pictures, seeded


def survey(module, size=(32, 32), target=None):
    return probe(module, module, pictures(size=size), LayoutHints(), target)


def record_of(layers, name):
    return next(record for record in layers.records if record.name == name)


@pytest.mark.parametrize(
    ("build", "size", "default"),
    [
        (TinyCnn, (32, 32), "block2.bn2"),
        (TinyVit, (32, 32), "layers.1.ln1"),
        (ChannelsLast, (32, 64), "norm"),
        (GapNet, (32, 32), "features.2"),  # no norm at all: the last usable output
    ],
)
def test_the_default_is_the_last_live_norm_else_the_last_live_output(build, size, default):
    layers = survey(seeded(build()), size)
    assert layers.default == (default,)
    assert record_of(layers, default).usable


@pytest.mark.parametrize(
    ("family", "default"),
    [("cnn", "layer4.1.bn2"), ("vit", "layers.2.ln1"), ("swin", "norm2"), ("t2t", "encoder.2.ln1")],
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
    assert layers.default == ("block2.bn2",)


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


def test_calls_are_counted():
    class Twice(TinyCnn):
        def forward(self, x):
            return self.fc(self.pool(self.block1(self.block1(self.stem(x)))).flatten(1))

    assert record_of(survey(seeded(Twice())), "block1").calls == 2


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
    assert survey(module).default == ("block2.bn2",)


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
    assert expand(TinyCnn(), wanted) == found


def test_an_unknown_layer_gets_the_nearest_names():
    with pytest.raises(UnknownNameError, match=r"'block2.bm2'") as raised:
        expand(TinyCnn(), ["block2.bm2"])
    assert "block2.bn2" in raised.value.hint


def test_a_layers_last_name_alone_is_enough_for_a_suggestion():
    with pytest.raises(UnknownNameError) as raised:
        expand(TinyCnn(), ["module.backbone.encoder.features.bn2"])
    assert "bn2" in raised.value.hint


def test_a_pattern_that_matches_nothing_is_an_error():
    with pytest.raises(InputError, match="No layer matches"):
        expand(TinyCnn(), ["block9.*"])


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
