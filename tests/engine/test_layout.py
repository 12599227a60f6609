"""The grid in a layer's output, for every layout, and the way back."""

import pytest
import torch
from torch import nn

from camctl.engine.layout import LayoutHints, find_layout, follows, tensor_in, token_grid, with_tensor

ANY = nn.Identity()
NO_HINTS = LayoutHints()


def numbered(*shape):
    return torch.arange(torch.Size(shape).numel(), dtype=torch.float32).reshape(shape)


def layout_of(output, size, module=ANY, hints=NO_HINTS, batch=None):
    return find_layout(output, size, batch or output.shape[0], module, hints)


@pytest.mark.parametrize(
    ("shape", "size", "name", "grid"),
    [
        ((2, 5, 7, 7), (224, 224), "NCHW", (7, 7)),
        ((2, 5, 4, 8), (32, 64), "NCHW", (4, 8)),
        ((2, 4, 8, 5), (32, 64), "NHWC", (4, 8)),
        ((2, 7, 7, 96), (224, 224), "NHWC", (7, 7)),
        ((1, 300, 13, 13), (224, 224), "NCHW", (13, 13)),  # unpadded convolutions lose cells
        ((1, 6, 7, 10), (224, 320), "NCHW", (7, 10)),
        ((1, 6, 1, 1), (224, 224), "NCHW", (1, 1)),
        ((2, 32, 24), (32, 64), "NLC", (4, 8)),
        ((2, 49, 24), (224, 224), "NLC", (7, 7)),
        ((2, 12), (224, 224), "NC", (1, 1)),
    ],
)
def test_the_layout_is_found_from_the_shape(shape, size, name, grid):
    layout = layout_of(numbered(*shape), size)
    assert (layout.name, layout.grid) == (name, grid)
    assert layout.to_grid(numbered(*shape)).shape == (shape[0], layout.channels, *grid)


@pytest.mark.parametrize(("length", "extra"), [(197, 1), (198, 2), (201, 5)])
def test_the_tokens_of_a_vit_l_are_no_channels_although_its_width_is_a_square(length, extra):
    layout = layout_of(numbered(1, length, 1024), (224, 224))
    assert (layout.name, layout.grid, layout.extra_tokens) == ("NLC", (14, 14), extra)


def test_one_dimensional_layers_put_channels_first():
    layout = layout_of(numbered(2, 24, 35), (160, 224), module=nn.BatchNorm1d(24))
    assert (layout.name, layout.grid, layout.channels) == ("NCL", (5, 7), 24)


@pytest.mark.parametrize("extra", range(6))
def test_extra_tokens_are_counted_and_left_out(extra):
    tokens = numbered(2, extra + 8 * 12, 7)
    layout = layout_of(tokens, (128, 192))
    assert (layout.grid, layout.extra_tokens) == ((8, 12), extra)
    grid = layout.to_grid(tokens)
    assert torch.equal(grid[1, :, 2, 3], tokens[1, extra + 2 * 12 + 3])


def test_the_users_number_of_extra_tokens_is_honoured_zero_included():
    tokens = numbered(1, 16, 5)
    assert layout_of(tokens, (64, 64), hints=LayoutHints(extra_tokens=0)).extra_tokens == 0
    assert layout_of(numbered(1, 17, 5), (64, 64), hints=LayoutHints(extra_tokens=0)) is None
    assert layout_of(numbered(1, 17, 5), (64, 64), hints=LayoutHints(extra_tokens=1)).grid == (4, 4)


def test_an_adapters_number_gives_way_to_what_the_layer_shows():
    hints = LayoutHints(claimed_tokens=1)
    assert layout_of(numbered(1, 17, 5), (64, 64), hints=hints).extra_tokens == 1
    assert layout_of(numbered(1, 16, 5), (64, 64), hints=hints).extra_tokens == 0


def test_vit_like_reads_three_dimensions_as_tokens_whatever_else_they_could_be():
    output = numbered(1, 16, 64)
    assert layout_of(output, (64, 64), module=nn.Conv1d(1, 1, 1)).name == "NCL"
    assert layout_of(output, (64, 64), module=nn.Conv1d(1, 1, 1), hints=LayoutHints(tokens=True)).name == "NLC"


@pytest.mark.parametrize(
    ("module", "name"), [(nn.LayerNorm(8), "NHWC"), (nn.Linear(8, 8), "NHWC"), (nn.Conv2d(8, 8, 1), "NCHW")]
)
def test_a_cube_is_told_by_its_module(module, name):
    assert layout_of(numbered(1, 8, 8, 8), (64, 64), module=module).name == name


def test_a_cube_normed_over_three_dimensions_is_a_plane_of_channels_first():
    assert layout_of(numbered(1, 8, 8, 8), (64, 64), module=nn.LayerNorm([8, 8, 8])).name == "NCHW"


