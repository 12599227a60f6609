"""Centre: a blob in the middle, where photographers put objects."""

from camctl.plugin import Capture, Evidence, method

SIGMA = 0.25
"""Standard deviation as a share of each side."""


@method(
    name="Centre",
    summary="Baseline that others must beat: a blob in the middle, where photographers put things.",
    paper="Tseng et al., 2009, doi 10.1167/9.7.4; the baseline Center of Zhang et al., 2016, arXiv:1608.00507",
    formula="exp( -(x^2 + y^2) / (2 sigma^2) ),  x and y from the middle in sides of the picture, sigma = 1/4",
    needs=set(),
    reduction="none",
    discriminative=False,
    signed=False,  # it reads no activations
    baseline=True,
)
def centre(capture: Capture) -> Evidence:
    """Equal maps (N, h, w) at the input's size, independent of picture, class and network."""
    import torch

    views, _, height, width = capture.inputs.shape
    y, x = ((torch.arange(side) + 0.5) / side - 0.5 for side in (height, width))
    blob = torch.exp(-(y[:, None] ** 2 + x**2) / (2 * SIGMA**2))
    return blob.to(capture.inputs.device).expand(views, height, width)
