"""Pictures and forward passes as people told of them in public threads, each with its link."""

import re

import numpy as np
import pytest
import torch
from PIL import Image

from tests.situations import passes, pictures
from tests.situations.nets import NAMES, net
from tests.situations.oracles import answers, assert_refused, assert_scores, gradcam, view

NET = "python:tests.situations.nets:net"
PICTURES = "python:tests.situations.pictures"
PASSES = "python:tests.situations.passes"


# Pictures


def looks_like(run, picture, other, *, within):
    """Both files have one class and, to within rounding, one score."""
    seen, expected = run(NET, picture=picture), run(NET, picture=other)
    assert seen.code == 0, seen.words
    assert seen.first == (expected.first[0], pytest.approx(expected.first[1], abs=within))
    return seen


def test_a_gradient_of_16_bits_is_not_white(run, pixels):
    """https://github.com/python-pillow/Pillow/issues/3011."""
    pictures.save_deep(pixels, white=65535)

    looks_like(run, "deep.tif", "grey.png", within=0.002)


def test_12_bits_in_16_are_not_black_and_their_range_is_said(run, pixels):
    """https://github.com/python-pillow/Pillow/issues/274: a camera's file. The range can be given too."""
    pictures.save_deep(pixels, white=4095)

    assert "4095" in looks_like(run, "deep.tif", "grey.png", within=0.002).spoken
    given = run(NET, "--range", "0:4095", picture="deep.tif")
    assert given.code == 0, given.words
    assert given.scores == pytest.approx(run(NET, picture="grey.png").scores, abs=0.002)


def test_floats_between_0_and_1_are_black_to_white(run, pixels):
    """https://github.com/python-pillow/Pillow/issues/7333."""
    pictures.save_floats(pixels)

    looks_like(run, "floats.tif", "grey.png", within=0.002)


def test_an_x_ray_net_of_one_channel_sees_grey(run, pixels):
    """https://github.com/jacobgil/pytorch-grad-cam/issues/469."""
    grey = pictures.grey_of(pixels)
    Image.fromarray(grey).save("x_ray.png")
    expected = answers(pictures.x_ray(), (view(grey) - 0.5) / 0.25).softmax(0)

    assert_scores(run(f"{PICTURES}:x_ray", picture="x_ray.png"), expected, NAMES)


def test_what_is_hidden_where_a_picture_is_transparent_is_not_seen(run, pixels):
    """https://github.com/kohya-ss/sd-scripts/issues/1269."""
    pictures.save_cut_out(pixels)

    looks_like(run, "cut_out.png", "on_white.png", within=1e-5)


@pytest.mark.filterwarnings("error")
def test_a_transparent_colour_of_a_palette_is_paper(run, pixels):
    """https://github.com/layumi/University1652-Baseline/issues/17: and no library's warning."""
    pictures.save_palette(pixels)

    assert "palette" not in looks_like(run, "palette.png", "on_white.png", within=1e-5).words.lower()


def test_a_picture_for_print_has_the_colours_of_the_screens(run, pixels):
    """https://github.com/python-pillow/Pillow/issues/6563, https://github.com/cytsai/ilsvrc-cmyk-image-list/issues/1."""
    pictures.save_print(pixels)

    looks_like(run, "print.jpg", "photo.png", within=0.01)


def test_a_photograph_is_turned_as_its_camera_says(run, pixels):
    """https://github.com/python-pillow/Pillow/issues/9109, https://github.com/mittagessen/kraken/pull/760."""
    pictures.save_turned(pixels)

    looks_like(run, "turned.jpg", "upright.jpg", within=0.01)


def test_five_bands_are_seen_by_a_net_of_five_channels(run, pixels):
    """https://github.com/huaaaliu/RGBX_Semantic_Segmentation/issues/49, https://github.com/anxiangsir/urban_seg/issues/31."""
    bands = pictures.save_bands(pixels)
    expected = answers(pictures.five_bands(), view(bands)).softmax(0)

    assert_scores(run(f"{PICTURES}:five_bands", "--bands", "1,2,3", picture="bands.tif"), expected, NAMES)


def test_a_second_input_is_named(run, pixels):
    """https://github.com/jacobgil/pytorch-grad-cam/issues/406, https://github.com/Project-MONAI/tutorials/issues/1483."""
    outcome = run(f"{PICTURES}:two_streams")

    assert_refused(outcome, "depth", "wrap|holds|module|factory")
    assert "input_size" not in outcome.spoken


# Passes


def test_a_function_that_writes_over_the_layers_output_does_not_change_its_map(run, pixels):
    """https://github.com/pytorch/vision/issues/4164, https://github.com/pytorch/pytorch/issues/61519."""
    module = passes.dense()
    outcome = run(f"{PASSES}:dense", "--target-layers", "body", "--method", "GradCAM")
    best = int(answers(module, view(pixels)).argmax())

    def safe(x):
        return module.head(module.body(x).relu().mean((2, 3)))[0, best]

    assert outcome.code == 0, outcome.words
    oracle = gradcam(module.body, safe, view(pixels))
    np.testing.assert_allclose(outcome.raw["raw_0_layer_0"], oracle, atol=1e-4 * np.abs(oracle).max())