def test_what_a_norm_ran_over_are_channels_although_their_number_is_a_square():
    latents = numbered(1, 510, 1024)  # as many as no grid of 224 x 224 has cells
    assert layout_of(latents, (224, 224), module=nn.LayerNorm(1024)) is None
    assert layout_of(numbered(1, 6, 16, 16), (64, 64), module=nn.LayerNorm(16)) is None
    assert layout_of(numbered(1, 1, 1, 16), (64, 96), module=nn.LayerNorm(16)).grid == (1, 1)


@pytest.mark.parametrize("shape", [(1, 8, 5, 5), (1, 4, 4, 16), (1, 16, 16)])
def test_weights_that_sum_to_one_are_attention_and_no_grid(shape):
    logits = numbered(*shape).sin()
    assert layout_of(logits, (64, 64)) is not None
    assert layout_of(logits.softmax(-1), (64, 64)) is None
    assert layout_of(logits.relu(), (64, 64)) is not None


@pytest.mark.parametrize("grid", [(3, 1), (1, 3), (4, 2), (2, 1)])
def test_few_cells_may_not_be_off_by_as_many(grid):
    assert not follows((240, 240), grid)


@pytest.mark.parametrize("grid", [(5, 8), (7, 10), (12, 18), (3, 4), (1, 1)])
def test_a_grid_may_lose_cells_at_its_edges(grid):
    assert follows((224, 320), grid)


@pytest.mark.parametrize(
    "output",
    [
        numbered(8, 49, 12),  # windows of attention: their number stands where N should
        numbered(1, 3, 50, 10),  # no side follows the input
        numbered(1, 2, 3, 4, 5),
        torch.arange(16).reshape(1, 1, 4, 4),  # indices
        torch.tensor(1.0),
    ],
)
def test_what_is_no_grid_is_refused(output):
    assert layout_of(output, (64, 64), batch=1) is None


@pytest.mark.parametrize(
    ("shape", "size"),
    [
        ((2, 5, 4, 8), (32, 64)),
        ((2, 4, 8, 5), (32, 64)),
        ((2, 35, 6), (32, 64)),
        ((2, 24, 35), (160, 224)),
        ((2, 9), (8, 8)),
    ],
)
def test_the_way_back_is_the_inverse(shape, size):
    output = numbered(*shape)
    layout = layout_of(output, size)
    grid = layout.to_grid(output)
    assert torch.equal(layout.output_of(grid, output), output)
    changed = layout.output_of(grid + 1000, output)
    assert torch.equal(layout.to_grid(changed), grid + 1000)
    assert torch.equal(changed[:, : layout.extra_tokens], output[:, : layout.extra_tokens])


def test_the_way_back_lets_gradients_through():
    output = numbered(1, 17, 3)
    layout = layout_of(output, (64, 64))
    grid = layout.to_grid(output).clone().requires_grad_()
    (layout.output_of(grid, output) ** 2).sum().backward()
    torch.testing.assert_close(grid.grad, 2 * grid.detach())


class Told:
    """An adapter that says what it is told to say of a layer."""

    summary = "told"

    def __init__(self, way):
        self.way = way

    def to_grid(self, output, input_size):
        return self.way(output)


def test_an_adapter_may_know_a_layout_that_nobody_else_does():
    hints = LayoutHints(adapter=Told(lambda t: t[:, :-1].unflatten(1, (2, 8)).permute(0, 3, 1, 2)))
    output = numbered(2, 17, 3)  # its class token comes last, and the grid follows no aspect ratio
    layout = layout_of(output, (64, 64), hints=hints)
    assert (layout.name, layout.grid) == ("adapter", (2, 8))
    assert torch.equal(layout.output_of(layout.to_grid(output), output), output)


def test_an_adapter_that_passes_leaves_the_layout_to_the_engine():
    assert layout_of(numbered(1, 16, 3), (64, 64), hints=LayoutHints(adapter=Told(lambda _t: None))).name == "NLC"


def test_the_fewest_extra_tokens_of_a_whole_stride_win():
    assert token_grid(197, (224, 224), None) == ((14, 14), 1)
    assert token_grid(198, (224, 224), None) == ((14, 14), 2)
    assert token_grid(577, (384, 384), None) == ((24, 24), 1)
    assert token_grid(201, (224, 224), None) == ((14, 14), 5)


def test_the_tensor_of_an_output_is_found_and_replaced_whatever_holds_it():
    stages = (torch.zeros(1, 2, 8, 8), torch.zeros(1, 4, 4, 4))
    assert tensor_in(stages) is stages[-1]
    attention = (torch.zeros(1, 5, 3), torch.zeros(1, 2, 5, 5))
    assert tensor_in(attention) is attention[0]
    assert tensor_in((stages[0], torch.tensor(3.0))) is stages[0]
    assert tensor_in(None) is None
    output = {"a": [attention[0], "text"], "b": 3}
    new = torch.ones(1, 5, 3)
    replaced = with_tensor(output, attention[0], new)
    assert replaced["a"][0] is new
    assert replaced["a"][1] == "text"
    assert output["a"][0] is attention[0]
