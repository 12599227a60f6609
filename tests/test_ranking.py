"""Which map to believe: rank correlation, agreement and standings, on maps and figures made by hand."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from math import isnan, nan
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy.stats import bootstrap, spearmanr

from camctl.files.manifest import json_text
from camctl.ranking.agreement import Agreement, agreement
from camctl.ranking.correlation import map_correlation, rank_correlation, ssim
from camctl.ranking.standings import standings
from camctl.ranking.words import interval_text, too_few
from camctl.values.axis import AXES, Axis, places
from camctl.values.comparison import Cell, Comparison, Measure
from camctl.values.view import View
from tests import comparisons

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from camctl.values.cam import Cam

UP = np.arange(30.0).reshape(5, 6) / 29
"""A map; its rank correlation with `1 - UP` is -1."""

SHUFFLED = np.random.default_rng(3).permutation(30).reshape(5, 6) / 29


@cache
def template() -> Cam:
    """Some map, whose values do not matter."""
    return comparisons.comparison(targets=("cat",), methods=("GradCAM",)).maps[0]


def cam(values: Any, verdict: str = "ok") -> Cam:
    return replace(template(), values=np.asarray(values, np.float32), verdict=verdict)


def compared(
    cell: Callable[..., Cell],
    *,
    metrics: Mapping[str, str] | None = None,
    baselines: tuple[str, ...] = (),
    **labels: tuple[str, ...],
) -> Comparison:
    """A comparison along the axes named; `cell(at, method=..., ...)` gets the labels of the axes that it asks for."""
    axes = tuple(Axis(name=name, labels=labels.get(name, ("",))) for name in AXES)
    said = [{name: axis.labels[at[name]] for name, axis in zip(AXES, axes, strict=True)} for at in places(axes)]
    cells = [
        cell(at, **{name: label for name, label in words.items() if name in labels})
        for at, words in zip(places(axes), said, strict=True)
    ]
    measures = tuple(Measure(name=name, title=name, better=better) for name, better in (metrics or {}).items())
    return Comparison(
        axes=axes, cells=tuple(cells), explanations={}, pictures=(), metrics=measures, baselines=baselines
    )


def by_method(maps: Mapping[str, Cam | None]) -> Comparison:
    return compared(lambda at, method: Cell(at=at, cam=maps[method]), method=tuple(maps))


# ------------------------------------------------------------------------------------- correlation


@pytest.mark.parametrize("levels", [3, 10, 10**6])
def test_rank_correlation_is_scipys_with_and_without_ties(levels):
    random = np.random.default_rng(levels)
    one = random.integers(0, levels, (9, 13))
    other = random.integers(0, levels, (9, 13)) + one // 2
    expected = spearmanr(one.ravel(), other.ravel()).statistic
    assert 0.2 < expected < 0.9
    assert rank_correlation(one, other) == pytest.approx(expected, abs=1e-12)


def test_rank_correlation_sees_order_alone():
    assert rank_correlation(UP, UP**7) == pytest.approx(1)
    assert rank_correlation(UP, 1 - UP) == pytest.approx(-1)


def test_a_flat_or_worthless_map_correlates_with_nothing():
    for flat in (np.full((5, 6), 0.7), 0 * UP):
        assert isnan(rank_correlation(flat, UP))
        assert isnan(rank_correlation(UP, flat))
        assert isnan(map_correlation(cam(flat, "flat"), cam(UP)))
    assert map_correlation(cam(UP), cam(UP)) == pytest.approx(1)


def test_maps_of_two_sizes_are_correlated_on_one_grid():
    coarse = np.random.default_rng(0).random((7, 7)).astype(np.float32)
    fine = np.kron(coarse, np.ones((32, 32), np.float32))
    assert map_correlation(cam(fine), cam(np.kron(coarse, np.ones((16, 16), np.float32)))) > 0.99
    assert map_correlation(cam(fine), cam(1 - fine)) == pytest.approx(-1)


def test_models_that_see_different_parts_are_compared_where_both_look():
    whole = np.random.default_rng(0).random((8, 8)).astype(np.float32)
    view = View(size=(224, 224), box=(0.0, 0.0, 400.0, 400.0))
    middle = View(size=(224, 224), box=(100.0, 100.0, 300.0, 300.0))
    big = np.kron(whole, np.ones((28, 28), np.float32))
    inner = np.kron(whole[2:6, 2:6], np.ones((56, 56), np.float32))
    one, other = replace(cam(big), view=view), replace(cam(inner), view=middle)
    assert map_correlation(one, other) > 0.99
    assert abs(rank_correlation(big, inner)) < 0.7
    apart = replace(cam(inner), view=View(size=(224, 224), box=(500.0, 0.0, 700.0, 200.0)))
    assert isnan(map_correlation(one, apart))


def test_what_is_finer_than_any_grid_does_not_count():
    coarse = np.kron(np.random.default_rng(0).random((7, 7)), np.ones((32, 32)))
    chequered = coarse + (np.indices((224, 224)).sum(0) % 2)
    assert rank_correlation(coarse, chequered) < 0.7
    assert map_correlation(cam(coarse), cam(chequered)) > 0.99


# --------------------------------------------------------------------------------------- agreement


def matrix(one: Agreement) -> np.ndarray:
    return np.array(one.matrix)


def test_agreement_is_symmetric_with_ones_on_its_diagonal():
    (one,) = agreement(by_method({"A": cam(UP), "B": cam(1 - UP), "C": cam(SHUFFLED)}))
    assert (one.axis, one.labels, one.model) == ("method", ("A", "B", "C"), "")
    other = spearmanr(UP.ravel(), SHUFFLED.ravel()).statistic
    np.testing.assert_allclose(matrix(one), [[1, -1, other], [-1, 1, -other], [other, -other, 1]], atol=1e-12)


def test_agreement_is_the_mean_over_all_else_that_varies():
    def cell(at, *, method, image):
        return Cell(at=at, cam=cam(UP if method == "A" or image == "first" else 1 - UP))

    (one,) = agreement(compared(cell, method=("A", "B"), image=("first", "second", "third")))
    assert matrix(one)[0, 1] == pytest.approx((1 - 1 - 1) / 3)


def test_worthless_and_missing_maps_are_left_out_of_the_agreement():
    def cell(at, *, method, image):
        if method == "A" or image == "good":
            return Cell(at=at, cam=cam(UP))
        return Cell(at=at, cam=cam(0 * UP, "flat") if image == "flat" else None, reason="no map")

    (one,) = agreement(compared(cell, method=("A", "B"), image=("good", "flat", "gone")))
    np.testing.assert_allclose(matrix(one), 1)


def test_two_that_never_both_have_a_map_have_no_agreement():
    (one,) = agreement(by_method({"A": cam(UP), "B": cam(0 * UP, "flat"), "C": None, "D": cam(1 - UP)}))
    expected = [[1, nan, nan, -1], [nan] * 4, [nan] * 4, [-1, nan, nan, 1]]
    np.testing.assert_allclose(matrix(one), expected)


def test_every_model_has_a_matrix_of_its_own():
    def cell(at, *, method, model):
        return Cell(at=at, cam=cam(UP if method == "A" or model == "net" else 1 - UP))

    first, second = agreement(compared(cell, method=("A", "B"), model=("net", "other")))
    assert (first.model, second.model) == ("net", "other")
    assert matrix(first)[0, 1] == pytest.approx(1)
    assert matrix(second)[0, 1] == pytest.approx(-1)


def test_models_are_set_against_each_other_where_nothing_else_varies():
    (one,) = agreement(compared(lambda at, *, model: Cell(at=at, cam=cam(UP)), model=("net", "other")))
    assert (one.axis, one.labels, one.model) == ("model", ("net", "other"), "")


def test_where_nothing_or_only_the_image_varies_there_is_no_agreement():
    assert agreement(by_method({"A": cam(UP)})) == ()
    assert agreement(compared(lambda at, *, image: Cell(at=at, cam=cam(UP)), image=("first", "second"))) == ()


def test_agreement_of_real_maps_is_symmetric_with_ones():
    whole = comparisons.comparison()
    (one,) = agreement(whole)
    np.testing.assert_allclose(np.diag(matrix(one)), 1)
    np.testing.assert_allclose(matrix(one), matrix(one).T)
    first, second = (whole.cell({"method": 0, "class": 0}).cam, whole.cell({"method": 1, "class": 0}).cam)
    third, fourth = (whole.cell({"method": 0, "class": 1}).cam, whole.cell({"method": 1, "class": 1}).cam)
    expected = (map_correlation(first, second) + map_correlation(third, fourth)) / 2
    assert matrix(one)[0, 1] == pytest.approx(expected)


# --------------------------------------------------------------------------------------- standings


def ranked(figures: Mapping[str, Mapping[str, float]], metrics: Mapping[str, str], baselines: tuple[str, ...] = ()):
    """Standings by method, of one map each with these figures."""
    whole = compared(
        lambda at, method: Cell(at=at, cam=cam(UP), figures=figures[method]),
        metrics=metrics,
        baselines=baselines,
        method=tuple(figures),
    )
    return {one.label: one for one in standings(whole)}


@pytest.mark.parametrize(
    ("better", "figures", "ranks"),
    [
        pytest.param(
            "higher", {"A": 0.5, "B": 0.9, "C": 0.5, "D": 0.1}, {"B": 1, "A": 2.5, "C": 2.5, "D": 4}, id="ties"
        ),
        pytest.param("lower", {"A": 0.5, "B": 0.1}, {"B": 1, "A": 2}, id="lowest first"),
        pytest.param("neither", {"A": 0.5, "B": 0.1}, {}, id="only describes"),
        pytest.param("higher", {"A": 0.5831, "B": 0.5833, "C": 0.59}, {"C": 1, "A": 2.5, "B": 2.5}, id="too close"),
    ],
)
def test_ranks_follow_what_is_better_and_equals_share_their_mean(better, figures, ranks):
    stood = ranked({name: {"metric": figure} for name, figure in figures.items()}, {"metric": better})
    assert {name: one.ranks["metric"] for name, one in stood.items() if one.ranks} == ranks
    assert all(isnan(one.mean_rank) for name, one in stood.items() if name not in ranks)
    assert stood["A"].figures == {"metric": figures["A"]}


def test_the_mean_rank_is_over_metrics_and_the_best_comes_first():
    figures = {
        "A": {"up": 0.1, "down": 0.1},  # 3 and 1
        "B": {"up": 0.9, "down": 0.2},  # 1 and 2
        "C": {"up": 0.5, "down": 0.3},  # 2 and 3
    }
    stood = ranked(figures, {"up": "higher", "down": "lower"})
    assert {name: one.mean_rank for name, one in stood.items()} == {"B": 1.5, "A": 2, "C": 2.5}
    assert list(stood) == ["B", "A", "C"]


def test_baselines_take_no_place_and_come_last():
    figures = {"noise": {"up": 0.8}, "A": {"up": 0.5}, "B": {"up": 0.9}}
    stood = ranked(figures, {"up": "higher"}, ("noise",))
    assert {name: one.ranks for name, one in stood.items()} == {"B": {"up": 1}, "A": {"up": 2}, "noise": {}}
    assert list(stood) == ["B", "A", "noise"]
    assert [one.baseline for one in stood.values()] == [False, False, True]
    assert stood["noise"].figures == {"up": 0.8}


def test_a_method_no_better_than_the_best_baseline_is_beaten_by_it():
    figures = {
        "noise": {"up": 0.3, "down": 0.1},
        "centre": {"up": 0.6, "down": 0.4},
        "A": {"up": 0.5, "down": 0.05},
        "B": {"up": 0.6, "down": 0.2},
        "C": {"up": 0.7, "down": 0.09},
    }
    stood = ranked(figures, {"up": "higher", "down": "lower"}, ("noise", "centre"))
    assert stood["A"].beaten_by == {"up": "centre"}
    assert stood["B"].beaten_by == {"up": "centre", "down": "noise"}
    assert stood["C"].beaten_by == {}
    assert stood["noise"].beaten_by == stood["centre"].beaten_by == {}


def test_nobody_is_beaten_by_a_baseline_that_was_not_measured():
    stood = ranked({"noise": {}, "A": {"up": 0.5}}, {"up": "higher"}, ("noise",))
    assert stood["A"].beaten_by == {}


def test_worthless_maps_are_counted_and_left_out_of_the_means():
    def cell(at, *, method, image):
        if image == "flat":
            return Cell(at=at, cam=cam(0 * UP, "flat"))
        if image == "gone":
            return Cell(at=at, cam=None, reason="the model failed")
        return Cell(at=at, cam=cam(UP), figures={"up": {"first": 0.2, "second": 0.6}[image]})

    images = ("first", "flat", "second", "gone")
    (one,) = standings(compared(cell, metrics={"up": "higher"}, method=("A",), image=images))
    assert (one.maps, one.worthless, one.missing) == (4, 1, 1)
    assert one.figures == {"up": pytest.approx(0.4)}


def test_a_method_that_gives_up_on_hard_pictures_is_not_set_against_others_figures_on_them():
    figures = {"A": {"easy": 0.8, "hard": 0.2}, "B": {"easy": 0.7, "hard": nan}, "noise": {"easy": 0.75, "hard": 0.1}}

    def cell(at, *, method, image):
        return Cell(at=at, cam=cam(UP), figures={"up": figures[method][image]})

    of = {"method": tuple(figures), "image": ("easy", "hard")}
    stood = {one.label: one for one in standings(compared(cell, metrics={"up": "higher"}, baselines=("noise",), **of))}
    assert stood["B"].figures["up"] > stood["A"].figures["up"]
    assert (stood["A"].ranks["up"], stood["B"].ranks["up"]) == (1, 2)
    assert (stood["A"].beaten_by, stood["B"].beaten_by) == ({}, {"up": "noise"})


def test_a_model_that_failed_as_a_whole_has_no_standings():
    def cell(at, *, method, model):
        drawn = cam(UP) if model == "net" else None
        return Cell(at=at, cam=drawn, figures={"up": 0.5} if drawn else {})

    stood = standings(compared(cell, metrics={"up": "higher"}, method=("A",), model=("net", "gone")))
    assert [one.model for one in stood] == ["net"]


def test_a_figure_that_is_no_number_is_left_out_of_the_means():
    def cell(at, *, method, image):
        return Cell(at=at, cam=cam(UP), figures={"up": {"first": nan, "second": 0.6}[image]})

    (one,) = standings(compared(cell, metrics={"up": "higher"}, method=("A",), image=("first", "second")))
    assert one.figures == {"up": 0.6}
    assert one.worthless == 0


def test_a_method_without_figures_has_no_rank_and_comes_after_those_that_have_and_before_the_baselines():
    stood = ranked({"noise": {"up": 0.8}, "A": {"up": nan}, "B": {"up": 0.1}}, {"up": "higher"}, ("noise",))
    assert list(stood) == ["B", "A", "noise"]
    assert stood["B"].ranks == {"up": 1}
    assert (stood["A"].figures, stood["A"].ranks) == ({}, {})
    assert isnan(stood["A"].mean_rank)


def test_methods_stand_apart_in_every_model():
    def cell(at, *, method, model):
        better = (method == "A") == (model == "net")
        return Cell(at=at, cam=cam(UP), figures={"up": 0.9 if better else 0.1})

    stood = standings(compared(cell, metrics={"up": "higher"}, method=("A", "B"), model=("net", "other")))
    assert [(one.model, one.label, one.mean_rank) for one in stood] == [
        ("net", "A", 1),
        ("net", "B", 2),
        ("other", "B", 1),
        ("other", "A", 2),
    ]


# ----------------------------------------------------------------------------------- few questions


def measured(figures, **of):
    """Standings by method, of a map a picture: the picture's place -> its figure, or None for a worthless map."""
    count = len(next(iter(figures.values())))

    def cell(at, *, method, image):
        return Cell(at=at, cam=cam(UP), figures={"up": figures[method][int(image)]})

    images = tuple(map(str, range(count)))
    whole = compared(cell, metrics={"up": "higher"}, method=tuple(figures), image=images, **of)
    return {one.label: one for one in standings(whole)}


