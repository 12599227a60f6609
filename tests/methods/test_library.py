"""The methods reached through the bridge: equal to grad-cam used by hand, and the model is left alone."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import pytorch_grad_cam
import torch
from pytorch_grad_cam.utils.model_targets import ClassifierOutputReST, ClassifierOutputTarget
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from camctl import registry
from camctl.engine.cam import draw, fetch
from camctl.engine.capture import Recorder
from camctl.engine.layout import LayoutHints
from camctl.errors import InputError
from camctl.methods import library
from camctl.methods.ablationcam import ablationcam
from camctl.methods.gradcam import gradcam
from camctl.plugin import ClassQuestion
from tests.drawing import by_hand, difference, drawn, stretched, tokens_to_grid, with_positive_score
from tests.models import ChannelsLast, TinyCnn, TinyVit, pictures, seeded

METHODS = {
    "ScoreCAM": library.scorecam,
    "AblationCAM": ablationcam,
    "FullGrad": library.fullgrad,
    "FEM": library.fem,
    "KPCA_CAM": library.kpcacam,
    "ShapleyCAM": library.shapleycam,
    "FinerCAM": library.finercam,
    "SegEigenCAM": library.segeigencam,
    "RandomCAM": library.randomcam,
    "RefineCAM": library.refinecam,
    "SESS": library.sess,
}
TARGET = 3
FEW_SCALES = {"num_scales": 2}


class PatchAblation(pytorch_grad_cam.AblationLayer):
    """For tokens, as users of grad-cam write it: ablates a channel of the patches, leaves the class token alone."""

    def set_next_batch(self, input_batch_index, activations, num_channels_to_ablate):
        self.activations = activations[input_batch_index][None].repeat(num_channels_to_ablate, 1, 1)

    def __call__(self, x):
        output = self.activations
        for i in range(len(output)):
            least = output[:, 1:].min()
            output[i, 1:, self.indices[i]] = 0 if least == 0 else least - 1e7
        return output


def cnn(*, inplace=True):
    return seeded(TinyCnn(inplace=inplace)), "block2.bn2", None


def vit():
    return seeded(TinyVit(), seed=2), "layers.1.ln1", tokens_to_grid(1, 4, 4)


def by_grad_cam(kind, module, layer, transform, inputs, **knobs):
    layers = [module.get_submodule(layer)]
    if kind == "AblationCAM":  # it divides by the score, and draws the opposite of a map where that is negative
        with_positive_score(module)
    if kind == "FullGrad":
        cam = pytorch_grad_cam.FullGrad(module, [])
    elif kind == "AblationCAM" and transform:
        cam = pytorch_grad_cam.AblationCAM(module, layers, transform, ablation_layer=PatchAblation())
    else:
        cam = getattr(pytorch_grad_cam, kind)(module, layers, transform, **knobs)
    return by_hand(cam, inputs, TARGET)


@pytest.mark.parametrize("family", [cnn, vit], ids=["cnn", "vit"])
@pytest.mark.parametrize("kind", [kind for kind in METHODS if kind not in {"FinerCAM", "KPCA_CAM", "ShapleyCAM"}])
def test_a_bridged_method_equals_grad_cam_used_by_hand(kind, family, capsys):
    module, layer, transform = family()
    inputs = pictures()
    options = FEW_SCALES if kind == "SESS" else {}
    (ours,) = drawn(module, inputs, [layer], [METHODS[kind]], TARGET, options=options)
    capsys.readouterr()
    np.random.seed(0)  # noqa: NPY002 - RandomCAM draws from it
    if family is cnn:  # AblationCAM keeps an alias of its own, which the net overwrites
        module, *_ = cnn(inplace=False)
    theirs = by_grad_cam(kind, module, layer, transform, inputs, **options)
    assert ours.verdict.name == "ok"
    # FullGrad stretches every channel's gradient to 0..1, also those that are rounding alone.
    assert difference(ours.values, theirs) < (1e-3 if kind == "FullGrad" else 1e-4)


@pytest.mark.parametrize("family", [cnn, vit], ids=["cnn", "vit"])
def test_kpca_cam_equals_grad_cam_up_to_the_sign_rule(family):
    module, layer, transform = family()
    inputs = pictures()
    (ours,) = drawn(module, inputs, [layer], [library.kpcacam], TARGET)
    cam = pytorch_grad_cam.KPCA_CAM(module, [module.get_submodule(layer)], transform)
    theirs = by_hand(cam, inputs, TARGET)
    with Recorder(module, [layer], LayoutHints(), gradients=False) as recorder:
        recorder.forward(inputs, module)
        (capture,) = recorder.captures(ClassQuestion(TARGET), None)
    turned = stretched(np.maximum(-cam.get_cam_image(None, None, None, capture.activations.numpy(), None, False)[0], 0))
    import cv2

    other = stretched(cv2.resize(turned, (32, 32)))
    assert min(difference(ours.values, theirs), difference(ours.values, other)) < 1e-4
    assert ours.raw.max() == ours.raw.abs().max()


@pytest.mark.parametrize("family", [cnn, vit], ids=["cnn", "vit"])
def test_finercam_equals_grad_cam_used_by_hand(family):
    module, layer, transform = family()
    inputs = pictures()
    (ours,) = drawn(module, inputs, [layer], [library.finercam], TARGET, options={"alpha": 0.6})
    from tests.drawing import UnaliasedActivations

    cam = pytorch_grad_cam.FinerCAM(module, [module.get_submodule(layer)], transform)
    hooks = cam.base_cam.activations_and_grads
    hooks.release()
    cam.base_cam.activations_and_grads = UnaliasedActivations(module, cam.base_cam.target_layers, transform)
    theirs = cam(inputs, target_idx=TARGET, alpha=0.6)[0]
    cam.base_cam.activations_and_grads.release()
    assert difference(ours.values, stretched(theirs)) < 1e-4


def test_refinecam_equals_grad_cam_over_several_layers():
    module, inputs = seeded(TinyCnn()), pictures()
    layers = ["block1.bn2", "block2.bn2"]
    (ours,) = drawn(module, inputs, layers, [library.refinecam], TARGET)
    cam = pytorch_grad_cam.RefineCAM(module, [module.get_submodule(layer) for layer in layers])
    assert difference(ours.values, by_hand(cam, inputs, TARGET)) < 1e-4


@pytest.mark.parametrize("kind", ["GradCAM", "LayerCAM", "HiResCAM", "XGradCAM"])
def test_a_product_makes_any_method_a_refinecam(kind):
    module, inputs = seeded(TinyCnn()), pictures()
    layers = ["block1.bn2", "block2.bn2"]
    method = registry.pick("method", f"camctl[{kind}]").plugin
    (ours,) = drawn(module, inputs, layers, [method], TARGET, aggregate="product")
    cam = pytorch_grad_cam.RefineCAM(
        module, [module.get_submodule(layer) for layer in layers], base_method=getattr(pytorch_grad_cam, kind)
    )
    assert difference(ours.values, by_hand(cam, inputs, TARGET)) < 1e-4


@pytest.mark.parametrize("rest", [False, True])
def test_shapleycam_equals_grad_cam_used_by_hand(rest):
    module, layer, _ = cnn(inplace=False)  # its activations are live tensors: no copy can be kept of them
    inputs = pictures()
    (ours,) = drawn(module, inputs, [layer], [library.shapleycam], TARGET, options={"rest": rest})
    cam = pytorch_grad_cam.ShapleyCAM(module, [module.get_submodule(layer)])
    theirs = stretched(cam(inputs, [(ClassifierOutputReST if rest else ClassifierOutputTarget)(TARGET)])[0])
    cam.activations_and_grads.release()
    assert difference(ours.values, theirs) < 1e-4


def test_shapleycam_on_tokens_is_its_formula():
    """grad-cam's own fails on tokens; here the net after the layer is written out and differentiated twice."""
    module, layer, transform = vit()
    inputs = pictures()
    (ours,) = drawn(module, inputs, [layer], [library.shapleycam], TARGET)
    block = module.layers[1]
    with torch.no_grad():
        tokens = module.patch(inputs).flatten(2).transpose(1, 2)
        tokens = module.layers[0](torch.cat([module.extra, tokens], 1) + module.position)
        activations = block.ln1(tokens)

    def score(normed):
        out = tokens + block.attn(normed)
        return module.head(module.norm(out + block.ffn(block.ln2(out)))[:, 0])[0, TARGET]

    with sdpa_kernel(SDPBackend.MATH):
        _, product = torch.autograd.functional.hvp(score, activations, activations)
        gradient = torch.autograd.functional.jacobian(score, activations)
    weights = transform(gradient - product / 2).mean((2, 3), keepdim=True)
    torch.testing.assert_close(ours.raw, (weights * transform(activations)).sum(1)[0], rtol=1e-4, atol=1e-5)


