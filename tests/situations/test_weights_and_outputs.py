"""Checkpoints and answers as people told of them in public threads, each with its link."""

import re

import numpy as np
import pytest
import torch

from tests.situations import outputs, weights
from tests.situations.nets import NAMES
from tests.situations.oracles import answers, assert_refused, assert_scores, gradcam, numbered, view

OUTPUTS = "python:tests.situations.outputs"
FRESH = "python:tests.situations.weights:fresh"


# Weights


def plain_scores(pixels, seed=0):
    module = weights.fresh()
    module.load_state_dict(weights.trained(seed))
    return answers(module, view(pixels)).softmax(0)


@pytest.mark.parametrize(
    "content",
    [
        weights.compiled_inside_lightning,  # https://github.com/Lightning-AI/pytorch-lightning/issues/20233
        weights.with_numpy_scalars,  # https://github.com/MIC-DKFZ/nnUNet/issues/2681
        weights.saved_by_a_learner,  # https://github.com/fastai/fastai/issues/2861
    ],
)
def test_a_training_tools_checkpoint_is_loaded_without_trust(run, pixels, content):
    """Prefixes within prefixes, another key, numbers of numpy, an optimiser that holds tensors."""
    torch.save(content(), "trained.ckpt")

    assert_scores(run(FRESH, "trained.ckpt"), plain_scores(pixels), NAMES)


def test_a_moving_average_is_asked_for(run, pixels):
    """https://github.com/happyharrycn/actionformer_release/issues/103: its accuracy is another one."""
    torch.save(weights.with_average(), "both.pth")

    assert_scores(run(FRESH, "both.pth"), plain_scores(pixels, 0), NAMES)
    assert_scores(run(FRESH, "both.pth", "--weights", "ema"), plain_scores(pixels, 1), NAMES)


def test_a_self_supervised_checkpoint_has_no_head_and_none_is_drawn(run, pixels):
    """https://github.com/facebookresearch/dinov2/issues/235, https://github.com/facebookresearch/dino/issues/44."""
    torch.save(weights.student_and_teacher(), "dino.pth")

    assert_refused(run(FRESH, "dino.pth"), r"head\.(weight|bias)|no .*head|teacher")


def test_weight_norm_of_an_older_torch_is_loaded(run, pixels):
    """https://github.com/huggingface/transformers/pull/32194: weight_g and weight_v have new names."""
    torch.save(weights.old_weight_norm(), "old.pth")

    expected = answers(weights.seeded_normed(), view(pixels)).softmax(0)
    assert_scores(run("python:tests.situations.weights:normed", "old.pth"), expected, NAMES)


def test_a_head_of_six_classes_does_not_fit_one_of_three(run, pixels):
    """https://github.com/open-mmlab/mmpretrain/issues/923, https://github.com/Helias/Car-Model-Recognition/issues/2."""
    torch.save(weights.of_six_classes(), "six.pth")

    assert_refused(run(FRESH, "six.pth"), "head", r"\b6\b|\(6,|six", r"\b3\b|\(3,|three")


def test_low_rank_updates_are_not_left_out_in_silence(run, pixels):
    """https://github.com/flairNLP/flair/issues/3623, https://github.com/huggingface/peft/issues/577."""
    torch.save(weights.with_low_rank_updates(), "lora.pth")

    assert_refused(run(FRESH, "lora.pth"), r"\bpeft\b|\blora\b|low.rank|adapter", "merge")


def test_an_auxiliary_head_left_over_is_one_note(run, pixels):
    """https://github.com/pytorch/vision/issues/3648."""
    torch.save(weights.with_auxiliary_head(), "inception.pth")

    outcome = run(FRESH, "inception.pth")
    assert_scores(outcome, plain_scores(pixels), NAMES)
    assert "auxlogits" in outcome.spoken


def test_a_pickled_model_of_an_absent_package_is_named_for_what_it_is(run, pixels):
    """https://github.com/ultralytics/ultralytics/issues/6048."""
    weights.save_whole_model("yolo.pt")

    assert_refused(run(FRESH, "yolo.pt"), r"whole|pickled model|model itself", "yolo_package", "state_dict|weights")


# Outputs


def test_a_softmax_inside_is_not_done_twice(run, pixels):
    """https://github.com/meta-pytorch/captum/issues/1060; the map is of the logit, as the softmax can be seen."""
    module = outputs.softmaxed()
    outcome = run(f"{OUTPUTS}:softmaxed", "--target-layers", "body", "--method", "GradCAM")
    expected = answers(module, view(pixels))

    assert_scores(outcome, expected, numbered(10))
    best = int(expected.argmax())
    oracle = gradcam(module.body, lambda x: module.head(module.features(x))[0, best], view(pixels))
    assert np.corrcoef(outcome.raw["raw_0_layer_0"].ravel(), oracle.ravel())[0, 1] > 0.999


