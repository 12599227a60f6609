"""`camctl.compare`: many axes, one pass, and a reason wherever there is no map."""

import gc
import weakref

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import camctl
from camctl import registry
from camctl.errors import InputError, PluginError
from camctl.pipeline.compare import PendingModel
from camctl.pipeline.manner import Clock, Manner
from camctl.pipeline.method_selection import pick_methods, pick_metrics
from camctl.pipeline.metrics import regions_of, seen
from camctl.pipeline.passes import run_passes
from camctl.pipeline.plan import plan_of
from camctl.pipeline.scene import LayerGroup, scene_of
from camctl.plugin import method, metric
from camctl.values.picture import read_picture
from camctl.values.request import Classes, Evaluation
from camctl.values.view import View
from tests.models import GapNet, TinyCnn, TinyVit, loaded, seeded

NAMES = ("ant", "bee", "cat", "dog", "elk")
LAYERS = ["block1.bn2", "block2.bn2", "block1.bn2+block2.bn2"]
"""Where every map is ok, so that no hint has to look for a better layer."""
SIX = ("GradCAM", "GradCAM++", "XGradCAM", "EigenCAM", "EigenGradCAM", "LayerCAM")


@pytest.fixture
def pixels():
    rows, columns = np.mgrid[0:48, 0:64]
    made = np.stack([rows * 5, columns * 4, (rows + columns) * 2], 2).astype(np.uint8)
    made[16:32, 20:44] = 250, 20, 20  # without an object, what lights up is the border
    return made


@pytest.fixture
def square(pixels):
    return np.ascontiguousarray(pixels[:32, :32])


@pytest.fixture
def model():
    return loaded(seeded(TinyCnn()), class_names=NAMES)


@pytest.fixture
def vit():
    return loaded(seeded(TinyVit()), class_names=NAMES)