def test_the_interval_of_a_mean_is_scipys_bootstrap_every_time_and_none_for_one_picture():
    figures = np.random.default_rng(0).random(40)
    first, second = (measured({"A": figures.tolist()})["A"].intervals["up"] for _ in range(2))
    theirs = bootstrap((figures,), np.mean, method="percentile", n_resamples=20000, rng=0).confidence_interval
    assert first == second == pytest.approx((theirs.low, theirs.high), abs=0.01)
    one = measured({"A": [0.4]})["A"]
    assert (one.questions, one.intervals) == (1, {})


def test_maps_of_one_picture_and_class_are_one_sample():
    def cell(at, *, layer, image):
        return Cell(at=at, cam=cam(UP), figures={"up": {"0": 0.1, "1": 0.9}[image]})

    layers = tuple(map(str, range(10)))
    (one,) = standings(compared(cell, metrics={"up": "higher"}, layer=layers, image=("0", "1")))
    assert (one.questions, one.maps) == (2, 20)
    assert one.intervals["up"] == pytest.approx((0.1, 0.9))


def test_a_winner_of_five_questions_is_not_the_best_and_of_six_it_is():
    for count, best in ((5, ()), (6, ("up",))):
        stood = measured({"A": [0.9] * count, "B": [0.1] * count})
        assert (stood["A"].ranks["up"], stood["A"].best_at, stood["B"].best_at) == (1, best, ())


