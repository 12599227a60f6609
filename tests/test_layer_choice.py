"""Which layer and which method a map is of where the user names none."""

import pytest
import torch
from torch import nn

import camctl
from camctl.errors import InputError
from camctl.values.request import Evaluation, Family
from tests.models import ActivatedHead, TinyCnn, TinyVit, loaded, pictures, seeded

ONE_SIGN = ("GradCAM++", "XGradCAM", "LayerCAM", "HiResCAM", "GradCAMElementWise", "EigenCAM", "EigenGradCAM", "FEM")


LAYERS = ["stem", "block1.bn2", "block2"]
"""Some of the candidates of `TinyCnn`, the best among them."""


class Mean(TinyVit):
    """Averages its patches: the gradient is the same in all of them."""

    def forward(self, x):
        tokens = torch.cat([self.extra, self.patch(x).flatten(2).transpose(1, 2)], 1) + self.position
        for layer in self.layers:
            tokens = layer(tokens)
        return self.head(self.norm(tokens)[:, 1:].mean(1))


@pytest.fixture
def pixels():
    """(32, 32, 3), uint8."""
    return (pictures()[0].permute(1, 2, 0).sigmoid() * 255).to(torch.uint8).numpy()


def maps(module, pixels, **asked):
    return {cam.method: cam for cam in camctl.explain(loaded(seeded(module)), pixels, **asked).maps}


def test_gradcam_is_given_the_norm_and_methods_of_one_sign_what_its_rectifier_puts_out(pixels):
    drawn = maps(ActivatedHead(nn.ReLU()), pixels, methods=["GradCAM", *ONE_SIGN])
    assert drawn.pop("GradCAM").layers == ("norm",)
    assert {cam.layers for cam in drawn.values()} == {("act",)}


def test_the_layers_label_of_a_comparison_names_the_methods_that_are_given_another(pixels):
    found = camctl.compare(loaded(seeded(ActivatedHead(nn.ReLU()))), pixels, methods=["LayerCAM", "GradCAM"])
    assert found.axis("layer").labels == ("act (norm for GradCAM)",)
    alone = camctl.compare(loaded(seeded(ActivatedHead(nn.ReLU()))), pixels, methods=["GradCAM"])
    assert alone.axis("layer").labels == ("norm",)


@pytest.mark.parametrize("method", ["XGradCAM", "LayerCAM", "HiResCAM", "GradCAMElementWise", "EigenCAM", "FEM"])
def test_a_rectifier_that_is_no_module_makes_no_difference_to_methods_of_one_sign(method, pixels):
    module = maps(ActivatedHead(nn.ReLU()), pixels, methods=[method])[method]
    function = maps(ActivatedHead(torch.relu), pixels, methods=[method])[method]
    assert (module.layers, function.layers) == (("act",), ("norm",))
    assert function.raw == pytest.approx(module.raw, abs=1e-5)


def test_a_named_layer_is_taken_as_it_is(pixels):
    by_default = maps(ActivatedHead(torch.relu), pixels, methods=["EigenCAM"])["EigenCAM"]
    named = maps(ActivatedHead(torch.relu), pixels, methods=["EigenCAM"], target_layers="norm")["EigenCAM"]
    assert named.layers == by_default.layers == ("norm",)
    assert abs(named.raw - by_default.raw).max() > 0.01


def test_a_named_layer_of_both_signs_is_warned_of_for_methods_that_need_one(pixels):
    drawn = maps(ActivatedHead(nn.ReLU()), pixels, methods=["LayerCAM", "GradCAM"], target_layers="norm")
    assert drawn["LayerCAM"].verdict == drawn["GradCAM"].verdict == "ok"
    assert "needs activations of one sign" in drawn["LayerCAM"].reason
    assert not drawn["GradCAM"].reason
    assert not maps(ActivatedHead(nn.ReLU()), pixels, methods=["LayerCAM"], target_layers="act")["LayerCAM"].reason
    assert not maps(TinyVit(), pixels, methods=["LayerCAM"], target_layers="layers.1.ln1")["LayerCAM"].reason


@pytest.mark.parametrize(
    ("build", "asked", "method"),
    [
        (TinyCnn, {}, "GradCAM"),
        (TinyVit, {}, "GradCAMElementWise"),
        (TinyVit, {"target_layers": "layers.0.ln1"}, "GradCAMElementWise"),
        (TinyVit, {"family": Family(vit_like=True)}, "GradCAM"),
        (TinyVit, {"methods": ["gradcam"]}, "GradCAM"),
        (Mean, {}, "GradCAM"),
    ],
)
def test_the_default_method_is_gradcam_but_where_a_class_token_alone_is_read(build, asked, method, pixels):
    found = camctl.explain(loaded(seeded(build())), pixels, **asked)
    assert [cam.method for cam in found.maps] == [method]
    notes = [note for note in found.notes if "--method GradCAM" in note]
    assert bool(notes) == (method != "GradCAM")