@pytest.fixture
def without_biases():
    layers = (nn.Conv2d(3, 8, 4, stride=4, bias=False), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    return loaded(seeded(nn.Sequential(*layers, nn.Linear(8, len(NAMES)))), class_names=NAMES)


def labels(comparison):
    return {axis.name: axis.labels for axis in comparison.axes if len(axis) > 1}


def test_every_combination_has_a_cell_and_axes_of_one_value_are_held(model, pixels):
    found = camctl.compare(
        model, pixels, methods=["GradCAM", "LayerCAM"], targets=["cat", 0], target_layers=["block1", "block2"]
    )
    assert labels(found) == {
        "layer": ("block1", "block2"),
        "class": ("cat", "ant"),
        "method": ("GradCAM", "LayerCAM"),
    }
    assert [(*cell.cam.layers, cell.cam.target.label, cell.cam.method) for cell in found.cells] == [
        (layer, label, name)
        for layer in ("block1", "block2")
        for label in ("cat", "ant")
        for name in ("GradCAM", "LayerCAM")
    ]
    assert found.cell({"layer": 1, "method": 1}).cam.layers == ("block2",)


def test_each_map_is_the_one_that_explain_gives(model, pixels):
    found = camctl.compare(
        model,
        pixels,
        methods=["GradCAM", "EigenGradCAM"],
        targets=[1, 2],
        target_layers=["block1", "block2.bn2"],
        smooth=["none", "eigen", "aug", "both"],
    )
    assert len(found.cells) == 32
    for cell in found.cells:
        cam = cell.cam
        (alone,) = camctl.explain(
            model,
            pixels,
            methods=[cam.method],
            targets=[cam.target.index],
            target_layers=cam.layers[0],
            smooth=cam.smoothing,
        ).maps
        assert (alone.verdict, alone.smoothing) == (cam.verdict, cam.smoothing)
        np.testing.assert_allclose(alone.values, cam.values, atol=1e-5)


def test_methods_layers_and_smoothings_cost_one_pass_and_one_of_six_views(model, pixels, monkeypatch):
    forwards, backwards = [], []
    model.module.register_forward_pre_hook(lambda _module, given: forwards.append(len(given[0])))
    grad = torch.autograd.grad
    monkeypatch.setattr(torch.autograd, "grad", lambda *a, **k: backwards.append(1) or grad(*a, **k))
    arguments = {"methods": SIX, "targets": [0, 1, 2], "target_layers": LAYERS}
    camctl.compare(model, pixels, **arguments, smooth=["none", "eigen"])
    assert (forwards, len(backwards)) == ([1], 3)

    forwards.clear(), backwards.clear()
    found = camctl.compare(model, pixels, **arguments, smooth=["both", "none", "aug", "eigen"])
    assert (forwards, len(backwards)) == ([1, 6], 6)
    counts = {one.what: one.count for one in found.spent}
    assert counts["forward"] == counts["forward (aug)"] == 1
    assert counts["backward"] == counts["backward (aug)"] == 3
    assert counts["methods"] == len(found.cells) == 6 * 3 * 3 * 4


def test_the_expensive_part_of_a_method_is_done_once_for_both_reductions(model, pixels):
    calls = []

    @method(name="Slow", summary="Counts.", paper="none", needs={"activations", "gradients"})
    def slow(capture):
        calls.append(capture.layer)
        return capture.activations * capture.gradients

    scene = scene_of(plan_of(model), read_picture(pixels))
    groups = [LayerGroup(("block1",), "you"), LayerGroup(("block1", "block2"), "you")]
    manner = Manner(methods=(slow,), smoothings=("none", "eigen"))
    passed = run_passes(scene, groups, manner, lambda classes: classes.top(2), Clock())
    assert len(passed.maps) == 8
    assert calls == ["block1", "block2"] * 2


def test_a_gap_nets_gradcam_and_hirescam_agree_in_every_cell(pixels):
    found = camctl.compare(
        loaded(seeded(GapNet())), pixels, methods=["GradCAM", "HiResCAM"], targets=[0, 1, 2], target_layers="features"
    )
    for target in range(3):
        one, other = (found.cell({"class": target, "method": m}).cam for m in (0, 1))
        np.testing.assert_allclose(one.raw, other.raw, rtol=1e-4, atol=1e-6)


def test_a_pattern_gives_a_map_for_each_layer_and_a_plus_one_for_both(model, pixels):
    found = camctl.compare(model, pixels, target_layers=["block*.bn2", "block1.bn2+block2.bn2"])
    assert labels(found) == {"layer": ("block1.bn2", "block2.bn2", "block1.bn2 + block2.bn2")}
    assert [len(cell.cam.raw_by_layer) for cell in found.cells] == [1, 1, 2]


def test_auto_takes_layers_of_one_kind_from_shallow_to_the_default(model, pixels):
    default = camctl.explain(model, pixels).maps[0].layers[0]
    found = camctl.compare(model, pixels, target_layers="auto:2")
    assert default == "block2"
    assert labels(found) == {"layer": ("block1", "block2")}


def test_more_layers_than_there_are_end_in_the_number_that_works(model, pixels):
    with pytest.raises(InputError, match="usable layers") as caught:
        camctl.compare(model, pixels, target_layers="auto:99")
    count = int(caught.value.hint.rpartition("auto:")[2])
    assert len(camctl.compare(model, pixels, target_layers=f"auto:{count}").cells) == count


@pytest.mark.parametrize("text", ["auto:0", "auto:many", "block1+", "+"])
def test_what_names_no_layers_is_refused_before_any_model_is_loaded(pixels, text):
    loading = PendingModel("never", lambda: pytest.fail("a model was loaded"))
    with pytest.raises(InputError):
        camctl.compare(loading, pixels, target_layers=text)


def test_topk_differs_by_picture_and_says_so_in_the_cells(model, pixels):
    other = 255 - np.ascontiguousarray(pixels[::-1])
    found = camctl.compare(model, [pixels, other], targets=Classes(topk=2))
    tops = [explanation.predictions[:2] for explanation in found.explanations.values()]
    assert [cell.cam.target for cell in found.cells] == [target for pair in tops for target in pair]
    assert found.axis("image").labels == ("<array>", "<array> (2)")


# ---------------------------------------------------------------------------------- what goes wrong


def test_a_model_that_fails_to_load_costs_its_own_cells(model, pixels):
    def fail():
        raise InputError("The weights are gone.", hint="Find them.")

    found = camctl.compare([PendingModel("lost", fail), model], pixels, methods=["GradCAM", "LayerCAM"])
    assert [cell.cam is None for cell in found.cells] == [True, True, False, False]
    assert found.cells[0].reason == "The weights are gone."
    assert found.failed
    assert [fault.message for fault in found.faults] == ["The weights are gone."]
    assert found.axis("model").labels == ("lost", model.name)


def test_where_every_model_fails_the_first_error_is_raised(pixels):
    def fail(text):
        def load():
            raise InputError(text)

        return PendingModel(text, load)

    with pytest.raises(InputError, match="first"):
        camctl.compare([fail("first"), fail("second")], pixels)


def test_a_picture_that_cannot_be_read_costs_its_own_cells(model, pixels, tmp_path):
    Image.fromarray(pixels).save(tmp_path / "good.png")
    (tmp_path / "bad.png").write_text("no picture")
    found = camctl.compare(model, [tmp_path / "bad.png", tmp_path / "good.png"])
    assert [cell.cam is None for cell in found.cells] == [True, False]
    assert "not a picture" in found.cells[0].reason
    assert [picture.path for picture in found.pictures] == [str(tmp_path / "bad.png"), str(tmp_path / "good.png")]


def test_a_class_that_one_model_lacks_is_said_in_its_cells(model, pixels):
    other = loaded(seeded(TinyCnn()), class_names=("ant", "bee", "cow", "dog", "elk"))
    found = camctl.compare([model, other], pixels, targets=["cat", "dog"])
    assert [cell.cam is None for cell in found.cells] == [False, False, True, False]
    assert "no class named 'cat'" in found.cells[2].reason
    assert not found.failed


def test_a_class_or_layer_that_nobody_has_is_the_users_mistake(model, vit, square):
    with pytest.raises(InputError, match="no class named 'yak'"):
        camctl.compare([model, vit], square, targets=["cat", "yak"])
    with pytest.raises(InputError, match="no layer named 'block9'"):
        camctl.compare([model, vit], square, target_layers=["block9"])


def test_a_layer_of_one_model_is_missing_in_the_other(model, vit, square):
    found = camctl.compare([model, vit], square, target_layers=["block2.bn2", "layers.1.ln1"])
    assert [cell.cam is None for cell in found.cells] == [False, True, True, False]
    assert "no layer named 'layers.1.ln1'" in found.cells[1].reason


def test_an_index_that_means_two_classes_asks_for_a_name(model, pixels):
    other = loaded(seeded(TinyCnn()), class_names=("dog", "bee", "cat", "ant", "elk"))
    with pytest.raises(InputError, match="differ: 0 is not one class") as caught:
        camctl.compare([model, other], pixels, targets=[0])
    assert "--target-category NAME" in caught.value.hint
    assert len(camctl.compare([model, other], pixels, targets=["dog"]).maps) == 2


def test_an_index_of_one_class_under_two_spellings_will_do(model, pixels):
    other = loaded(seeded(TinyCnn()), class_names=("emmet, Ant", "bee", "cat", "dog", "elk"))
    assert len(camctl.compare([model, other], pixels, targets=[0]).maps) == 2


def test_a_layer_without_a_grid_is_said_in_its_cells(model, pixels):
    found = camctl.compare(model, pixels, target_layers=["fc", "block2"])
    assert found.cells[0].cam is None or found.cells[0].cam.verdict == "single-cell"
    assert found.cells[1].cam.verdict == "ok"


def test_a_method_that_cannot_work_on_a_model_is_said_in_its_cells(without_biases, model, pixels):
    found = camctl.compare([without_biases, model], pixels, methods=["GradCAM", "FullGrad"])
    assert found.cell({"model": 0, "method": 1}).cam is None
    assert "FullGrad cannot work on this model" in found.cell({"model": 0, "method": 1}).reason
    assert found.cell({"model": 1, "method": 1}).cam.verdict == "ok"
    assert not found.failed


def test_more_cells_than_a_grid_holds_are_refused_before_anything_is_loaded(pixels):
    loading = PendingModel("never", lambda: pytest.fail("a model was loaded"))
    with pytest.raises(InputError, match="720 maps"):
        camctl.compare(loading, [pixels] * 120, methods=SIX)


def test_models_are_let_go_one_after_the_other(pixels):
    alive = []

    def pending(seed):
        def load():
            gc.collect()
            assert not any(reference() is not None for reference in alive), "the model before it is still held"
            module = seeded(TinyCnn(), seed)
            alive.append(weakref.ref(module))
            return loaded(module)

        return PendingModel(f"net{seed}", load)

    found = camctl.compare([pending(seed) for seed in range(3)], pixels, targets=[1])
    assert len(alive) == len(found.maps) == 3


def test_a_model_that_fails_while_it_runs_is_let_go_too(model, pixels):
    gone = []

    class Failing(nn.Module):
        def forward(self, _x):
            raise RuntimeError("not today")

    def load():
        module = Failing()
        gone.append(weakref.ref(module))
        return loaded(module)

    found = camctl.compare([PendingModel("failing", load), model], pixels)
    gc.collect()
    assert found.failed
    assert gone[0]() is None


def test_cells_are_found_by_label_as_well(model, pixels):
    found = camctl.compare(model, pixels, methods=["GradCAM", "LayerCAM"], targets=["cat", "dog"])
    assert found.cell({"class": "dog", "method": "LayerCAM"}) is found.cells[3]
    for wrong in ({"colour": 0}, {"class": "cow"}, {"method": 2}):
        with pytest.raises(InputError):
            found.cell(wrong)
    assert repr(found) == "<Comparison of 2 classes x 2 methods, 4 of 4 drawn>"


def test_many_large_pictures_are_kept_small(model):
    photo = np.zeros((1200, 2400, 3), np.uint8)
    photo[300:900, 600:1800] = 200
    found = camctl.compare(model, [photo] * 9)
    assert {picture.size for picture in found.pictures} == {(800, 1600)}
    cam, whole = found.maps[0], camctl.explain(model, photo).maps[0]
    np.testing.assert_allclose(np.array(cam.view.box), np.array(whole.view.box) * 1600 / 2400, atol=0.5)
    assert cam.overlay(canvas="original").shape == (800, 1600, 3)


def test_a_module_of_ones_own_is_compared_as_it_is(pixels):
    module = seeded(TinyCnn())
    module.input_size = (32, 32)
    assert isinstance(module, nn.Module)
    assert len(camctl.compare(module, pixels).maps) == 1


# ------------------------------------------------------------------------------------------ figures


def test_metrics_measure_every_sound_map_and_leave_the_worthless_out(model, pixels):
    found = camctl.compare(
        model, pixels, target_layers=["block2", "pool"], evaluation=Evaluation(metrics=["coverage", "drop"])
    )
    sound, dead = found.cells
    assert dead.cam.verdict == "single-cell"
    assert dead.figures == {}
    assert sound.figures["coverage"] == pytest.approx(float(sound.cam.values.mean()), abs=1e-6)
    assert 0 <= sound.figures["drop"] <= 1
    assert [(one.name, one.better) for one in found.metrics] == [("coverage", "neither"), ("drop", "lower")]


def test_drop_is_the_score_of_the_picture_seen_through_the_map(model, pixels):
    found = camctl.compare(model, pixels, targets=["cat"], evaluation=Evaluation(metrics=["drop"]))
    (cell,) = found.cells
    inputs = model.preprocess(pixels)[None]
    with torch.no_grad():
        whole = model.forward(inputs).softmax(1)[0, 2]
        shown = model.forward(inputs * torch.from_numpy(cell.cam.values)).softmax(1)[0, 2]
    assert cell.cam.target.score == pytest.approx(float(whole), abs=1e-6)
    assert cell.figures["drop"] == pytest.approx(max(0.0, float((whole - shown) / whole)), abs=1e-5)


def test_a_box_is_given_in_pixels_of_the_picture(model, pixels):
    (cell,) = camctl.compare(model, pixels, evaluation=Evaluation(metrics=["energy"], boxes=(0, 0, 32, 48))).cells
    values = cell.cam.values
    left = values[:, : values.shape[1] // 2].sum() / values.sum()
    assert cell.figures["energy"] == pytest.approx(float(left), abs=1e-5)


def test_boxes_of_classes_are_for_their_class_alone(model, pixels):
    boxes = {"cat": (0, 0, 64, 48), 3: (60, 44, 64, 48)}
    found = camctl.compare(
        model, pixels, targets=["cat", "dog", "elk"], evaluation=Evaluation(metrics=["energy"], boxes=boxes)
    )
    cat, dog, elk = (cell.figures for cell in found.cells)
    assert cat["energy"] == pytest.approx(1)
    assert dog["energy"] < 0.5
    assert elk == {}


def test_a_mask_is_of_the_pictures_size_and_shows_what_is_not_black(model, pixels):
    mask = np.zeros((48, 64, 3), np.uint8)
    mask[:, :32, 1] = 1
    found = [
        camctl.compare(model, pixels, evaluation=Evaluation(metrics=["energy", "iou"], **where)).cells[0].figures
        for where in ({"masks": mask}, {"masks": mask[..., 1] > 0}, {"masks": {None: mask}}, {"boxes": (0, 0, 32, 48)})
    ]
    assert found[0] == found[1] == found[2] == found[3]
    assert found[0].keys() == {"energy", "iou"}


def test_one_class_may_have_a_mask_and_another_a_box(model, pixels):
    everywhere = np.ones((48, 64), bool)
    where = {"masks": {"cat": everywhere}, "boxes": {"dog": (60, 44, 64, 48)}}
    found = camctl.compare(model, pixels, targets=["cat", "dog"], evaluation=Evaluation(metrics=["energy"], **where))
    assert found.cells[0].figures["energy"] == pytest.approx(1)
    assert found.cells[1].figures["energy"] < 0.5


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ({"masks": np.ones((64, 48), bool)}, "mask is 48 x 64 pixels, the picture 64 x 48"),
        ({"masks": np.zeros((48, 64), np.uint8)}, "is black: it shows no object"),
        ({"masks": "nowhere.png"}, "There is no picture 'nowhere.png'"),
        ({"masks": {"dog": np.ones((48, 64), bool)}}, "class 'dog', which is not explained"),
        ({"masks": np.ones((48, 64), bool), "boxes": (0, 0, 5, 5)}, "a box and a mask for every class"),
        ({"boxes": {"dog": (0, 0, 5, 5)}}, "class 'dog', which is not explained"),
        ({"boxes": (64, 0, 70, 10)}, "outside the picture"),
        ({"boxes": (5.1, 5.1, 5.2, 5.2)}, "outside the part of the picture that the model is given"),
    ],
)
def test_a_mask_or_box_that_is_no_answer_is_refused(model, pixels, where, message):
    with pytest.raises(InputError, match=message) as raised:
        camctl.compare(model, pixels, targets=["cat"], evaluation=Evaluation(metrics=["energy"], **where))
    assert raised.value.hint