def test_shapleycam_is_gradcam_where_the_score_is_linear_in_the_layer():
    module, inputs = seeded(ChannelsLast()), pictures(size=(32, 64))
    module.forward = lambda x: module.fc(module.norm(module.stem(x).permute(0, 2, 3, 1)).mean((1, 2)))
    shapley, plain = drawn(module, inputs, ["norm"], [library.shapleycam, gradcam], TARGET)
    torch.testing.assert_close(shapley.raw, plain.raw)


def test_scorecam_does_not_depend_on_the_batch_size():
    module, layer, _ = cnn()
    small, large = (
        drawn(module, pictures(), [layer], [library.scorecam], TARGET, options={"batch_size": size})[0]
        for size in (3, 64)
    )
    torch.testing.assert_close(small.raw, large.raw, rtol=1e-4, atol=1e-5)


def test_randomcam_leaves_numpys_generator_alone_and_follows_its_seed():
    module, layer, _ = cnn()

    def raw(seed):
        return drawn(module, pictures(), [layer], [library.randomcam], TARGET, options={"seed": seed})[0].raw

    np.random.seed(5)  # noqa: NPY002
    expected = np.random.uniform(size=3)  # noqa: NPY002
    np.random.seed(5)  # noqa: NPY002
    first = raw(0)
    assert np.array_equal(np.random.uniform(size=3), expected)  # noqa: NPY002
    assert torch.equal(first, raw(0))
    assert not torch.equal(first, raw(1))