def test_auto_is_each_models_own_method_in_a_comparison(pixels):
    models = [loaded(seeded(TinyCnn()), name="cnn"), loaded(seeded(TinyVit()), name="vit")]
    found = camctl.compare(models, pixels, methods=["auto"])
    assert [cam.method for cam in found.maps] == ["GradCAM", "GradCAMElementWise"]


def test_best_is_the_layer_of_the_highest_figure(pixels):
    model = loaded(seeded(TinyCnn()))
    tried = camctl.compare(
        model, pixels, methods=["LayerCAM"], target_layers=LAYERS, evaluation=Evaluation(metrics=["adcc"])
    )
    figures = {cell.cam.layers[0]: cell.figures["adcc"] for cell in tried.cells}

    found = camctl.explain(model, pixels, methods=["LayerCAM"], target_layers="best")
    (cam,) = found.maps
    (note,) = [note for note in found.notes if note.startswith("layers by ADCC")]
    assert figures[cam.layers[0]] == max(figures.values())
    assert "too few to tell" in note
    assert all(f"{name} {figure:.3f}" in note for name, figure in figures.items())


def test_best_goes_by_the_metric_that_is_asked_for_and_over_all_pictures(pixels):
    model = loaded(seeded(TinyCnn()))
    shown = [pixels, pixels[::-1].copy(), pixels[:, ::-1].copy()]
    tried = camctl.compare(
        model, shown, methods=["LayerCAM"], target_layers=LAYERS, evaluation=Evaluation(metrics=["deletion"])
    )
    figures = {name: [] for name in LAYERS}
    for cell in tried.cells:
        figures[tried.label("layer", cell.at)].append(cell.figures["deletion"])
    means = {name: sum(own) / 3 for name, own in figures.items()}

    found = camctl.compare(
        model, shown, methods=["LayerCAM"], target_layers="best", evaluation=Evaluation(metrics=["deletion"])
    )
    assert {cam.layers[0] for cam in found.maps} == {min(means, key=means.get)}
    notes = [note for explanation in found.explanations.values() for note in explanation.notes]
    assert all(any(f"{name} {mean:.3f}" in note for note in notes) for name, mean in means.items())


def test_best_stands_alone(pixels):
    with pytest.raises(InputError, match="best is one layer"):
        camctl.explain(loaded(seeded(TinyCnn())), pixels, target_layers=["best", "block1"])


def test_auto_n_leaves_out_layers_whose_map_is_worthless(pixels):
    class Level(nn.Module):
        def __init__(self, *, flat=False):
            super().__init__()
            self.conv, self.flat = nn.Conv2d(8, 8, 3, padding=1), flat

        def forward(self, x):
            x = x + self.conv(x).relu()
            return x + x.mean((2, 3), keepdim=True) - x.detach() if self.flat else x

    class Levels(TinyCnn):
        def __init__(self):
            super().__init__()
            self.levels = nn.Sequential(Level(), Level(flat=True), Level(), Level())

        def forward(self, x):
            return self.fc(self.pool(self.levels(self.stem(x))).flatten(1))

    found = camctl.compare(loaded(seeded(Levels())), pixels, methods=["GradCAM"], target_layers="auto:3")
    named = camctl.explain(loaded(seeded(Levels())), pixels, methods=["GradCAM"], target_layers="levels.1")
    assert named.maps[0].verdict == "flat"
    assert [cam.layers[0] for cam in found.maps] == ["levels.0", "levels.2", "levels.3"]


def test_of_a_module_that_runs_many_times_the_last_call_is_explained(pixels):
    class Stem(ActivatedHead):
        """An activation in the stem as well: the head's own, as in EfficientNet-Lite, or another."""

        def __init__(self, *, shared):
            super().__init__(nn.ReLU())
            self.first = nn.ReLU()
            self.shared = shared

        def forward(self, x):
            x = (self.act if self.shared else self.first)(self.stem(x))
            return self.fc(self.pool(self.act(self.norm(self.conv(self.block1(x))))).flatten(1))

    shared, apart = (maps(Stem(shared=each), pixels, methods=["LayerCAM"])["LayerCAM"] for each in (True, False))
    assert shared.layers == apart.layers == ("act",)
    assert shared.raw == pytest.approx(apart.raw, abs=1e-6)