def test_an_object_that_was_cropped_away_is_told():
    corner = np.zeros((48, 64), bool)
    corner[:4, :4] = True
    view = View(size=(32, 32), box=(8.0, 0.0, 56.0, 48.0))
    assert not any(seen(regions_of(*where)[None], view).any() for where in ((None, corner), ((0, 0, 4, 4), None)))


def test_padding_of_the_input_is_no_object():
    marked = seen(regions_of(masks=np.ones((4, 4), bool))[None], View(size=(8, 8), box=(-2.0, -2.0, 6.0, 6.0)))
    assert marked.sum() == 16
    assert marked[2:6, 2:6].all()


def with_metric(monkeypatch, made):
    """Let a metric be found by its name."""
    pick = registry.pick
    given = registry.Loaded(pick("metric", "drop").found, made)
    own = made.name.casefold()
    monkeypatch.setattr(registry, "pick", lambda kind, name: given if name == own else pick(kind, name))


def test_the_case_holds_the_raw_map_at_the_inputs_size(model, pixels, monkeypatch):
    cases = []

    @metric(name="Seen", summary="Keeps its case.", paper="none", better="neither")
    def kept(case):
        cases.append(case)
        return 0.0

    with_metric(monkeypatch, kept)
    found = camctl.compare(model, pixels, evaluation=Evaluation(metrics=["seen"]))
    (cell,), (case,) = found.cells, cases
    assert case.raw.shape == case.values.shape
    raw = torch.from_numpy(cell.cam.raw)[None, None]
    expected = torch.nn.functional.interpolate(raw, case.raw.shape, mode="bilinear")[0, 0]
    torch.testing.assert_close(case.raw, expected)


