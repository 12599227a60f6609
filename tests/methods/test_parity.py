"""Every built-in method is grad-cam's, to 1e-4 on the normalised map."""

from itertools import product

import pytest

from tests.methods.parity_table import BUILT_IN, FAMILIES, SMOOTHINGS, compare

TOLERANCE = 1e-4


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize(("family", "smoothing"), list(product(FAMILIES, SMOOTHINGS)))
def test_built_in_methods_equal_grad_cam(family, smoothing, layers):
    differences = {kind: compare(kind, family, smoothing, layers) for kind in BUILT_IN}
    assert {kind: value for kind, value in differences.items() if not value <= TOLERANCE} == {}


def test_the_oracle_needs_its_repair():
    """Left as it is, grad-cam draws the block's output in place of the norm's, because it keeps an alias."""
    import pytorch_grad_cam
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    from camctl.methods.gradcam import gradcam
    from tests.drawing import difference, drawn, stretched
    from tests.models import TinyCnn, pictures, seeded

    module, inputs = seeded(TinyCnn(inplace=True)), pictures()
    (ours,) = drawn(module, inputs, ["block2.bn2"], [gradcam], 1)
    aliased = pytorch_grad_cam.GradCAM(module, [module.block2.bn2])(inputs, [ClassifierOutputTarget(1)])[0]
    assert difference(ours.values, stretched(aliased)) > 1e-2
