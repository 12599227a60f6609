"""Smooth Grad-CAM++."""

from camctl.errors import InputError
from camctl.methods.remarks import blind_on_lite0
from camctl.plugin import Capture, Cost, Evidence, method

EPSILON = 1e-6

SAMPLES = 8


@method(
    name="SmoothGradCAM++",
    summary="Grad-CAM++ with derivatives averaged over noisy copies of the picture.",
    paper="Omeiza et al., 2019, arXiv:1908.01224",
    formula=(
        "ReLU( sum_c w_c A_c ),  w_c = sum_ij a_c ReLU(D1_c),  a_c = D2_c / (2 D2_c + sum_ij(A_c) D3_c),  "
        "Dp = mean over noisy inputs of G^p"
    ),
    needs={"activations", "rescoring"},
    cost=Cost(text="1 forward, 1 backward a sample (8)"),
    signed=False,
    remarks=(blind_on_lite0(".96"),),
)
def smooth_gradcam_plusplus(
    capture: Capture, *, samples: int = SAMPLES, noise: float = 0.15, seed: int = 0
) -> Evidence:
    """Evidence (N, C, H, W).

    In the paper the share has D1 in the numerator; Grad-CAM++, which it extends, has D2. Here it is D2, so that without
    noise the map is Grad-CAM++'s. `samples`: number of noisy copies; `noise`: standard deviation as a share of the
    input's range, the same noise for every view; `seed`: seed of the noise.
    """
    import torch

    from camctl.methods.gradients import layer_gradients, precise

    if samples < 1 or noise < 0 or seed < 0:
        message = f"SmoothGradCAM++ cannot work with samples={samples}, noise={noise}, seed={seed}."
        raise InputError(message, hint="Use at least one sample, and noise and seed not below zero.")
    inputs = capture.inputs.float()
    deviation = noise * (inputs.amax((1, 2, 3), keepdim=True) - inputs.amin((1, 2, 3), keepdim=True))
    generator = torch.Generator().manual_seed(seed)
    powers = [precise(torch.zeros_like(capture.activations)) for _ in range(3)]
    for _ in range(samples):
        drawn = torch.randn(inputs.shape[1:], generator=generator).to(inputs.device)
        noisy = (inputs + deviation * drawn).to(capture.inputs.dtype)
        _, gradients, _ = layer_gradients(
            capture, lambda logits: logits.gather(1, capture.targets[:, None]).sum(), inputs=noisy
        )
        powers = [mean + precise(gradients) ** power / samples for power, mean in enumerate(powers, 1)]
    first, second, third = powers
    totals = precise(capture.activations).sum((2, 3), keepdim=True)
    share = second / (2 * second + totals * third + EPSILON)
    return (share * first.clamp_min(0)).sum((2, 3), keepdim=True).float() * capture.activations
