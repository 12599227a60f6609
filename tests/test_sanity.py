"""Maps of redrawn weights: what stays, what changes, and that the user's model never knows."""

import threading
from copy import deepcopy
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from scipy.stats import binom, spearmanr
from torch import nn
from torch.nn.functional import interpolate

import camctl
from camctl.engine.model_state import changes, condition
from camctl.errors import InputError
from camctl.kit.random_weights import redraw
from camctl.ranking.sanity import sanity_rows
from camctl.values.comparison import ANOTHER
from camctl.values.request import Evaluation
from tests.models import GapNet, TinyCnn, TinyVit, loaded, seeded

HEADS = 5
"""A picture, where there are five."""


def scene(seed):
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, 3, 6, 6, generator=generator)
    pixels = interpolate(coarse, size=(32, 32), mode="bicubic").clamp(0, 1)[0].permute(1, 2, 0)
    return (255 * pixels).byte().numpy()


PICTURES = [scene(seed) for seed in range(5)]


def undone(module, pictures=PICTURES, **asked):
    return camctl.compare(loaded(module), pictures, targets=[2], evaluation=Evaluation(sanity=True), **asked)


def rows(found):
    return {row.label: row for row in sanity_rows(found)[0]}


def figures(found, stage, method=0):
    return [one for one in found.sanity[0].redrawn if one.stage == stage and one.at["method"] == method]


def test_a_map_that_knows_no_class_is_the_same_whatever_the_head():
    found = undone(seeded(TinyCnn()), methods=["EigenCAM"])
    assert [(one.correlation, one.ssim) for one in figures(found, "head")] == [pytest.approx((1, 1))] * HEADS * 5


def test_a_map_that_reads_the_picture_alone_is_the_same_at_every_stage():
    found = undone(seeded(TinyCnn()), methods=["edges"])
    stages = found.sanity[0].stages
    assert len(stages) == 6
    assert all(one.correlation == pytest.approx(1) for stage in stages for one in figures(found, stage))
    assert all(one.correlation < 0.9 for one in figures(found, ANOTHER))


def test_gradcam_of_a_linear_head_correlates_as_the_formula_by_hand_says():
    net = seeded(GapNet())
    found = undone(net, methods=["GradCAM"], target_layers="features")

    def by_hand(head, pixels):
        grid = net.features(torch.from_numpy(pixels).float().permute(2, 0, 1)[None] / 255)
        cam = (head.weight[2][:, None, None] * grid[0]).sum(0).clamp_min(0)
        return interpolate(cam[None, None], size=(32, 32), mode="bilinear")[0, 0].detach().numpy()

    seen = 0
    for one in figures(found, "head"):
        head = deepcopy(net.fc)
        redraw(head, net.fc, torch.Generator().manual_seed(one.seed))
        pixels = PICTURES[one.at["image"]]
        whole, random = by_hand(net.fc, pixels), by_hand(head, pixels)
        if one.verdict == "ok":
            assert one.correlation == pytest.approx(spearmanr(whole.ravel(), random.ravel())[0], abs=1e-3)
            seen += 1
        else:
            assert not random.any()
            assert (one.correlation, one.ssim) == (0, 0)
    assert seen > 5


def test_the_model_stays_as_it_was_in_weights_modes_and_hooks():
    net = seeded(TinyCnn()).train()
    net.fc.register_forward_hook(lambda *_: None)
    net.fc.weight.requires_grad_(requires_grad=False)
    before = condition(net)
    undone(net, methods=["GradCAM"])
    assert changes(before, condition(net)) == ()


def test_random_numbers_go_on_as_if_nothing_had_been_drawn():
    net = seeded(TinyCnn())
    torch.manual_seed(3)
    undone(net, methods=["GradCAM"])
    after = torch.rand(1)
    torch.manual_seed(3)
    assert torch.equal(after, torch.rand(1))


def test_the_same_figures_come_out_each_time():
    one, other = (undone(seeded(TinyCnn()), methods=["GradCAM"]).to_dict()["sanity"] for _ in range(2))
    assert one == other


class Counting(nn.Module):
    """Counts its forward passes outside itself, so that copies count as well."""

    passes = 0

    def __init__(self):
        super().__init__()
        self.net = seeded(TinyVit())

    def forward(self, x):
        Counting.passes += 1
        return self.net(x)


def test_one_forward_pass_a_stage_seed_and_picture_serves_all_methods_and_classes():
    net = Counting()
    methods = ["GradCAM", "LayerCAM", "EigenCAM", "HiResCAM"]
    asked = {"targets": [0, 1], "methods": methods, "target_layers": ["net.layers.0", "net.layers.1.ln1"]}
    Counting.passes = 0
    camctl.compare(loaded(net), PICTURES[:3], **asked)
    plain = Counting.passes
    found = camctl.compare(loaded(net), PICTURES[:3], **asked, evaluation=Evaluation(sanity=True))
    stages = len(found.sanity[0].stages)
    heads = 8
    assert Counting.passes - 2 * plain == 1 + 3 * (heads + stages - 1)  # the one finds the order of the modules


