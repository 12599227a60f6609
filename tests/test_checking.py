"""`check_`: whether a map can be made and trusted, on models that are sound and on models broken in one way."""

import json

import numpy as np
import pytest
import torch
from torch import nn

from camctl.errors import InputError
from camctl.pipeline.check import check as check_
from camctl.values.request import Family
from tests.models import ActivatedHead, Block, ChannelsLast, TinyCnn, TinyVit, loaded, seeded

NAMES = ("ant", "bee", "cat", "dog", "elk")


class Flat(nn.Module):
    """Reads pixels as one long row: nothing has places."""

    def __init__(self):
        super().__init__()
        self.flatten, self.fc = nn.Flatten(), nn.Linear(3 * 32 * 32, 5)

    def forward(self, x):
        return self.fc(self.flatten(x))


class Random(TinyCnn):
    """Drops out in eval mode as well."""

    def forward(self, x):
        return super().forward(nn.functional.dropout(x, 0.3, training=True))


class Counts(TinyCnn):
    """Keeps a count that nothing depends on."""

    def __init__(self):
        super().__init__()
        self.register_buffer("seen", torch.zeros(()))

    def forward(self, x):
        self.seen += 1
        return super().forward(x)


class RandomWithGradients(TinyCnn):
    """Drops out where gradients are on, as if they meant training, and so gives steady scores and unsteady maps."""

    def forward(self, x):
        return super().forward(nn.functional.dropout(x, 0.3, training=torch.is_grad_enabled()))


class CountsWithGradients(Counts):
    """Keeps its count where gradients are on."""

    def forward(self, x):
        return super().forward(x) if torch.is_grad_enabled() else TinyCnn.forward(self, x)


class Learns(TinyCnn):
    """Goes on training its norms, whatever mode it is put into."""

    def train(self, mode=True):  # noqa: FBT002
        return super().train(True)

    def forward(self, x):
        for part in self.modules():
            part.training = True
        return super().forward(x)


class Fickle(TinyCnn):
    """Another hook each time: what a careless library leaves behind."""

    def forward(self, x):
        self.fc.register_forward_hook(lambda *_: None)
        return super().forward(x)


class Mixes(TinyCnn):
    """What it says of a picture depends on its neighbours."""

    def forward(self, x):
        return super().forward(x) - super().forward(x.mean(0, keepdim=True)) / 2


class OneAtATime(TinyCnn):
    def forward(self, x):
        return super().forward(x.reshape(1, 3, 32, 32))


class Decides(TinyCnn):
    """Turns activations into a Python number on its way."""

    def forward(self, x):
        x = self.block2(self.block1(self.stem(x)))
        return self.fc(self.pool(x * float(x.detach().abs().mean())).flatten(1))


class VisionTransformer(TinyVit):
    """By its class and parts the adapter `vit` knows it."""

    num_extra_tokens = 1


class MeanOfPatches(VisionTransformer):
    """The head reads all tokens, and the adapter does not know it."""

    def forward(self, x):
        tokens = self.patch(x).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.extra.expand(len(x), -1, -1), tokens], 1) + self.position
        for layer in self.layers:
            tokens = layer(tokens)
        return self.head(self.norm(tokens).mean(1))


class Miscounted(VisionTransformer):
    """Has one more token than it says."""

    def __init__(self):
        super().__init__(registers=1)


class Unnormed(Block):
    def forward(self, x):
        x = x + self.attn(x)
        return x + self.ffn(self.ln2(x))


class NeverNormed(VisionTransformer):
    """Does not run the layer that the adapter names."""

    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList(Unnormed(16) for _ in range(2))


class Unrolled(nn.Module):
    """A block that gives out two long rows."""

    def __init__(self):
        super().__init__()
        self.bn2 = nn.BatchNorm2d(8)

    def forward(self, x):
        rows = x.reshape(len(x), 8, 2, 32)
        return (rows + self.bn2(rows)).relu()


class ResNet(nn.Module):
    """By its class and parts the adapter `cnn` knows it."""

    def __init__(self):
        super().__init__()
        self.stem, self.layer4 = nn.Conv2d(3, 8, 4, stride=4), nn.Sequential(Unrolled())
        self.fc = nn.Linear(8, 5)

    def forward(self, x):
        return self.fc(self.layer4(self.stem(x)).mean((2, 3)))


class Columns(nn.Module):
    """Tokens that go down the columns of a grid of 8 x 12 (or of another size), one after the other."""

    input_size = (64, 96)

    def __init__(self):
        super().__init__()
        self.patch = nn.Conv2d(3, 16, 8, stride=8)
        self.layers, self.head = nn.ModuleList(Block(16) for _ in range(2)), nn.Linear(16, 5)

    def forward(self, x):
        tokens = self.in_order(self.patch(x)).flatten(2).mT
        for layer in self.layers:
            tokens = layer(tokens)
        return self.head(tokens.mean(1))

    def in_order(self, grid):
        return grid.mT