def test_of_a_siamese_encoders_two_runs_the_one_on_the_picture_is_drawn(run, pixels):
    """https://github.com/WZMIAOMIAO/deep-learning-for-image-processing/issues/497."""
    module = passes.siamese()
    best = int(answers(module, view(pixels)).argmax())
    layer = ("--target-layers", "body", "--method", "GradCAM")
    kept = module.features(module.before).detach()
    oracle = gradcam(module.body, lambda x: module.head(module.features(x) - kept)[0, best], view(pixels))

    assert re.search(r"twice|2 times|two times|2 runs|two runs", run(f"{PASSES}:siamese", *layer).spoken)
    asked = run(f"{PASSES}:siamese", *layer, "--call", 1)
    assert asked.code == 0, asked.words
    np.testing.assert_allclose(asked.raw["raw_0_layer_0"], oracle, atol=1e-4 * np.abs(oracle).max())


@pytest.mark.parametrize("call", [1, 2])
def test_of_a_head_shared_by_two_levels_either_run_is_drawn(run, pixels, call):
    """https://github.com/jacobgil/pytorch-grad-cam/issues/384, https://github.com/yizt/Grad-CAM.pytorch/issues/9."""
    module = passes.pyramid()
    layer = ("--target-layers", "shared", "--method", "GradCAM")
    with torch.no_grad():
        best = int(module(view(pixels)).argmax())
        levels = [module.body(view(pixels))]
        levels += [torch.nn.functional.max_pool2d(levels[0], 2)]

    def other_level(shared):
        return shared.relu().mean((2, 3))

    fixed = other_level(module.shared(levels[2 - call])).detach()
    level = levels[call - 1]
    oracle = gradcam(module.shared, lambda x: module.head(other_level(module.shared(x)) + fixed)[0, best], level)

    assert re.search(r"twice|2 times|two times|2 runs|two runs", run(f"{PASSES}:pyramid", *layer).spoken)
    asked = run(f"{PASSES}:pyramid", *layer, "--call", call)
    assert asked.code == 0, asked.words
    np.testing.assert_allclose(asked.raw["raw_0_layer_0"], oracle, atol=1e-4 * np.abs(oracle).max())


def test_a_batch_of_four_quarters_made_inside_is_said(run, pixels):
    """https://github.com/philipperemy/keract/issues/82, https://github.com/jacobgil/pytorch-grad-cam/issues/67."""
    outcome = run(f"{PASSES}:frames")

    assert re.search(r"batch|\b4 (pictures|inputs|views|images)|four", outcome.spoken)
    assert outcome.code == 2 or outcome.json["maps"][0]["layers"] != ["lstm"]


@pytest.mark.parametrize("name", ["inference", "frozen"])
def test_a_forward_without_gradients_is_the_cause_and_not_the_layer(run, pixels, name):
    """https://github.com/kazuto1011/grad-cam-pytorch/issues/33, https://github.com/jacobgil/pytorch-grad-cam/issues/473."""
    outcome = run(f"{PASSES}:{name}", "--target-layers", "body", "--method", "GradCAM")

    assert outcome.code in {0, 2}
    assert outcome.code == 2 or outcome.json["maps"][0]["verdict"] in {"no-graph", "ok"}
    cause = r"no_grad|inference[_ ]mode|without gradients|no gradients"
    works = outcome.code == 0 and outcome.json["maps"][0]["verdict"] == "ok"
    assert works or re.search(cause, outcome.spoken), outcome.spoken


def test_features_made_again_in_the_backward_pass_have_a_map_or_a_cause(run, pixels):
    """https://github.com/pytorch/xla/issues/8729, https://github.com/haidog-yaqub/MeanFlow/issues/4."""
    module = net()
    best = int(answers(module, view(pixels)).argmax())
    outcome = run(f"{PASSES}:checkpointed", "--target-layers", "body", "--method", "GradCAM")

    if outcome.code == 0 and outcome.json["maps"][0]["verdict"] == "ok":
        oracle = gradcam(module.body, lambda x: module(x)[0, best], view(pixels))
        np.testing.assert_allclose(outcome.raw["raw_0_layer_0"], oracle, atol=1e-4 * np.abs(oracle).max())
    else:
        assert outcome.code in {0, 2}
        assert re.search("checkpointing|checkpoint inside|no_grad|without gradients", outcome.spoken)


def test_a_half_precision_net_has_eigenvectors(run, pixels):
    """https://github.com/jacobgil/pytorch-grad-cam/issues/442, …/issues/493."""
    outcome = run(f"{PASSES}:half", "--method", "EigenCAM")

    assert_scores(outcome, answers(net(), view(pixels)).softmax(0), NAMES, within=0.01)
    assert outcome.json["maps"][0]["verdict"] == "ok"


def test_autocast_inside_forward_is_no_obstacle(run, pixels):
    """https://github.com/jacobgil/pytorch-grad-cam/issues/329."""
    outcome = run(f"{PASSES}:autocast")

    assert_scores(outcome, answers(net(), view(pixels)).softmax(0), NAMES, within=0.03)
    assert outcome.json["maps"][0]["verdict"] == "ok"
