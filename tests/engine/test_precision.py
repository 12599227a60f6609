"""float32 means float32 unless the user asks for less, and torch's settings are as they were afterwards."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

import camctl
from camctl.demo.scenes import render, scene
from camctl.engine.model_state import untouched
from camctl.engine.precision import SETTINGS, float32
from camctl.errors import InputError
from camctl.ranking.correlation import rank_correlation

SETUPS = {
    "default": "pass",
    "high": "torch.set_float32_matmul_precision('high')",
    "old names": "b.cuda.matmul.allow_tf32 = True; b.cudnn.allow_tf32 = False",
    "new names": "b.cuda.matmul.fp32_precision = 'tf32'; b.cudnn.conv.fp32_precision = 'ieee'",
    "new name for all": "b.fp32_precision = 'tf32'",
    "cudnn alone": "b.cudnn.fp32_precision = 'ieee'",
}
"""What a user may have set; each in a process of its own, as torch keeps what was set."""

PROGRAM = """
import torch
from camctl.engine.precision import SETTINGS, float32
b = torch.backends
{setup}
before = [setting.read() for setting in SETTINGS]
with float32(tf32={tf32}):
    inside = [setting.read() for setting in SETTINGS]
allowed = {{None, "tf32", "high", True}} if {tf32} else {{None, "ieee", "none", "highest", False}}
assert set(inside) <= allowed, inside
assert any(value is not None for value in inside[2:])
assert [setting.read() for setting in SETTINGS] == before
"""


@pytest.mark.parametrize("tf32", [False, True])
@pytest.mark.parametrize("setup", SETUPS)
def test_cuda_computes_in_float32_inside_and_as_before_afterwards(setup, tf32):
    program = PROGRAM.format(setup=SETUPS[setup], tf32=tf32)
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_settings_are_put_back_after_an_error_and_inside_another():
    before = [setting.read() for setting in SETTINGS]

    def fail():
        with float32(tf32=True), float32():
            assert SETTINGS[0].read() == "highest"
            raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011 - the one above
        fail()
    assert [setting.read() for setting in SETTINGS] == before


def test_a_capture_is_in_float32_whatever_torch_is_set_to():
    seen = []

    class Net(torch.nn.Module):
        def forward(self, inputs):
            seen.append(torch.backends.cudnn.allow_tf32)
            return inputs

    net = Net()
    net(torch.zeros(1))
    with untouched(net):
        net(torch.zeros(1))
    net(torch.zeros(1))
    assert seen == [True, False, True]


@pytest.fixture(scope="module")
def pixels():
    return render(scene(11, classes=["cat"]), 224)


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
@pytest.mark.parametrize("net", ["demo:resnet", "demo:vit", "demo:swin"])
def test_half_precision_computes_otherwise_and_draws_the_same_map(net, precision, pixels):
    methods = ["GradCAM", "LayerCAM", "EigenCAM", "ReciproCAM"]
    exact, half = (
        camctl.explain(camctl.load(net, precision=name), pixels, methods=methods) for name in ("float32", precision)
    )
    assert (exact.precision, half.precision) == ("float32", precision)
    assert exact.predictions[0].score != half.predictions[0].score
    assert exact.predictions[0].score == pytest.approx(half.predictions[0].score, abs=0.02)
    for one, other in zip(exact.maps, half.maps, strict=True):
        assert one.raw.dtype == other.raw.dtype == "float32"
        assert rank_correlation(one.values, other.values) > 0.95, one.method


def test_without_cuda_tf32_changes_nothing_and_that_is_said(pixels):
    model = camctl.load("demo:resnet", precision="tf32")
    exact, other = camctl.explain("demo:resnet", pixels), camctl.explain(model, pixels)
    assert (exact.maps[0].raw == other.maps[0].raw).all()
    assert "Precision tf32 changes nothing without a CUDA device." in other.notes


def test_another_precision_is_refused():
    with pytest.raises(InputError, match="'int8' is no precision"):
        camctl.load("demo:resnet", precision="int8")
    with pytest.raises(InputError, match="at precision bf16 already"):
        camctl.load(camctl.load("demo:resnet", precision="bf16"), precision="fp16")
