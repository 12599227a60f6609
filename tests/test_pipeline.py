"""The public API, as a notebook uses it: `camctl.load`, `camctl.explain` and the survey."""

import gc
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import camctl
from camctl import registry
from camctl.errors import InputError
from camctl.files.raw_maps import load_raw, save_raw
from camctl.pipeline.scene import survey
from camctl.plugin import method
from tests.drawing import same, snapshot
from tests.models import GapNet, TinyCnn, TinyVit, loaded, seeded

BUILT_IN = (
    "GradCAM",
    "GradCAM++",
    "XGradCAM",
    "EigenCAM",
    "EigenGradCAM",
    "LayerCAM",
    "HiResCAM",
    "GradCAMElementWise",
)


@pytest.fixture
def pixels():
    rows, columns = np.mgrid[0:48, 0:64]
    made = np.stack([rows * 5, columns * 4, (rows + columns) * 2], 2).astype(np.uint8)
    made[16:32, 20:44] = 250, 20, 20  # without an object, what lights up is the border
    return made


@pytest.fixture
def model():
    return loaded(seeded(TinyCnn()), class_names=("ant", "bee", "cat", "dog", "elk"))


@pytest.fixture(scope="module")
def swin():
    return camctl.load("demo:swin")


def test_a_path_a_pil_image_and_an_array_give_one_map(model, pixels, tmp_path):
    path = tmp_path / "picture.png"
    Image.fromarray(pixels).save(path)
    maps = [camctl.explain(model, image).maps[0].values for image in (path, str(path), Image.open(path), pixels)]
    for values in maps[1:]:
        np.testing.assert_array_equal(values, maps[0])


def test_maps_come_classes_outermost_methods_inside(model, pixels):
    result = camctl.explain(model, pixels, methods=["GradCAM", "layer-cam"], targets=["dog", 1])
    assert [(cam.target.label, cam.method) for cam in result.maps] == [
        ("dog", "GradCAM"),
        ("dog", "LayerCAM"),
        ("bee", "GradCAM"),
        ("bee", "LayerCAM"),
    ]


def test_a_map_has_the_views_size_the_grids_raw_and_the_pictures_overlay(swin, pixels):
    cam = camctl.explain(swin, pixels).maps[0]
    assert cam.values.shape == (112, 112)
    assert cam.values.dtype == np.float32
    assert (cam.values.min(), cam.values.max()) == (0.0, 1.0)
    assert cam.raw.shape == cam.grid == (14, 14)
    assert cam.overlay().shape == (112, 112, 3)
    assert cam.overlay(canvas="original").shape == pixels.shape


def test_topk_takes_the_best_classes_and_predictions_list_five(model, pixels):
    result = camctl.explain(model, pixels, targets=camctl.Classes(topk=3))
    assert [cam.target for cam in result.maps] == list(result.predictions[:3])
    assert len(result.predictions) == 5
    assert sum(target.score for target in result.predictions) == pytest.approx(1, abs=1e-6)


def test_eight_methods_and_three_classes_cost_one_forward_and_three_backward_passes(model, pixels, monkeypatch):
    forwards, backwards = [], []
    model.module.register_forward_pre_hook(lambda *_: forwards.append(1))
    grad = torch.autograd.grad
    monkeypatch.setattr(torch.autograd, "grad", lambda *a, **k: backwards.append(1) or grad(*a, **k))
    layers = ["block1.bn2", "block2.bn2"]
    result = camctl.explain(model, pixels, methods=BUILT_IN, targets=[0, 1, 2], target_layers=layers)
    assert len(result.maps) == 24
    assert (len(forwards), len(backwards)) == (1, 3)


def test_methods_without_gradients_cost_no_backward_pass(model, pixels, monkeypatch):
    monkeypatch.setattr(torch.autograd, "grad", lambda *_, **__: pytest.fail("a backward pass was run"))
    assert camctl.explain(model, pixels, methods=["EigenCAM"], target_layers="block2.bn2").maps[0].verdict == "ok"


def test_a_module_of_ones_own_is_explained_and_left_as_it_was(pixels):
    module = seeded(TinyVit()).train()
    next(module.parameters()).grad = torch.ones_like(next(module.parameters()))
    module.input_size = (32, 32)
    before = snapshot(module)
    result = camctl.explain(module, pixels)
    assert result.maps[0].verdict == "ok"
    assert same(before, snapshot(module))