def test_ablationcam_works_on_channels_last_features():
    module, inputs = seeded(ChannelsLast()), pictures(size=(32, 64))
    (one,) = drawn(module, inputs, ["norm"], [ablationcam], TARGET)
    assert one.raw.shape == (4, 8)
    assert one.verdict.name == "ok"


def test_a_layer_that_gives_a_tuple_can_be_ablated_and_differentiated():
    class Pair(nn.Module):
        def forward(self, x):
            return x, x.mean()

    class Net(TinyCnn):
        def __init__(self):
            super().__init__()
            self.pair = Pair()

        def forward(self, x):
            features, _ = self.pair(self.block1(self.stem(x)))
            return self.fc(self.pool(self.block2(features)).flatten(1))

    module = seeded(Net())
    methods = [ablationcam, library.shapleycam, library.finercam]
    assert [one.verdict.name for one in drawn(module, pictures(), ["pair"], methods, 0)] == ["ok"] * 3


def test_a_layer_that_is_called_twice_is_ablated_at_its_last_call():
    class Twice(TinyCnn):
        def forward(self, x):
            x = self.block1(self.block1(self.stem(x)))
            return self.fc(self.pool(x).flatten(1))

    module = seeded(Twice())
    (ours,) = drawn(module, pictures(), ["block1"], [ablationcam], TARGET)
    scores = []
    with torch.no_grad():
        features = module.block1(module.block1(module.stem(pictures())))
        assert features.min() == 0  # so that an ablated channel is zero
        plain = module.fc(module.pool(features).flatten(1))[0, TARGET]
        for channel in range(features.shape[1]):
            without = features.clone()
            without[:, channel] = 0
            scores.append(module.fc(module.pool(without).flatten(1))[0, TARGET])
    weights = (plain - torch.stack(scores)) / plain.abs()
    torch.testing.assert_close(ours.raw, (weights[:, None, None] * features[0]).sum(0), rtol=1e-3, atol=1e-4)


