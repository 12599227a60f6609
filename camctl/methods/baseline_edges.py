"""Edges of the picture, without a network."""

from camctl.plugin import Capture, Evidence, method


@method(
    name="Edges",
    summary="Baseline that others must beat: the picture's own edges, blind to class and network.",
    paper="the edge detector of Adebayo et al., 2018, arXiv:1810.03292, by Sobel's operator",
    formula="sqrt( sum_rgb (S_x I)^2 + (S_y I)^2 ),  S_x, S_y Sobel's 3 x 3 operators, I the model's input",
    needs=set(),
    reduction="none",
    discriminative=False,
    signed=False,  # it reads no activations
    baseline=True,
)
def edges(capture: Capture) -> Evidence:
    """Maps (N, h, w) at the input's size; border pixels are repeated outwards, so that the border is no edge."""
    from torch.nn.functional import pad

    picture = pad(capture.inputs.float(), (1, 1, 1, 1), mode="replicate")
    rows = picture[:, :, :-2] + 2 * picture[:, :, 1:-1] + picture[:, :, 2:]
    columns = picture[..., :-2] + 2 * picture[..., 1:-1] + picture[..., 2:]
    across = rows[..., 2:] - rows[..., :-2]
    down = columns[:, :, 2:] - columns[:, :, :-2]
    return (across**2 + down**2).sum(1).sqrt()
