"""A class in contrast with others: against grad-cam's own Finer-CAM target, and against the formula by hand."""

import pytest
import pytorch_grad_cam
import torch
from pytorch_grad_cam.utils.model_targets import FinerWeightedTarget

from camctl import registry
from camctl.engine.capture import Recorder
from camctl.engine.layout import LayoutHints
from camctl.engine.maps import augment
from camctl.engine.predictions import Predictions, choose
from camctl.errors import InputError
from camctl.plugin import ClassQuestion, ContrastQuestion
from camctl.values.request import Classes
from tests.drawing import by_hand, difference, drawn, tokens_to_grid
from tests.models import GapNet, TinyCnn, TinyVit, pictures, seeded

NAMES = ("tabby, tabby cat", "tiger cat", "lynx", "crane", "puma")
NETS = {
    "cnn": (TinyCnn, "block2.bn2", None),
    "vit": (TinyVit, "layers.1.ln1", tokens_to_grid(1, 4, 4)),
}
GRADIENT_METHODS = {
    "gradcam": "GradCAM",
    "gradcam++": "GradCAMPlusPlus",
    "xgradcam": "XGradCAM",
    "layercam": "LayerCAM",
    "hirescam": "HiResCAM",
    "gradcamelementwise": "GradCAMElementWise",
}
OTHERS = ("ablationcam", "scorecam", "reciprocam", "smoothgradcam++", "shapleycam")


def classes(logits=(0.5, 3.0, 1.0, -1.0, 2.0)):
    return Predictions(torch.tensor(logits), NAMES, "softmax")


def method_of(name):
    return registry.pick("method", f"camctl[{name}]").plugin


@pytest.mark.parametrize("strength", [1.0, 0.6])
@pytest.mark.parametrize("net", NETS)
@pytest.mark.parametrize("name", GRADIENT_METHODS)
def test_every_gradient_method_equals_grad_cam_with_its_finer_target(name, net, strength):
    """Of one other class, grad-cam's weighting by probability cancels out, and its target is the lead."""
    made, layer, transform = NETS[net]
    module, inputs = seeded(made()), pictures()
    (ours,) = drawn(module, inputs, [layer], [method_of(name)], ContrastQuestion(1, (3,), strength))
    cam = getattr(pytorch_grad_cam, GRADIENT_METHODS[name])(
        module, [module.get_submodule(layer)], reshape_transform=transform
    )
    theirs = by_hand(cam, inputs, FinerWeightedTarget(1, [3], strength))
    assert difference(ours.values, theirs) < 1e-4
    (alone,) = drawn(module, inputs, [layer], [method_of(name)], 1)
    assert difference(alone.values, theirs) > 1e-2, "the other class makes no difference here"


def test_the_gradient_is_that_of_the_lead_over_the_mean_of_the_others():
    module, inputs = seeded(TinyCnn()), pictures()
    with Recorder(module, ["block2.bn2"], LayoutHints(), gradients=True) as recorder:
        recorder.forward(inputs, module)
        one, two, three = (recorder.backward(ClassQuestion(index), last=False)[0] for index in (0, 2, 4))
        (told,) = recorder.backward(ContrastQuestion(0, (2, 4), 0.6), last=True)
    torch.testing.assert_close(told, one - 0.6 * (two + three) / 2, rtol=1e-4, atol=1e-7)


