"""Black boxes of torch: `torchscript:FILE` and `export:FILE`."""

import warnings

import numpy as np
import pytest
import torch
from torch import nn

import camctl
from camctl.errors import CamctlError, InputError

PICTURE = np.random.default_rng(0).integers(0, 256, (24, 24, 3), np.uint8)


def net():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(16, 3)).eval()


@pytest.fixture
def files(tmp_path, monkeypatch):
    """The same network as both programs, of pictures of 24 x 24."""
    monkeypatch.chdir(tmp_path)
    example = torch.ones(1, 3, 24, 24)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.trace(net(), example).save("net.pt")
        torch.export.save(torch.export.export(net(), (example,)), "net.pt2")
    return {"torchscript": "torchscript:net.pt", "export": "export:net.pt2"}


EACH = pytest.mark.parametrize("kind", ["torchscript", "export"])
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


def load(model):
    options = {"mean": [0.5] * 3, "std": [0.5] * 3, "input_size": 24, "class_names": ["a", "b", "c"]}
    return camctl.load(model, trust_checkpoint=True, cfg_options=options)


@EACH
def test_a_program_scores_as_the_network_that_it_was_made_of(files, kind):
    loaded = load(files[kind])
    inputs = torch.randn(5, 3, 24, 24)  # of one picture at a time, in torch.export's example
    torch.testing.assert_close(loaded.forward(inputs), net()(inputs).detach())
    assert loaded.class_names == ("a", "b", "c")
    assert loaded.opaque
    assert len(loaded.checkpoint.sha256) == 64


@EACH
def test_rise_draws_a_program_unasked(files, kind):
    found = camctl.explain(load(files[kind]), PICTURE)
    assert [cam.method for cam in found.maps] == ["RISE"]
    assert found.maps[0].raw.shape == (24, 24)
    assert "black box" in found.notes[0]


@EACH
@pytest.mark.parametrize("method", ["gradcam", "eigencam", "scorecam", "ablationcam", "fullgrad", "attentionrollout"])
def test_a_method_that_needs_layers_says_so_in_one_line(files, kind, method):
    with pytest.raises(CamctlError, match="cannot work on this model") as caught:
        camctl.explain(load(files[kind]), PICTURE, methods=[method])
    assert "\n" not in str(caught.value)


@EACH
def test_a_program_is_not_loaded_without_trust(files, kind):
    with pytest.raises(InputError, match="may read and write files") as caught:
        camctl.load(files[kind])
    assert "trust" in str(caught.value.hint)


@EACH
def test_a_damaged_program_ends_in_one_line(tmp_path, kind):
    (tmp_path / "net.bin").write_bytes(b"PK\x03\x04 nothing")
    with pytest.raises(InputError, match="is no readable file of"):
        camctl.load(f"{kind}:{tmp_path / 'net.bin'}", trust_checkpoint=True)


def test_a_comparison_draws_a_program_beside_its_network(files):
    found = camctl.compare([load(files["export"]), net()], PICTURE, methods=["auto", "occlusion", "random"])
    assert len(found.cells) == 6
    assert not any(isinstance(cell.cam, CamctlError) for cell in found.cells)