SWAYING = [0.9, 0.1, 0.8, 0.2, 0.9, 0.1, 0.7, 0.4]


@pytest.mark.parametrize(
    "figures",
    [
        pytest.param({"A": SWAYING, "B": [*SWAYING[::-1][:-1], 0.8]}, id="a lead that chance may make"),
        pytest.param({"A": [0.9] * 8, "B": [0.1, 0.9] * 4, "C": [0.89, 0.92] * 4}, id="not ahead of every rival"),
        pytest.param({"A": [0.9] * 8}, id="no rival"),
    ],
)
def test_nobody_is_the_best_without_a_clear_lead_over_every_rival(figures):
    assert all(one.best_at == () for one in measured(figures).values())


def test_a_lead_is_measured_question_by_question():
    """The figures sway far more than they differ, and yet one is ahead every time."""
    hard = np.linspace(0, 0.9, 8)
    stood = measured({"A": (hard + 0.05).tolist(), "B": hard.tolist()})
    assert stood["A"].intervals["up"][0] < stood["B"].figures["up"]
    assert stood["A"].best_at == ("up",)


def test_what_too_few_leave_open_is_said_in_words():
    rows = list(measured({"A": [0.9], "B": [0.1]}).values())
    measures = (Measure(name="up", title="Up", better="higher"),)
    assert too_few(rows, measures) == "which method is best (1 picture and class; it takes 6)"
    rows = list(measured({"A": [0.9] * 6, "B": [0.1] * 6}).values())
    assert too_few(rows, measures) == ""
    rows = list(measured({"A": [0.9, 0.1] * 4, "B": [0.1, 0.8] * 4}).values())
    assert too_few(rows, measures) == "which method is best (8 pictures and classes)"