def test_metrics_leave_the_model_as_it_was(pixels):
    from tests.drawing import same, snapshot

    module = seeded(TinyCnn()).train()
    module.input_size = (32, 32)
    before = snapshot(module)
    camctl.compare(module, pixels, evaluation=Evaluation(metrics=["all"], baselines=True))
    assert same(before, snapshot(module))


def test_baselines_are_methods_that_the_standings_set_apart(model, pixels):
    from camctl.ranking.standings import standings

    found = camctl.compare(
        model, pixels, methods=["GradCAM"], evaluation=Evaluation(metrics=["insertion"], baselines=True)
    )
    assert found.baselines == ("Random", "Centre", "Edges")
    ranked = standings(found)
    assert next(one.label for one in ranked) == "GradCAM"
    assert [one.baseline for one in ranked] == [False, True, True, True]


def test_sets_of_methods_hold_no_baseline():
    methods = {name: pick_methods([name]) for name in ("seed", "fast", "all")}
    sets = {name: {one.name for one in each} for name, each in methods.items()}
    assert sets["seed"] == set(SIX)
    assert sets["seed"] < sets["fast"] < sets["all"]
    assert "ScoreCAM" in sets["all"] - sets["fast"]
    assert not any(one.baseline for one in methods["all"])


def test_what_costs_seconds_a_map_is_measured_by_name_alone():
    assert "road" not in {one.found.name for one in pick_metrics(["all"])}
    assert "road" in {one.found.name for one in pick_metrics(["all", "road"])}