def test_an_exception_in_the_middle_leaves_the_module_as_it_was(model, pixels):
    def burst(*_):
        raise ZeroDivisionError

    before = snapshot(model.module)
    handle = model.module.block2.register_forward_hook(burst)
    with pytest.raises((ZeroDivisionError, InputError)):
        camctl.explain(model, pixels, target_layers="block1.bn2")
    handle.remove()
    assert same(before, snapshot(model.module))


def test_a_pattern_names_several_layers_which_are_fused_into_one_map(model, pixels):
    result = camctl.explain(model, pixels, target_layers="block*.bn2")
    (cam,) = result.maps
    assert cam.layers == ("block1.bn2", "block2.bn2")
    assert cam.chosen_by == "you"
    assert len(cam.raw_by_layer) == 2


def test_where_no_adapter_knows_the_model_the_probe_chooses(model, pixels):
    assert camctl.explain(model, pixels).maps[0].chosen_by == "probe"


def test_a_model_whose_every_gradient_is_nan_ends_with_a_verdict_not_an_error(pixels):
    module = seeded(TinyCnn())
    with torch.no_grad():
        next(module.parameters()).fill_(float("nan"))
    cam = camctl.explain(loaded(module), pixels).maps[0]
    assert cam.verdict == "not-finite"
    assert not cam.values.any()


def test_a_head_of_zeros_ends_with_the_verdict_zero_gradient(pixels):
    module = seeded(GapNet())
    for part in module.modules():
        if isinstance(part, nn.Linear):
            nn.init.zeros_(part.weight)
    assert camctl.explain(loaded(module), pixels).maps[0].verdict == "zero-gradient"


def test_an_option_that_no_method_has_is_refused_before_the_model_runs(model, pixels):
    with pytest.raises(InputError, match="has an option 'temperature'"):
        camctl.explain(model, pixels, method_options={"temperature": 2})


def test_aug_smooth_and_eigen_smooth_change_the_map_and_keep_its_class(swin, pixels):
    plain, aug, eigen = (
        camctl.explain(swin, pixels, **how).maps[0] for how in ({}, {"smooth": "aug"}, {"smooth": "eigen"})
    )
    assert plain.target.index == aug.target.index == eigen.target.index
    assert np.abs(plain.values - aug.values).max() > 1e-3
    assert np.abs(plain.values - eigen.values).max() > 1e-3


def test_the_probe_alone_finds_what_the_adapters_know(monkeypatch):
    for family, layer, alone in [
        ("resnet", "backbone.layer4", "backbone.layer4.1"),
        ("vit", "backbone.layers.4.ln1", "backbone.layers.4.ln1"),
        ("swin", "backbone.norm3", "backbone.norm3"),
        ("t2t", "backbone.encoder.3.ln1", "backbone.encoder.3.ln1"),
    ]:
        net = camctl.load(f"demo:{family}")
        seen = survey(net)
        assert (seen.default, seen.chosen_by.split()[0]) == ((layer,), "adapter")
        assert next(record for record in seen.records if record.name == layer).usable
        with monkeypatch.context() as patch:
            patch.setattr(registry, "match_adapter", lambda *_: None)
            assert survey(camctl.load(f"demo:{family}")).default == (alone,), family


def test_a_repaired_t2t_says_so_and_an_unrepaired_one_differs(pixels):
    mended, stock = camctl.load("demo:t2t"), camctl.load("demo:t2t", repairs=False)
    assert any("T2T" in line for line in mended.repairs)
    assert stock.repairs == ()
    ours, theirs = camctl.explain(mended, pixels), camctl.explain(stock, pixels)
    assert ours.to_dict()["repairs"] == list(mended.repairs)
    assert ours.predictions[0].score != pytest.approx(theirs.predictions[0].score, abs=1e-3)


def test_raw_maps_can_be_reopened_with_what_made_them(swin, pixels, tmp_path):
    result = camctl.explain(swin, pixels, methods=["GradCAM", "EigenCAM"], targets=["cat", "dog"])
    path = tmp_path / "maps.npz"
    save_raw(result, path)
    opened = load_raw(path)
    for cam, kept in zip(result.maps, opened.maps, strict=True):
        np.testing.assert_array_equal(kept.raw, cam.raw)
        np.testing.assert_array_equal(kept.values, cam.values)
    assert opened.manifest["checkpoint"]["sha256"] == swin.checkpoint.sha256
    assert opened.manifest["versions"]["torch"] == result.versions["torch"]
    json.dumps(opened.manifest)


