"""A layer that runs several times in a pass: the run that is explained is said, and its map lies where it belongs."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

import camctl
from camctl.engine.runs import Run, choose_run
from camctl.errors import InputError
from camctl.pipeline.load import loaded_of

LAYER = "body"


@pytest.fixture(scope="module")
def pixels():
    return np.random.default_rng(3).integers(0, 256, (96, 96, 3)).astype(np.uint8)


class One(nn.Module):
    """A small network of the whole picture."""

    input_size, mean, std = (96, 96), (0.5, 0.5, 0.5), (0.25, 0.25, 0.25)

    def __init__(self):
        super().__init__()
        torch.manual_seed(7)
        self.stem = nn.Sequential(nn.Conv2d(3, 12, 3, 2, 1), nn.ReLU())
        self.body = nn.Sequential(nn.Conv2d(12, 16, 3, 2, 1), nn.ReLU(), nn.Conv2d(16, 16, 3, 2, 1), nn.ReLU())
        self.head = nn.Linear(16, 4)
        self.eval()

    def one(self, x):
        return self.head(self.body(self.stem(x)).mean((2, 3)))

    def forward(self, x):
        return self.one(x)


class Views(One):
    """Test-time views, one after the other."""

    def __init__(self, *flips):
        super().__init__()
        self.flips = flips

    def forward(self, x):
        return sum(self.one(x.flip(flip) if flip else x) for flip in self.flips) / len(self.flips)


class Crossed(One):
    """The views are swapped between the stem and the body."""

    def forward(self, x):
        plain, mirrored = self.stem(x), self.stem(x.flip(3))
        last, first = self.body(mirrored), self.body(plain)
        return self.head(first.mean((2, 3)) + last.mean((2, 3)))


class Quarters(One):
    def forward(self, x):
        return sum(self.one(x[..., y : y + 48, z : z + 48]) for y in (0, 48) for z in (0, 48))


class Siamese(One):
    """Compares the picture with one that it holds."""

    def __init__(self):
        super().__init__()
        self.register_buffer("other", torch.rand(1, 3, 96, 96))

    def forward(self, x):
        own, other = (self.body(self.stem(part)).mean((2, 3)) for part in (x, self.other))
        return self.head(own - other)


class Recurrent(One):
    def __init__(self):
        super().__init__()
        self.cell = nn.Conv2d(16, 16, 3, 1, 1)
        self.eval()

    def forward(self, x):
        state = self.body(self.stem(x))
        for _ in range(3):
            state = torch.relu(self.cell(state) + state)
        return self.head(state.mean((2, 3)))


class SharedActivation(One):
    def __init__(self):
        super().__init__()
        self.act, self.two = nn.ReLU(), nn.Conv2d(16, 16, 3, 1, 1)
        self.eval()

    def forward(self, x):
        return self.head(self.act(self.two(self.act(self.body(self.stem(x))))).mean((2, 3)))


def explained(model, pixels, layer=LAYER, method="GradCAM", **more):
    explanation = camctl.explain(model, pixels, targets=0, target_layers=layer, methods=method, **more)
    return explanation.maps[0], [note for note in explanation.notes if "runs" in note]


def run(call):
    return {"family": camctl.Family(call=call)}


@pytest.mark.parametrize("method", ["GradCAM", "EigenCAM", "ReciproCAM"])
@pytest.mark.parametrize(("flips", "upright"), [((None, (3,)), 1), (((3,), None), 2)])
def test_of_mirrored_views_the_upright_one_is_explained(pixels, flips, upright, method):
    cam, notes = explained(Views(*flips), pixels, method=method)
    alone, quiet = explained(One(), pixels, method=method)
    assert np.corrcoef(cam.raw.ravel(), alone.raw.ravel())[0, 1] > 0.999
    assert f"The map is of run {upright}." in notes[0]
    assert quiet == []


@pytest.mark.parametrize("flip", [(3,), (2,), (2, 3)])
def test_a_mirrored_run_is_mirrored_back(pixels, flip):
    cam, notes = explained(Views(None, flip), pixels, **run(2))
    axes = [axis - 2 for axis in flip]
    mirrored, _ = explained(One(), np.flip(pixels, axes).copy())
    assert np.corrcoef(cam.raw.ravel(), np.flip(mirrored.raw, axes).ravel())[0, 1] > 0.999
    assert "run 2, mirrored back" in notes[0]


def test_what_a_run_sees_is_measured_and_not_counted(pixels):
    cam, notes = explained(Crossed(), pixels)
    alone, _ = explained(One(), pixels)
    assert np.corrcoef(cam.raw.ravel(), alone.raw.ravel())[0, 1] > 0.999
    assert "1: the picture mirrored, 2: the picture" in notes[0]


def test_a_run_that_sees_a_part_has_no_place_on_the_picture(pixels):
    with pytest.raises(InputError, match="run 1 sees a part of it") as caught:
        explained(Quarters(), pixels)
    assert "inside" in caught.value.hint


def test_of_two_towers_the_one_that_sees_the_picture_is_explained(pixels):
    cam, notes = explained(Siamese(), pixels)
    alone, _ = explained(One(), pixels)
    assert np.corrcoef(cam.raw.ravel(), alone.raw.ravel())[0, 1] > 0.999
    assert "2: nothing of the picture" in notes[0]
    with pytest.raises(InputError, match="sees nothing of the picture") as caught:
        explained(Siamese(), pixels, **run(2))
    assert "--call 1" in caught.value.hint


def test_of_a_recurrent_layer_the_last_run_is_explained_and_any_other_can_be(pixels):
    net = Recurrent()
    last, notes = explained(net, pixels, "cell")
    first, _ = explained(net, pixels, "cell", **run(1))
    assert "runs 3 times in a pass, each time on what came before. The map is of run 3." in notes[0]
    inputs = loaded_of(net).preprocess(pixels)[None]
    assert first.grid == last.grid
    assert not np.allclose(first.raw, last.raw)
    # By hand: the score's gradient at the first state, through the two later runs.
    state = net.body(net.stem(inputs)).detach()
    out = net.cell(state).detach().requires_grad_()
    after = torch.relu(out + state)
    for _ in range(2):
        after = torch.relu(net.cell(after) + after)
    (gradient,) = torch.autograd.grad(net.head(after.mean((2, 3)))[0, 0], out)
    by_hand = (gradient.mean((2, 3), keepdim=True) * out).sum(1)[0].detach().numpy()
    assert np.corrcoef(by_hand.ravel(), first.raw.ravel())[0, 1] > 0.999


def test_an_activation_that_layers_share_is_explained_as_before_without_a_word(pixels):
    cam, notes = explained(SharedActivation(), pixels, "act")
    assert notes == []
    assert cam.verdict in {"ok", "border", "diffuse"}


@pytest.mark.parametrize(("layer", "calls", "times"), [("body", 3, "runs 2 times"), ("head", 2, "runs once")])
def test_a_run_that_is_not_there_is_refused(pixels, layer, calls, times):
    net = Views(None, (3,)) if layer == "body" else One()
    with pytest.raises(InputError, match=times):
        explained(net, pixels, "body", **run(calls))


def test_the_first_placed_run_goes_before_those_that_have_no_place():
    runs = [Run("a part of it"), Run("the picture mirrored", (3,)), Run("nothing of the picture")]
    assert choose_run("x", runs, None, 3, weighted=True).call == 2
    assert choose_run("x", runs, None, 3, weighted=True).flips == (3,)


@pytest.mark.parametrize("layer", [None, "body"])
def test_a_batch_that_the_model_makes_itself_is_named_as_the_cause(pixels, layer):
    class AtOnce(One):
        def forward(self, x):
            return self.one(torch.cat([x, x.flip(3)])).view(2, len(x), -1).mean(0)

    with pytest.raises(InputError, match=r"2 pictures where one was given|2 views, crops or windows"):
        camctl.explain(AtOnce(), pixels, target_layers=layer)