def test_too_few_names_the_metrics_where_others_are_clear():
    def cell(at, *, method, image):
        return Cell(at=at, cam=cam(UP), figures={"up": float(method == "A"), "level": 0.5})

    whole = compared(cell, metrics={"up": "higher", "level": "lower"}, method=("A", "B"), image=tuple("012345"))
    assert too_few(standings(whole), whole.metrics) == "which method is best at level (6 pictures and classes)"


@pytest.mark.parametrize(
    ("ends", "words"),
    [
        ((0.612, 0.708), ".61 .71"),
        ((-0.0012, 0.05), ".00 .05"),
        ((-0.5, 1.0), "-.50 1.00"),
        ((9.5, 12.34), "9.50 12.3"),
    ],
)
def test_an_interval_is_said_in_few_letters(ends, words):
    assert interval_text(ends) == words.replace(" ", "\N{EN DASH}")


# ------------------------------------------------------------------------- target layers and models


def test_target_layers_stand_by_the_maps_of_all_methods_but_the_baselines():
    def cell(at, *, method, layer):
        figure = 0.0 if method == "noise" else {"deep": 0.8, "shallow": 0.2}[layer] + 0.1 * (method == "B")
        return Cell(at=at, cam=cam(UP), figures={"up": figure})

    of = {"method": ("A", "B", "noise"), "layer": ("shallow", "deep")}
    stood = standings(compared(cell, metrics={"up": "higher"}, baselines=("noise",), **of), "layer")
    assert [(one.axis, one.label, one.ranks["up"]) for one in stood] == [("layer", "deep", 1), ("layer", "shallow", 2)]
    assert stood[0].figures["up"] == pytest.approx(0.85)
    assert (stood[0].maps, stood[0].beaten_by) == (2, {})
    assert stood[0].to_dict()["layer"] == "deep"