def test_the_library_is_imported_lazily():
    code = "import camctl, sys; camctl.load; print(*[m for m in ('torch', 'cv2', 'numpy') if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(camctl.__file__).parents[1]
    )
    assert done.stdout.strip() == ""


def test_a_single_method_and_class_need_no_list(model, pixels):
    (cam,) = camctl.explain(model, pixels, methods="LayerCAM", targets="dog").maps
    assert (cam.method, cam.target.label) == ("LayerCAM", "dog")


def test_a_loop_over_pictures_keeps_nothing_of_the_pictures_before(model, pixels):
    def tensors():
        gc.collect()
        return sum(1 for thing in gc.get_objects() if issubclass(type(thing), torch.Tensor))

    def look():
        camctl.explain(model, pixels, methods=BUILT_IN, targets=camctl.Classes(topk=3), smooth="aug")

    look()
    before = tensors()
    for _ in range(10):
        look()
    assert tensors() == before


def with_method(monkeypatch, compute):
    made = method(name="Theirs", summary="A stranger's.", paper="none", needs={"activations"})(compute)
    one = registry.Loaded(registry.locate("method", "gradcam"), made)
    pick = registry.pick
    monkeypatch.setattr(registry, "pick", lambda kind, name: one if name == "theirs" else pick(kind, name))


def test_a_method_that_makes_nan_is_to_blame_and_not_the_checkpoint(model, pixels, monkeypatch):
    with_method(monkeypatch, lambda capture: capture.activations * float("nan"))
    cam = camctl.explain(model, pixels, methods=["theirs"], target_layers="block2.bn2").maps[0]
    assert cam.verdict == "not-finite"
    assert "Theirs made NaN" in cam.reason
    assert "checkpoint" not in cam.hint


def test_a_built_in_methods_own_bug_keeps_its_traceback(model, pixels, monkeypatch):
    with_method(monkeypatch, lambda capture: capture.activations / (1 // 0))
    with pytest.raises(ZeroDivisionError):
        camctl.explain(model, pixels, methods=["theirs"])


def test_auto_takes_layers_from_shallow_to_deep_and_fuses_them(model, pixels):
    (cam,) = camctl.explain(model, pixels, target_layers="auto:2").maps
    assert len(cam.layers) == len(cam.raw_by_layer) == 2
    assert cam.layers[-1] == camctl.explain(model, pixels).maps[0].layers[-1]
    assert camctl.explain(model, pixels, target_layers=["auto"]).maps[0].layers == (cam.layers[-1],)
    more = camctl.explain(model, pixels, target_layers=["auto:99", "block1"]).maps[0].layers
    assert len(more) == len(set(more)) > 2


def test_a_product_fuses_three_layers_where_none_is_named(model, pixels):
    (cam,) = camctl.explain(model, pixels, aggregate="product").maps
    assert cam.chosen_by == "auto:3"
    assert cam.layers == camctl.explain(model, pixels, target_layers="auto:3").maps[0].layers
    (named,) = camctl.explain(model, pixels, aggregate="product", target_layers="block2").maps
    assert named.layers == ("block2",)


def test_labels_name_the_classes_of_any_model():
    loaded = camctl.load("python:tests.models:GapNet", labels=["tabby, tabby cat", "dog", "elk", "fox", "gnu"])
    assert loaded.class_names == ("tabby, tabby cat", "dog", "elk", "fox", "gnu")
    with pytest.raises(InputError, match="2 labels were given, and the model has 5 classes"):
        camctl.load("python:tests.models:GapNet", labels=["cat", "dog"])


def test_a_model_that_normalises_its_input_in_place_is_probed_and_smoothed_as_any_other(pixels):
    class InPlace(TinyCnn):
        def forward(self, x):
            return super().forward(x.sub_(0.5).div_(0.25))

    class Outside(TinyCnn):
        def forward(self, x):
            return super().forward((x - 0.5) / 0.25)

    maps = [camctl.explain(loaded(seeded(net())), pixels, smooth="aug").maps[0] for net in (InPlace, Outside)]
    assert maps[0].layers == maps[1].layers
    np.testing.assert_allclose(maps[0].values, maps[1].values, atol=1e-6)


def test_a_model_without_its_sizes_is_told_to_be_run_once(pixels):
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.LazyLinear(3))
    with pytest.raises(InputError, match="sizes are not known yet"):
        camctl.explain(loaded(module), pixels)
