"""The leading eigenvector by repeated squaring, as on a GPU, against numpy's decomposition."""

import numpy as np
import pytest
import torch

from camctl.engine.maps import RESIDUAL, squared


@pytest.mark.parametrize(("cells", "channels"), [(49, 512), (196, 64), (9, 3)])
def test_squaring_finds_the_leading_eigenvector(cells, channels):
    generator = torch.Generator().manual_seed(0)
    centred = torch.randn(6, cells, channels, generator=generator, dtype=torch.float64)
    centred[:, :, 0] *= 4  # a gap, as maps of objects have
    grams = centred @ centred.mT
    values, vectors, residuals = squared(grams)
    assert float(residuals.max()) <= RESIDUAL
    for gram, value, vector in zip(grams.numpy(), values.numpy(), vectors.numpy(), strict=True):
        own_values, own = np.linalg.eigh(gram)
        assert value == pytest.approx(own_values[-1], rel=1e-9)
        assert abs(vector @ own[:, -1]) == pytest.approx(1, abs=1e-9)


def test_two_eigenvalues_that_are_nearly_equal_show_in_the_residual():
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    gram = torch.from_numpy(turn @ np.diag([2.0, 2.0 - 1e-5, 1.0]) @ turn.T)
    values, _, residuals = squared(gram[None])
    assert float(values[0]) == pytest.approx(2, abs=1e-4)
    assert float(residuals[0]) > RESIDUAL


def test_a_matrix_of_zeros_has_no_vector_and_no_nan():
    values, vectors, residuals = squared(torch.zeros(1, 4, 4, dtype=torch.float64))
    assert float(values[0]) == float(residuals[0]) == float(vectors.abs().max()) == 0