def test_models_stand_together_and_one_that_failed_does_not():
    def cell(at, *, method, model):
        figures = {} if model == "gone" else {"up": {"net": 0.3, "other": 0.6}[model]}
        return Cell(at=at, cam=None if model == "gone" else cam(UP), figures=figures)

    whole = compared(cell, metrics={"up": "higher"}, method=("A", "B"), model=("net", "gone", "other"))
    assert [(one.model, one.label) for one in standings(whole, "model")] == [("", "other"), ("", "net")]
    assert standings(whole, "model")[0].to_dict()["model"] == "other"


def test_layers_of_every_model_stand_apart_without_those_of_others():
    def cell(at, *, model, layer):
        own = layer.startswith(model)
        return Cell(at=at, cam=cam(UP) if own else None, figures={"up": 0.5} if own else {})

    whole = compared(cell, metrics={"up": "higher"}, model=("a", "b"), layer=("a1", "a2", "b1"))
    assert [(one.model, one.label) for one in standings(whole, "layer")] == [("a", "a1"), ("a", "a2"), ("b", "b1")]


def test_a_single_layer_and_a_single_model_are_not_ranked():
    whole = compared(
        lambda at, method: Cell(at=at, cam=cam(UP), figures={"up": 0.5}), metrics={"up": "higher"}, method=("A", "B")
    )
    assert standings(whole, "layer") == standings(whole, "model") == ()