class Rows(Columns):
    """The same in the usual order."""

    def in_order(self, grid):
        return grid


class Shuffled(Columns):
    """Tokens in an order that nobody foresaw, which do not look at one another."""

    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([nn.Sequential(nn.Linear(16, 16), nn.LayerNorm(16))])

    def in_order(self, grid):
        order = torch.randperm(grid.shape[2] * grid.shape[3], generator=torch.Generator().manual_seed(3))
        return grid.flatten(2)[:, :, order]


class Blind(Rows):
    """The layer sees the mean of the picture, and a position."""

    def __init__(self):
        super().__init__()
        self.position = nn.Parameter(torch.zeros(1, 16, 8, 12))

    def in_order(self, grid):
        return grid.mean((2, 3), keepdim=True) + self.position


class OfColumns:
    """An adapter of `Columns`: the tokens' rows are the picture's columns."""

    summary, turned = "a test's", True

    def matches(self, module):
        return isinstance(module, Columns)

    def target_layers(self, module):
        return ["layers.1.ln1"]

    def extra_tokens(self, module):
        return 0

    def to_grid(self, output, input_size):
        if output.ndim != 3:
            return None
        rows, columns = (size // 8 for size in input_size)
        return output.mT.unflatten(2, (columns, rows)).mT if self.turned else output.mT.unflatten(2, (rows, columns))


class OfRows(OfColumns):
    """Takes the tokens' rows for the picture's."""

    turned = False


@pytest.fixture
def adapters(tmp_path, monkeypatch):
    """Install `of_columns` and `of_rows`."""
    info = tmp_path / "camctl_columns-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: camctl-columns\nVersion: 1.0\n")
    names = f"of_columns = {__name__}:OfColumns\nof_rows = {__name__}:OfRows\n"
    (info / "entry_points.txt").write_text(f"[camctl.adapters]\n{names}")
    monkeypatch.syspath_prepend(tmp_path)


def checked(module, **fields):
    return check_(loaded(seeded(module), class_names=NAMES, **fields))


def finding(found, name):
    return next(each for each in found.findings if each.name == name)


def failed(found):
    return [each.name for each in found.findings if each.mark == "failed"]


@pytest.mark.parametrize(
    ("family", "layer", "grid", "extra"),
    [
        ("resnet", "backbone.layer4", (14, 14), 0),
        ("vit", "backbone.layers.4.ln1", (14, 14), 1),
        ("swin", "backbone.norm3", (14, 14), 0),
        ("t2t", "backbone.encoder.3.ln1", (7, 7), 1),
    ],
)
def test_the_demos_networks_are_understood_and_the_probe_agrees_with_their_adapters(family, layer, grid, extra):
    found = check_(f"demo:{family}")

    assert (found.verdict, found.layers, found.grid, found.extra_tokens) == ("ok", (layer,), grid, extra)
    assert found.ok
    assert found.finding_passes == 0
    assert finding(found, "places").mark == "ok"
    assert "choose the same" in finding(found, "layer").text
    assert finding(found, "adapter").mark == "ok"
    attends = finding(found, "attention").mark
    assert attends == ("ok" if family in {"vit", "t2t"} else "limited")
    assert [each.name for each in found.findings if each.mark != "ok"] == ["attention"] * (attends == "limited")


def test_a_model_that_no_adapter_knows_pays_for_the_probe():
    found = checked(TinyCnn())

    assert (found.verdict, found.chosen_by, found.layers) == ("ok", "probe", ("block2",))
    assert found.finding_passes > 1
    assert [each.name for each in found.findings] == [
        *("layer", "gradient", "grid", "places", "repeatable", "batches", "replay", "attention", "classes", "picture"),
        "untouched",
    ]


def test_a_picture_is_what_the_model_is_shown_and_need_not_be_square():
    found = check_(loaded(seeded(ChannelsLast())), np.arange(32 * 64 * 3, dtype=np.uint8).reshape(32, 64, 3))

    assert (found.image, found.input_size, found.grid) == ("<array>", (32, 64), (4, 8))


def test_without_a_picture_two_checks_say_the_same():
    one, other = (checked(TinyCnn()).to_dict() for _ in range(2))

    timed = {"seconds": 0, "finding_passes": 0}
    assert one | timed == other | timed