def test_fullgrad_pairs_biases_with_layers_that_run_in_another_order_than_they_were_registered():
    class Crossed(nn.Module):
        def __init__(self):
            super().__init__()
            self.unused = nn.Conv2d(3, 4, 1)
            self.second = nn.Conv2d(6, 5, 3, padding=1)
            self.first = nn.Conv2d(3, 6, 3, padding=1)
            self.fc = nn.Linear(5, 4)

        def forward(self, x):
            return self.fc(self.second(self.first(x).relu()).relu().mean((2, 3)))

    class Straight(Crossed):
        def __init__(self):
            super().__init__()
            del self.unused
            second = self.second
            del self.second
            self.second = second

    module = seeded(Crossed())
    straight = Straight()
    straight.load_state_dict({key: value for key, value in module.state_dict().items() if "unused" not in key})
    (ours,) = drawn(module, pictures(), ["second"], [library.fullgrad], TARGET)
    theirs = by_hand(pytorch_grad_cam.FullGrad(straight.eval(), []), pictures(), TARGET)
    assert difference(ours.values, theirs) < 1e-4


def test_fullgrad_says_why_it_cannot_work():
    assert library.fullgrad.cannot(seeded(TinyCnn())) == ""
    assert "there are none" in library.fullgrad.cannot(nn.Linear(3, 3))
    assert "keeps none" in library.fullgrad.cannot(nn.BatchNorm2d(3, track_running_stats=False))


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("SESS", {"pool": "median"}),
        ("SESS", {"num_scales": 0}),
        ("SESS", {"batch_size": 0}),
        ("ScoreCAM", {"batch_size": 0}),
        ("AblationCAM", {"ratio_channels_to_ablate": 0.8}),
        ("KPCA_CAM", {"kernel": "quantum"}),
        ("FinerCAM", {"comparison_categories": (99,)}),
    ],
)
def test_an_option_that_makes_no_sense_is_an_input_error_with_a_hint(kind, options):
    module, layer, _ = cnn()
    with pytest.raises(InputError) as raised:
        drawn(module, pictures(), [layer], [METHODS[kind]], TARGET, options=options)
    assert raised.value.hint


def test_progress_bars_stay_off_the_terminal(capsys):
    module, layer, _ = cnn()
    drawn(module, pictures(), [layer], list(METHODS.values()), TARGET, options=FEW_SCALES)
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "")


def test_finercam_never_compares_a_class_with_itself():
    module, layer, _ = cnn()
    with torch.no_grad():  # class 0 is the target's twin, and comes first in every order
        module.fc.weight[0], module.fc.bias[0] = module.fc.weight[TARGET], module.fc.bias[TARGET]
    with Recorder(module, [layer], LayoutHints(), gradients=True) as recorder:
        recorder.forward(pictures(), module)
        captures = recorder.captures(ClassQuestion(TARGET), recorder.backward(ClassQuestion(TARGET), last=True))
        maps = draw(captures, replace(library.finercam), aggregate="mean", options={"comparison_categories": (1,)})
        ((only,),) = fetch([maps])
    assert only.verdict.name == "flat"  # against its twin nothing tells the class


def test_built_in_methods_do_not_import_grad_cam():
    code = """
import sys, torch
from camctl import registry
from tests.models import TinyCnn, pictures, seeded
from camctl.engine.capture import Recorder
from camctl.engine.layout import LayoutHints
from camctl.engine.cam import draw
from camctl.plugin import ClassQuestion
module = seeded(TinyCnn())
names = ("gradcam", "eigencam", "layercam", "randomcam", "scorecam", "ablationcam")
methods = [registry.pick("method", name).plugin for name in names]
with Recorder(module, ["block2.bn2"], LayoutHints(), gradients=True) as recorder:
    recorder.forward(pictures(), module)
    captures = recorder.captures(ClassQuestion(1), recorder.backward(ClassQuestion(1), last=True))
    for method in methods:
        draw(captures, method, aggregate="mean")
    if method.name == "AblationCAM":
        draw(captures, method, aggregate="mean", options={"ratio_channels_to_ablate": 0.5})
assert "pytorch_grad_cam" not in sys.modules
registry.pick("method", "fem")
assert "pytorch_grad_cam" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("name", ["fem", "fullgrad", "sess"])
def test_grad_cam_is_imported_before_a_methods_time_is_measured(name):
    code = f"""
import sys
from camctl import registry
from tests.models import TinyCnn
method = registry.pick("method", "{name}").plugin
assert "pytorch_grad_cam" not in sys.modules
assert method.cannot(TinyCnn()) == ""
assert "pytorch_grad_cam" in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)