def test_a_metric_that_needs_a_box_is_refused_by_name_and_left_out_of_all():
    with pytest.raises(InputError, match="where the object is"):
        pick_metrics(["pointing"])
    assert "pointing" not in {one.found.name for one in pick_metrics(["all"])}
    assert "pointing" in {one.found.name for one in pick_metrics(["all"], region=True)}


def test_an_option_that_no_metric_has_is_refused():
    with pytest.raises(InputError, match="None of the metrics"):
        pick_metrics(["drop"], {"steps": 3})
    assert pick_metrics(["insertion"], {"steps": 3})


def test_a_metric_that_fails_is_named_and_costs_its_own_figures(model, pixels, monkeypatch):
    @metric(name="Wordy", summary="Says something.", paper="none", better="higher")
    def wordy(_case):
        message = "The metric wordy failed."
        raise PluginError(message)

    with_metric(monkeypatch, wordy)
    found = camctl.compare(model, pixels, evaluation=Evaluation(metrics=["wordy", "coverage"]))
    assert [type(fault) for fault in found.faults] == [PluginError]
    assert "wordy" in found.faults[0].message
    assert set(found.cells[0].figures) == {"coverage"}


def test_a_comparison_as_json_has_every_map_and_every_gap(model, without_biases, pixels):
    import json

    found = camctl.compare(
        [model, without_biases], pixels, methods=["GradCAM", "FullGrad"], evaluation=Evaluation(metrics=["coverage"])
    )
    told = found.to_dict(["grid.png"])
    assert json.loads(json.dumps(told))["paths"] == ["grid.png"]
    assert (len(told["maps"]), len(told["missing"])) == (3, 1)
    assert told["missing"][0]["at"]["method"] == "FullGrad"
    assert set(told["maps"][0]["figures"]) == {"coverage"}
    assert len(told["runs"]) == 2
    assert len(told["runs"][0]["image_sha256"]) == 64
    assert told["axes"]["method"] == ["GradCAM", "FullGrad"]