def test_a_check_is_json():
    told = json.loads(json.dumps(checked(TinyVit()).to_dict()))

    assert set(told) == {
        *("model", "image", "input_size", "layers", "chosen_by", "grid", "extra_tokens", "verdict", "reason", "hint"),
        *("seconds", "finding_passes", "random_weights", "repairs", "notes", "ok", "findings", "output"),
    }
    assert all(set(each) == {"name", "mark", "text", "hint"} for each in told["findings"])


def test_a_model_without_places_has_no_layer_and_is_told_what_it_has():
    found = checked(Flat())

    assert (found.verdict, found.layers, found.grid, found.ok) == ("no-layer", (), None, False)
    assert found.hint == "See every layer's output: camctl layers tiny --all"
    assert finding(found, "layers").text == "0 of 2 usable; 2 pooled"
    assert finding(found, "repeatable").mark == "ok"


def test_a_score_that_depends_on_no_place_fails():
    module = seeded(TinyCnn())
    nn.init.zeros_(module.fc.weight)

    found = check_(loaded(module))

    assert (found.verdict, found.ok) == ("zero-gradient", False)
    assert failed(found) == ["gradient"]


def test_weights_that_are_no_numbers_are_not_taken_for_a_layer_that_is_not_read():
    module = seeded(TinyCnn())
    nn.init.constant_(module.fc.weight, float("nan"))

    found = check_(loaded(module))

    assert (found.verdict, failed(found)) == ("not-finite", ["gradient"])
    assert finding(found, "gradient").text == "holds NaN or infinite values, as the verdict says"


def test_random_weights_that_speak_against_the_class_are_to_be_drawn_again():
    module = seeded(nn.Sequential(nn.Conv2d(3, 4, 4, 4), nn.ReLU(), nn.AvgPool2d(8), nn.Flatten(), nn.Linear(4, 3)))
    nn.init.constant_(module[-1].weight, -1.0)

    found = check_(loaded(module, random_weights=True))

    assert found.verdict == "negative-only"
    assert "--seed 1" in found.hint


def test_a_model_that_is_random_each_time_is_not_repeatable():
    torch.manual_seed(0)
    found = checked(Random())

    assert not found.ok
    assert failed(found) == ["repeatable"]
    assert "cannot be told" in finding(found, "batches").text


def test_a_map_that_is_random_where_the_scores_are_not_is_not_repeatable():
    torch.manual_seed(0)
    found = checked(RandomWithGradients())

    assert failed(found) == ["repeatable"]
    assert "the map differs from one time to the next" in finding(found, "repeatable").text


def test_what_changes_while_maps_are_made_and_not_before_is_a_failure():
    found = checked(CountsWithGradients())

    assert failed(found) == ["untouched"]
    assert finding(found, "untouched").text == "making maps changed seen"


def test_a_model_that_keeps_a_count_is_told_and_no_failure():
    found = checked(Counts())
    own = finding(found, "untouched")

    assert found.ok
    assert (own.mark, own.text) == ("limited", "the model's own forward pass changes seen")


def test_a_model_that_goes_on_training_is_told_of_its_statistics():
    found = checked(Learns())

    assert finding(found, "untouched").mark == "limited"
    assert "block1.bn1.num_batches_tracked" in finding(found, "untouched").text
    assert finding(found, "batches").mark == "limited"


def test_a_hook_that_a_forward_pass_leaves_behind_is_seen():
    assert finding(checked(Fickle()), "untouched").text == "the model's own forward pass changes hooks"


@pytest.mark.parametrize(
    ("kind", "words"), [(Mixes, "scores change by"), (OneAtATime, "takes one picture at a time. The model fails")]
)
def test_a_model_that_cannot_take_batches_is_told_what_to_leave_out(kind, words):
    found = checked(kind())

    assert found.ok
    assert finding(found, "batches").mark == "limited"
    assert words in finding(found, "batches").text
    assert "--aug-smooth" in finding(found, "batches").hint


def test_a_model_that_cannot_be_replayed_is_told_what_that_costs():
    found = checked(Decides())

    assert found.ok
    assert finding(found, "replay").mark == "limited"
    assert "ReciproCAM then takes 64 of them" in finding(found, "replay").hint
    assert "AblationCAM 8" in finding(found, "replay").hint


def test_windows_and_missing_blocks_of_attention_are_told_from_what_was_tried():
    assert finding(checked(TinyVit()), "attention").mark == "ok"
    assert "no attention layers" in finding(checked(TinyCnn()), "attention").text


@pytest.mark.parametrize(
    ("names", "mark", "words"),
    [(NAMES, "ok", "5, with names: ant"), (NAMES[:3], "limited", "but 3 names"), (None, "limited", "without names")],
)
def test_class_names_are_known_or_not(names, mark, words):
    each = finding(check_(loaded(seeded(TinyCnn()), class_names=names)), "classes")

    assert each.mark == mark
    assert words in each.text