def test_without_metrics_nobody_stands():
    assert standings(by_method({"A": cam(UP)})) == ()


def test_standings_and_agreement_go_to_json_as_plain_values():
    whole = by_method({"A": cam(UP), "B": cam(1 - UP)})
    (one,) = json.loads(json_text(whole.to_dict()))["agreement"]
    assert one["labels"] == ["A", "B"]
    assert one["matrix"][0][1] == pytest.approx(-1)
    told = ranked({"noise": {"up": 0.8}, "A": {"up": 0.5}}, {"up": "higher"}, ("noise",))["A"].to_dict()
    assert told["beaten_by"] == {"up": "noise"}
    assert told["method"] == "A"
    assert {type(value) for value in told.values()} == {str, bool, dict, float, int, tuple}


@pytest.mark.parametrize("size", [(56, 56), (30, 56), (11, 40)])
def test_structural_similarity_is_that_of_scikit_image_with_the_window_of_the_paper(size):
    from skimage.metrics import structural_similarity

    noise = np.random.default_rng(0)
    for level in (0.02, 0.3, 1):
        one = noise.random(size, np.float32)
        other = np.clip(one + level * noise.standard_normal(size), 0, 1).astype(np.float32)
        how = {"data_range": 1, "gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
        known = structural_similarity(one.astype(float), other.astype(float), **how)
        assert ssim(one, other) == pytest.approx(known, abs=1e-9)


def test_structural_similarity_of_flat_and_of_small_maps():
    flat = np.full((20, 20), 0.5, np.float32)
    assert ssim(flat, flat) == ssim(UP[:4, :4], UP[:4, :4]) == pytest.approx(1)
    assert ssim(flat, flat / 2) == pytest.approx((2 * 0.125 + 1e-4) / (0.25 + 0.0625 + 1e-4))
