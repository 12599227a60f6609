"""Every verdict, reached by a real net, with its reason and the next command."""

import pytest
import torch
from torch import nn

from camctl import explain
from camctl.engine.verdict import OK, Verdict, advice, combine
from camctl.kit.plain_preprocess import plain_preprocess
from camctl.methods.gradcam import gradcam
from camctl.pipeline.scene import survey
from tests.models import GapNet, TinyCnn, TinyVit, loaded, seeded

PIXELS = torch.randint(0, 255, (32, 32, 3), generator=torch.Generator().manual_seed(0), dtype=torch.uint8).numpy()


def explained(module, layers=None, **options):
    (one,) = explain(loaded(module), PIXELS, target_layers=layers, **options).maps
    return one


def useless(one, verdict, layer):
    assert one.verdict == verdict
    assert layer in one.reason
    assert one.hint
    assert not one.values.any()


def test_a_live_layer_is_ok_without_a_reason():
    one = explained(seeded(TinyCnn()), ["block2"], targets=0)
    assert (one.verdict, one.reason, one.hint) == ("ok", "", "")
    assert one.values.max() == 1


@pytest.mark.parametrize("method", ["gradcam", "eigencam", "gradcam++", "layercam"])
def test_nan_in_the_weights_is_not_finite(method):
    module = seeded(TinyCnn())
    with torch.no_grad():
        module.stem.weight[0] = float("nan")
    useless(explained(module, ["block2"], methods=[method]), "not-finite", "block2")


def test_a_layer_of_one_cell_is_single_cell():
    class Shrunk(TinyCnn):
        def __init__(self):
            super().__init__()
            self.shrink = nn.Conv2d(8, 8, 8)

        def forward(self, x):
            return self.fc(self.shrink(self.block1(self.stem(x))).flatten(1))

    one = explained(seeded(Shrunk()), ["shrink"])
    useless(one, "single-cell", "shrink")
    assert "--target-layers block1" in one.hint


def test_a_layer_after_pooling_is_single_cell_and_the_hint_names_a_live_one():
    one = explained(seeded(TinyCnn()), ["pool"])
    useless(one, "single-cell", "pool")
    assert "--target-layers block2" in one.hint


def test_a_layer_after_the_last_attention_has_no_gradient_and_the_hint_names_a_live_one():
    one = explained(seeded(TinyVit()), ["norm"])
    useless(one, "zero-gradient", "norm")
    assert "--target-layers layers.1.ln1" in one.hint


def test_a_layer_that_the_score_does_not_read_at_all_has_no_gradient():
    class Side(TinyCnn):
        def forward(self, x):
            first = self.block1(self.stem(x))
            self.block2(first)
            return self.fc(self.pool(first).flatten(1))

    useless(explained(seeded(Side()), ["block2"]), "zero-gradient", "block2")


def test_evidence_that_only_speaks_against_the_class_is_negative_only():
    module = seeded(GapNet())
    with torch.no_grad():
        module.fc.weight[2] = -module.fc.weight[2].abs()
    useless(explained(module, ["features.1"], targets=2), "negative-only", "features.1")


def test_activations_without_contrast_are_flat():
    module = seeded(GapNet())
    with torch.no_grad():
        module.features[0].weight.zero_()
        module.features[0].bias.fill_(1.0)
    useless(explained(module, ["features.1"], targets=0, methods=["eigencam"]), "flat", "features.1")
    useless(explained(module, ["features.1"], targets=0), "flat", "features.1")


def test_smoothing_keeps_the_map_of_views_that_have_one():
    one = explained(seeded(TinyCnn()), ["block2"], targets=0, smooth="aug")
    assert one.verdict == "ok"


def test_one_live_layer_is_enough_for_a_mean_and_not_for_a_product():
    dead, nan = Verdict("zero-gradient", "dead"), Verdict("not-finite", "nan")
    assert combine([OK, dead], product=False) is OK
    assert combine([OK, dead], product=True) is dead
    assert combine([dead, dead], product=False) is dead
    assert combine([OK, dead, nan], product=False) is nan
    assert combine([OK, OK], product=True) is OK


def test_the_hint_of_a_map_at_the_wrong_layer_names_the_right_one():
    module = seeded(GapNet())
    with torch.no_grad():
        module.fc.weight[2] = -module.fc.weight[2].abs()
    for name in ("negative-only", "border", "diffuse", "inverted"):
        hints = [
            advice(Verdict(name, "why"), gradcam, [layer], "net", lambda: survey(loaded(module)))
            for layer in ("features.0", "features.2")
        ]
        assert hints[0] == "Try another layer: --target-layers features.2"
        assert hints[1].startswith("Try a")


def test_an_ok_map_needs_no_hint_and_layers_that_the_probe_chose_are_not_looked_for_again():
    def never():
        pytest.fail("the probe was run")

    assert advice(Verdict("ok", "beware"), gradcam, ["features.2"], "net", never) == ""
    assert advice(Verdict("border", "why"), gradcam, ["features.2"], "net", never, probed=True)


@pytest.mark.parametrize("name", ["border", "diffuse"])
def test_light_in_the_wrong_place_is_first_blamed_on_a_preprocessing_that_is_a_guess(name):
    class Bare(nn.Module):
        pass

    guess = plain_preprocess(Bare()).note
    known = advice(Verdict(name), gradcam, ("block2",), "net", lambda: None, probed=True)
    guessed = advice(Verdict(name), gradcam, ("block2",), "net", lambda: None, probed=True, notes=(guess,))
    assert guessed.startswith("Preprocessing is a guess: set input_size, mean and std on the module first.")
    assert guessed.endswith(known)
