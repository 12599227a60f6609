"""The six views of `--aug-smooth`."""

import torch

from camctl import explain
from camctl.engine.maps import FACTORS, PLAIN, augment, restore
from camctl.methods.gradcam import gradcam
from tests.drawing import drawn
from tests.models import TinyCnn, counted, loaded, pictures, seeded


def test_the_six_views_are_flips_times_brightness_and_one_is_plain():
    inputs = pictures()
    views = augment(inputs)
    assert views.shape == (6, 3, 32, 32)
    assert torch.equal(views[PLAIN : PLAIN + 1], inputs)
    for place, factor in enumerate(FACTORS):
        torch.testing.assert_close(views[place], inputs[0] * factor)
        torch.testing.assert_close(views[place + 3], inputs[0].flip(2) * factor)


def test_restoring_turns_the_mirrored_half_back():
    maps = augment(pictures())[:, 0]
    (restored,) = restore(maps[None])
    for place in range(3):
        torch.testing.assert_close(restored[place], restored[place + 3])


def test_the_views_run_as_one_batch():
    module = seeded(TinyCnn())
    forward, batches = counted(module)
    drawn(module, pictures(), ["block2"], [gradcam], 0, forward=forward, aug_smooth=True)
    assert batches == [6]


def test_a_mirrored_picture_gives_a_mirrored_map():
    module, inputs = seeded(TinyCnn()), pictures()
    (one,) = drawn(module, inputs, ["block2"], [gradcam], 0, aug_smooth=True)
    (other,) = drawn(module, inputs.flip(3), ["block2"], [gradcam], 0, aug_smooth=True)
    torch.testing.assert_close(one.values, other.values.flip(1), rtol=1e-4, atol=1e-5)


def test_the_class_is_frozen_from_the_plain_view():
    """A net whose choice follows the brightness: on its own, the brighter views would explain another class."""

    class Fickle(TinyCnn):
        def forward(self, x):
            level = x.abs().mean((1, 2, 3))
            logits = super().forward(x)
            dark, bright = (level < 0.51) * 100.0, (level > 0.51) * 100.0
            return torch.stack([logits[:, 0] + dark, logits[:, 1] + bright], 1)

    pixels = torch.full((32, 32, 3), 128, dtype=torch.uint8).numpy()
    pixels[:16] = 126
    model = loaded(seeded(Fickle()))
    plain = explain(model, pixels, target_layers=["block2"])
    smooth = explain(model, pixels, target_layers=["block2"], smooth="aug")
    assert plain.maps[0].target.index == 0
    assert smooth.maps[0].target == plain.maps[0].target
    assert smooth.predictions == plain.predictions