# ---------------------------------------------------------------------------------------- notebooks


def test_results_show_themselves_in_a_notebook(model, pixels):
    from io import BytesIO

    arguments = {"methods": ["GradCAM", "LayerCAM"], "targets": ["cat", "dog"]}
    sizes = set()
    for result in (camctl.explain(model, pixels, **arguments), camctl.compare(model, pixels, **arguments)):
        with Image.open(BytesIO(result._repr_png_())) as shown:
            sizes.add(shown.size)
        page = result._repr_html_()
        assert "LayerCAM of dog: ok" in page
        assert 'sandbox="allow-scripts"' in page
        assert "<script" not in page  # it is quoted, in the frame
    assert len(sizes) == 1
    (size,) = sizes
    assert size[0] > 3 * 160


def test_an_explanation_with_a_markup_name_is_quoted_in_a_notebook(pixels):
    names = ('"><script>alert(1)</script>', "bee", "cat", "dog", "elk")
    page = camctl.explain(loaded(seeded(TinyCnn()), class_names=names), pixels, targets=[0])._repr_html_()
    assert "<script>" not in page


def test_a_comparison_saves_itself_by_the_ending(model, pixels, tmp_path):
    found = camctl.compare(model, pixels, methods=["GradCAM", "LayerCAM"])
    for name in ("grid.png", "grid.svg", "report.html"):
        assert found.save(tmp_path / name) == [tmp_path / name]
        assert (tmp_path / name).stat().st_size > 1000
    with pytest.raises(InputError, match="ending"):
        found.save(tmp_path / "grid.tiff")