def test_log_probabilities_are_shown_as_probabilities(run, pixels):
    """https://github.com/tkipf/pygcn/issues/16."""
    expected = answers(outputs.log_softmaxed(), view(pixels)).exp()
    outcome = run(f"{OUTPUTS}:log_softmaxed")

    assert_scores(outcome, expected, NAMES)
    assert re.search(r"log.prob", outcome.spoken + str(outcome.json).lower())


def test_of_features_and_logits_the_one_with_names_is_taken_and_said(run, pixels):
    """https://github.com/jacobgil/pytorch-grad-cam/issues/121, …/issues/156."""
    module = outputs.features_first()
    outcome = run(f"{OUTPUTS}:features_first")

    assert_scores(outcome, module(view(pixels))[1][0].detach().softmax(0), NAMES)
    assert "head" in outcome.spoken + str(outcome.json)
    other = run(f"{OUTPUTS}:features_first", "--head", 0)
    assert "No such option" not in other.words
    assert "embedding" in other.spoken if other.code else other.first[0] not in NAMES


def test_an_answer_of_transformers_is_its_logits(run, pixels):
    """https://github.com/jacobgil/pytorch-grad-cam/issues/481."""
    expected = outputs.transformers()(view(pixels)).logits[0].detach().softmax(0)

    assert_scores(run(f"{OUTPUTS}:transformers"), expected, NAMES)


@pytest.mark.parametrize("label", ["necktie", "no necktie"])
def test_one_logit_is_two_classes_and_either_is_asked_for(run, pixels, label):
    """https://github.com/jacobgil/pytorch-grad-cam/issues/428: one map is the other's with its sign turned."""
    module = outputs.one_logit()
    sign = 1 if label == "necktie" else -1
    choice = ("--target-category", label, "--target-layers", "body", "--method", "GradCAM")
    outcome = run(f"{OUTPUTS}:one_logit", *choice)

    assert outcome.code == 0, outcome.words
    score = torch.sigmoid(sign * answers(module, view(pixels))[0])
    assert outcome.first == (label, pytest.approx(float(score), abs=1e-4))
    oracle = gradcam(module.body, lambda x: sign * module(x)[0, 0], view(pixels))
    np.testing.assert_allclose(outcome.raw["raw_0_layer_0"], oracle, atol=1e-4 * np.abs(oracle).max())


def test_of_34_questions_each_has_its_own_answer_and_those_above_a_threshold_are_drawn(run, pixels):
    """https://github.com/jacobgil/pytorch-grad-cam/issues/410."""
    expected = answers(outputs.questions(), view(pixels))
    outcome = run(f"{OUTPUTS}:questions", "--threshold", 0.6)

    assert outcome.code == 0, outcome.words
    drawn = {one["target"]["index"]: one["target"]["score"] for one in outcome.json["maps"]}
    above = {index: pytest.approx(float(score), abs=1e-4) for index, score in enumerate(expected) if score > 0.6}
    assert 1 < len(above) < outputs.QUESTIONS
    assert drawn == above


def test_a_mask_is_called_dense(run, pixels):
    """https://github.com/jacobgil/pytorch-grad-cam/issues/241: a segmentation with side outputs."""
    outcome = run(f"{OUTPUTS}:side_outputs")

    assert outcome.code == 0, outcome.words
    assert outcome.json["output"]["kind"] == "dense"
    assert outcome.json["maps"][0]["target"]["where"]


def test_a_towers_64_numbers_are_an_embedding(run, pixels):
    """https://github.com/Imageomics/pybioclip/issues/52."""
    outcome = run(f"{OUTPUTS}:tower")
    assert outcome.code == 0, outcome.words
    assert outcome.json["output"]["kind"] == "embedding"
    assert_refused(run(f"{OUTPUTS}:tower", "--target-category", "tabby"), "embedding", "class")


def test_an_age_is_shown_in_years_and_goes_up_or_down(run, pixels):
    """https://github.com/anhquan0412/animation-classification/issues/1, https://github.com/zhoubolei/CAM/issues/53."""
    module = outputs.age()
    years = float(answers(module, view(pixels))[0])
    layer = ("--output", "values", "--target-layers", "body", "--method", "GradCAM")
    outcome = run(f"{OUTPUTS}:age", *layer, "--target-category", "down")

    unasked = run(f"{OUTPUTS}:age")
    assert "value" in unasked.spoken + str(unasked.json)

    assert outcome.code == 0, outcome.words
    assert any(number == pytest.approx(years, abs=0.01) for number in outcome.numbers())
    oracle = gradcam(module.body, lambda x: -module(x)[0, 0], view(pixels))
    np.testing.assert_allclose(outcome.raw["raw_0_layer_0"], oracle, atol=1e-4 * np.abs(oracle).max())