def test_preprocessing_that_turns_the_picture_is_told():
    def preprocess(pixels):
        return torch.from_numpy(np.rot90(pixels).astype(np.float32)).permute(2, 0, 1) / 255

    assert finding(checked(TinyCnn(), preprocess=preprocess), "picture").mark == "limited"
    assert finding(checked(TinyCnn()), "picture").mark == "ok"


def test_a_head_that_is_activated_is_checked_at_the_norm_that_gradcam_takes():
    found = checked(ActivatedHead(nn.ReLU()))

    assert found.layers == ("norm",)
    assert {finding(found, name).mark for name in ("repeatable", "batches", "replay")} == {"ok"}


def test_adapter_and_probe_that_disagree_are_both_told():
    found = checked(MeanOfPatches())

    assert (found.verdict, found.layers, found.chosen_by) == ("ok", ("layers.1.ln1",), "adapter vit")
    assert finding(found, "layer").text == "adapter vit chose it; the probe by itself would choose norm"
    assert finding(found, "layer").hint.endswith("camctl compare IMAGE tiny --target-layers layers.1.ln1 norm")


def test_an_adapter_that_miscounts_the_extra_tokens_is_found_out():
    found = checked(Miscounted())

    assert found.extra_tokens == 2
    assert finding(found, "adapter").mark == "limited"
    assert finding(found, "adapter").text == "the adapter claims 1 extra token, and layers.1.ln1 has 2"


def test_an_adapter_whose_grid_does_not_follow_the_picture_fails():
    found = checked(ResNet())

    assert (found.layers, found.grid, found.ok) == (("layer4",), (2, 32), False)
    assert finding(found, "adapter").text == "only the adapter sees a grid in layer4, of 2 x 32"
    assert failed(found) == ["grid", "places"]
    assert finding(found, "grid").text == "2 x 32 does not follow the input's 32 x 32"


def test_an_adapter_that_names_a_layer_which_never_runs_leads_to_the_probes():
    found = checked(NeverNormed())

    assert (found.verdict, found.layers, found.ok) == ("no-layer", ("layers.1.ln1",), False)
    assert found.reason == "The adapter vit names 'layers.1.ln1', which has no grid here: not-run."
    assert found.hint == "Try another layer: --target-layers layers.0.ln2"


@pytest.mark.parametrize("size", [(64, 96), (96, 64)])
def test_tokens_that_go_down_the_columns_fail_where_no_adapter_says_so(size):
    rows, columns = (checked(kind(), size=size) for kind in (Rows, Columns))

    assert (failed(rows), finding(rows, "places").mark) == ([], "ok")
    assert columns.grid == (size[0] // 8, size[1] // 8)
    assert failed(columns) == ["places"]
    assert "goes down the columns" in finding(columns, "places").text
    assert finding(columns, "places").hint.endswith("write an adapter (plugins/README.md).")


@pytest.mark.usefixtures("adapters")
@pytest.mark.parametrize(("adapter", "kind"), [("of_columns", Columns), ("of_rows", Rows)])
def test_an_adapter_that_lays_tokens_out_as_they_are_is_sound(adapter, kind):
    found = check_(loaded(seeded(kind()), (64, 96)), family=Family(adapter=adapter))

    assert (found.chosen_by, found.grid, found.ok) == (f"adapter {adapter}", (8, 12), True)
    assert finding(found, "places").mark == "ok"


@pytest.mark.usefixtures("adapters")
@pytest.mark.parametrize("size", [(64, 96), (64, 64)])
@pytest.mark.parametrize(("adapter", "kind"), [("of_columns", Rows), ("of_rows", Columns)])
def test_an_adapter_that_swaps_rows_and_columns_fails(adapter, kind, size):
    found = check_(loaded(seeded(kind()), size), family=Family(adapter=adapter))

    assert failed(found) == ["places"]
    assert finding(found, "places").hint == f"Check that to_grid of the adapter {adapter} keeps rows and columns."


def test_cells_in_no_known_order_fail():
    found = checked(Shuffled(), size=(64, 96))

    assert failed(found) == ["places"]
    assert "in no order that is known" in finding(found, "places").text


def test_a_layer_that_does_not_look_at_places_is_not_sound():
    found = checked(Blind(), size=(64, 96))

    assert finding(found, "places").mark == "limited"


def test_a_model_that_fails_is_an_error_as_elsewhere():
    class Fails(TinyCnn):
        def forward(self, x):
            raise ValueError("no way")

    with pytest.raises(InputError, match="no way"):
        checked(Fails())