def test_each_class_is_drawn_by_itself_and_told_from_others(model, pixels):
    found = camctl.compare(
        model,
        pixels,
        targets=Classes(names=["cat", "dog"], versus=["dog", "bee"]),
        evaluation=Evaluation(metrics=["drop"]),
    )
    assert labels(found) == {"class": ("cat", "cat vs dog and bee", "dog", "dog vs bee")}
    told = camctl.explain(model, pixels, targets=Classes(names="cat", versus=["dog", "bee"])).maps[0]
    np.testing.assert_array_equal(found.maps[1].values, told.values)
    assert found.maps[1].target == told.target
    logits = model.forward(model.preprocess(pixels)[None])[0].detach()
    assert told.target.score == pytest.approx(float((logits[2] - (logits[3] + logits[1]) / 2).sigmoid()), abs=1e-5)


def test_metrics_of_a_told_class_ask_of_it_and_the_others_alone(model, pixels):
    """Average drop by hand, with the score that a class has where there is only it and the other."""
    found = camctl.compare(
        model, pixels, targets=Classes(names=["cat"], versus=["dog"]), evaluation=Evaluation(metrics=["drop"])
    )
    cell = found.cells[1]
    inputs = model.preprocess(pixels)[None]
    lead = [
        (logits := model.forward(given))[0, 2] - logits[0, 3]
        for given in (inputs, inputs * torch.tensor(cell.cam.values))
    ]
    whole, shown = (float(one.detach().sigmoid()) for one in lead)
    assert cell.figures["drop"] == pytest.approx(max(0.0, whole - shown) / whole, abs=1e-5)


def test_versus_costs_one_more_backward_pass_and_no_forward_pass(model, pixels):
    spent = {
        one.what: one.count for one in camctl.compare(model, pixels, targets=Classes(names=[0, 1], versus=[2])).spent
    }
    assert spent["forward"] == 1
    assert spent["backward"] == 4


def test_a_rival_that_nobody_has_is_the_users_mistake(model, pixels):
    with pytest.raises(InputError, match="no class named 'yak'"):
        camctl.compare(model, pixels, targets=Classes(versus="yak"))
    other = loaded(seeded(TinyCnn()), class_names=("yak", *NAMES[1:]))
    found = camctl.compare([model, other], pixels, targets=Classes(names="bee", versus="yak"))
    assert [cell.reason for cell in found.cells if cell.cam is None] == ["There is no class named 'yak'."]


def test_a_told_class_that_models_do_not_agree_on_is_called_as_the_user_does(model, pixels):
    other = loaded(seeded(TinyCnn(), seed=5), class_names=NAMES)
    found = camctl.compare([model, other], pixels, targets=Classes(versus="auto:2"))
    assert found.axis("class").labels[1] in {"top class vs auto:2", found.maps[1].target.title}
    assert all(len(cam.target.versus) == (2 if place % 2 else 0) for place, cam in enumerate(found.maps))


def test_an_index_after_versus_must_mean_one_class_too(model, pixels):
    other = loaded(seeded(TinyCnn()), class_names=("bee", "ant", *NAMES[2:]))
    with pytest.raises(InputError, match="1 is not one class to both"):
        camctl.compare([model, other], pixels, targets=Classes(names="cat", versus=[1]))


def test_a_product_is_of_three_layers_where_none_is_named(model, pixels):
    found = camctl.compare(model, pixels, aggregate="product")
    assert found.maps[0].layers == camctl.explain(model, pixels, aggregate="product").maps[0].layers
    assert len(found.maps[0].layers) == 3
    (joined,) = camctl.compare(model, pixels, aggregate="product", target_layers="block1+block2").maps
    assert joined.layers == ("block1", "block2")
    with pytest.raises(InputError, match="each of these is a map of its own") as raised:
        camctl.compare(model, pixels, aggregate="product", target_layers=["block1", "auto:2"])
    assert "A+B" in raised.value.hint


def test_refinecam_is_no_gradcam_plusplus_under_another_name(model, pixels):
    for make in (camctl.explain, camctl.compare):
        assert len(make(model, pixels, methods=["RefineCAM"]).maps[0].layers) == 3
    mixed = camctl.compare(model, pixels, methods=["RefineCAM", "GradCAM++"])
    assert [cell.reason for cell in mixed.cells if cell.cam is None] == [
        "RefineCAM multiplies the maps of several layers, and is given one layer."
    ]
    with pytest.raises(InputError, match="is given one") as raised:
        camctl.explain(model, pixels, methods=["RefineCAM", "GradCAM++"])
    assert "auto:3" in raised.value.hint