def test_another_picture_is_the_next_one_and_a_single_one_upside_down():
    net = seeded(GapNet())
    several = undone(net, methods=["GradCAM"], target_layers="features")
    for one in figures(several, ANOTHER):
        maps = [several.cell({"image": (one.at["image"] + step) % 5}).cam.values for step in (0, 1)]
        assert one.correlation == pytest.approx(spearmanr(*(each.ravel() for each in maps))[0], abs=1e-3)
    alone = undone(net, PICTURES[:1], methods=["GradCAM"], target_layers="features")
    turned = camctl.explain(loaded(net), PICTURES[0][::-1, ::-1].copy(), targets=[2], target_layers="features").maps[0]
    (one,) = figures(alone, ANOTHER)
    assert one.correlation == pytest.approx(spearmanr(alone.maps[0].values.ravel(), turned.values.ravel())[0], abs=1e-3)


def test_each_stage_keeps_what_lies_before_it():
    """A map of activations at the first layers changes when those are redrawn, and not before."""
    found = undone(seeded(TinyCnn()), methods=["EigenCAM"], target_layers="block1.conv1")
    row = rows(found)["EigenCAM"]
    *late, last = found.sanity[0].stages
    assert row.stages[late[0]].correlation == pytest.approx(1)
    assert row.stages[last].correlation < 0.99


def test_with_few_pictures_nothing_is_said_of_a_method_that_may_see_the_class():
    few = rows(undone(seeded(TinyCnn()), PICTURES[:2], methods=["GradCAM", "EigenCAM"]))
    assert [row.mark for row in few.values()] == ["too few to tell", "does not see the class"]


@pytest.mark.parametrize(("correlation", "mark"), [(0.8, "does not see the class"), (0.79, "")])
def test_a_median_of_eight_tenths_at_the_head_is_the_mark(correlation, mark):
    found = undone(seeded(TinyCnn()), methods=["GradCAM"])
    (sanity,) = found.sanity
    # A fifth of the figures lie far from it: the median does not see them.
    told = [
        replace(one, correlation=correlation if one.at["image"] else -0.9) if one.stage == "head" else one
        for one in sanity.redrawn
    ]
    assert rows(replace(found, sanity=(replace(sanity, redrawn=tuple(told)),)))["GradCAM"].mark == mark


def test_figures_on_both_sides_of_the_mark_are_too_few_to_tell():
    found = undone(seeded(TinyCnn()), methods=["GradCAM"])
    (sanity,) = found.sanity
    told = [
        replace(one, correlation=0.95 if one.seed % 5 < 3 else -0.95) if one.stage == "head" else one
        for one in sanity.redrawn
    ]
    row = rows(replace(found, sanity=(replace(sanity, redrawn=tuple(told)),)))["GradCAM"]
    assert row.stages["head"].correlation == 0.95
    assert row.mark == "too few to tell"


def test_the_interval_of_the_median_is_that_of_the_binomial_distribution():
    found = undone(seeded(TinyCnn()), methods=["GradCAM"])
    row = rows(found)["GradCAM"]
    ordered = sorted(one.correlation for one in figures(found, "head"))
    reach = int(binom.ppf(0.025, len(ordered), 0.5))
    assert row.interval == (ordered[reach - 1], ordered[-reach])


def test_json_has_medians_marks_and_every_figure():
    found = undone(seeded(TinyCnn()), methods=["GradCAM", "edges"])
    (told,) = found.to_dict()["sanity"]
    assert told["stages"][0] == "head"
    assert [row["method"] for row in told["rows"]] == ["GradCAM", "Edges"]
    assert told["rows"][1]["medians"]["head"] == {"correlation": 1.0, "ssim": pytest.approx(1), "count": HEADS * 5}
    mine = [one for one in told["figures"] if one["at"]["method"] == "GradCAM" and one["stage"] == "head"]
    assert [one["seed"] for one in mine] == list(reversed(range(HEADS * 5)))
    assert told["rows"][0]["medians"]["head"]["correlation"] == np.median([one["correlation"] for one in mine])


def test_without_it_nothing_of_it_is_in_the_json():
    assert "sanity" not in camctl.compare(loaded(seeded(TinyCnn())), PICTURES[0], targets=[2]).to_dict()


def test_a_model_that_cannot_be_copied_says_so_in_one_line():
    net = seeded(TinyCnn())
    net.lock = threading.Lock()
    with pytest.raises(InputError, match="tiny cannot be copied: ") as caught:
        undone(net)
    assert "--sanity" in caught.value.hint
    assert "\n" not in caught.value.message


HIDDEN = seeded(TinyCnn())


def run_hidden(x):
    return HIDDEN(x)


def test_a_forward_function_that_runs_the_original_is_found_out():
    with pytest.raises(InputError, match="runs the model that it was made with"):
        camctl.compare(loaded(HIDDEN, forward=run_hidden), PICTURES, targets=[2], evaluation=Evaluation(sanity=True))


def test_a_forward_function_around_the_model_runs_the_copy():
    net = seeded(TinyCnn())

    def scaled(given, factor, x):
        return factor * given(x)

    def around(x):
        return scaled(net, 2, x)

    for forward in (around, partial(scaled, net, 2), net.forward, net):
        found = camctl.compare(
            loaded(net, forward=forward), PICTURES[:1], targets=[2], evaluation=Evaluation(sanity=True)
        )
        assert found.sanity[0].stages[0] == "head"


def test_several_models_keep_their_sanity_when_one_cannot_be_copied():
    net, locked = seeded(TinyCnn()), seeded(TinyVit())
    locked.lock = threading.Lock()
    given = [loaded(net, name="one"), loaded(locked, name="other")]
    found = camctl.compare(given, PICTURES[:1], targets=[2], evaluation=Evaluation(sanity=True))
    assert [one.model for one in found.sanity] == [0]
    assert any("other cannot be copied" in fault.message for fault in found.faults)
    assert found.failed