def test_on_pooled_features_it_is_cam_with_the_difference_of_the_heads_weights():
    module, inputs = seeded(GapNet()), pictures()
    layer = next(name for name, part in module.named_modules() if isinstance(part, torch.nn.Conv2d))
    with Recorder(module, [layer], LayoutHints(), gradients=True) as recorder:
        recorder.forward(inputs, module)
        question = ContrastQuestion(0, (1,))
        (told,) = recorder.captures(question, recorder.backward(question, last=True))
    assert told.targets.tolist() == [0]
    assert told.questions == (question,)
    assert told.logits.shape == (1, 2)
    logits = module(inputs)
    torch.testing.assert_close(told.logits[0, 0], logits[0, 0] - logits[0, 1])
    torch.testing.assert_close(told.forward(inputs), told.logits)
    torch.testing.assert_close(told.replay(told.activations), told.logits, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", OTHERS)
def test_methods_that_run_the_model_again_ask_the_same_question(name):
    module, inputs = seeded(TinyCnn()), pictures()
    told, back = (
        drawn(module, inputs, ["block2.bn2"], [method_of(name)], ContrastQuestion(one, (other,)))[0]
        for one, other in ((1, 3), (3, 1))
    )
    (alone,) = drawn(module, inputs, ["block2.bn2"], [method_of(name)], 1)
    assert told.verdict.name == "ok"
    assert float((told.values - alone.values).abs().max()) > 1e-3
    assert float((told.values - back.values).abs().max()) > 1e-2


def test_six_views_have_one_question():
    module = seeded(TinyCnn())
    with Recorder(module, ["block2.bn2"], LayoutHints(), gradients=True) as recorder:
        logits = recorder.forward(augment(pictures()), module)
        question = ContrastQuestion(2, (0, 1))
        (told,) = recorder.captures(question, recorder.backward(question, last=True))
    torch.testing.assert_close(told.logits[:, 0], (logits[:, 2] - (logits[:, 0] + logits[:, 1]) / 2).detach())
    assert not told.logits[:, 1].any()


def test_the_question_for_a_class_leaves_the_logits_alone():
    logits = torch.randn(2, 5)
    assert ClassQuestion(3).answers(logits) is logits


def test_the_score_is_that_of_two_classes_alone():
    logits = torch.tensor([0.5, 3.0, 1.0, -1.0, 2.0])
    told = classes().contrasted(classes().find("tiger cat"), ["puma"])
    share = logits.softmax(0)
    assert told.score == pytest.approx(float(share[1] / (share[1] + share[4])), abs=1e-6)
    assert [(one.index, one.label) for one in told.versus] == [(4, "puma")]
    weak = classes().contrasted(classes().find(1), ["puma", "lynx"], 0.5)
    assert weak.score == pytest.approx(float(torch.tensor(3.0 - 0.5 * 1.5).sigmoid()), abs=1e-6)


@pytest.mark.parametrize(
    ("wanted", "indices"),
    [
        (["auto"], [4, 2, 0]),
        (["auto:1"], [4]),
        (["AUTO:2"], [4, 2]),
        (["auto:99"], [4, 2, 0, 3]),
        (["crane", "auto:1", 4, "tiger cat"], [3, 4]),
    ],
)
def test_others_are_named_or_the_nearest(wanted, indices):
    assert [one.index for one in classes().contrasted(classes().find(1), wanted).versus] == indices


@pytest.mark.parametrize("wanted", [["tiger cat"], ["1"], [1, 1]])
def test_a_class_is_not_contrasted_with_itself(wanted):
    with pytest.raises(InputError, match="'tiger cat' cannot be contrasted with itself"):
        classes().contrasted(classes().find(1), wanted)


def test_one_logit_contrasts_its_two_classes_already():
    both = Predictions(torch.tensor([-1.5, 1.5]), ("cat",), "sigmoid")
    with pytest.raises(InputError, match="one logit"):
        both.contrasted(both.find(1), [0])


@pytest.mark.parametrize(
    ("versus", "strength", "title"),
    [
        (["tiger cat"], 1, "tabby vs tiger cat"),
        (["tiger cat", "lynx", 4], 1, "tabby vs tiger cat, lynx and puma"),
        (["lynx"], 0.6, "tabby vs 0.6 x lynx"),
        ([], 1, "tabby, tabby cat"),
    ],
)
def test_a_target_is_called_after_what_it_is_contrasted(versus, strength, title):
    (target,) = choose(classes(), Classes(names=[0], versus=versus, strength=strength))
    assert target.title == title


def test_json_names_the_others_and_how_strongly_they_count():
    told = classes().contrasted(classes().find(0), ["lynx"], 0.6).to_dict()
    assert told["versus"] == [classes().find("lynx").to_dict()]
    assert told["strength"] == 0.6
    assert "versus" not in classes().find(0).to_dict()
