"""A network of ONNX, written node by node, is drawn as a black box."""

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch.nn.functional import conv2d

import camctl
from camctl.errors import CamctlError, InputError

PICTURE = np.random.default_rng(0).integers(0, 256, (24, 24, 3), np.uint8)
WEIGHTS = np.random.default_rng(1).normal(size=(4, 3, 5, 5)).astype(np.float32)


def write(file, shape=("n", 3, 24, 24), **metadata):
    """A convolution, a ReLU and the mean of each channel: 4 scores."""
    nodes = [
        helper.make_node("Conv", ["picture", "weights"], ["features"]),
        helper.make_node("Relu", ["features"], ["active"]),
        helper.make_node("GlobalAveragePool", ["active"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["scores"]),
    ]
    given = helper.make_tensor_value_info("picture", TensorProto.FLOAT, shape)
    scores = helper.make_tensor_value_info("scores", TensorProto.FLOAT, (shape[0], 4))
    graph = helper.make_graph(nodes, "net", [given], [scores], [numpy_helper.from_array(WEIGHTS, "weights")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, metadata)
    onnx.save(model, file)
    return f"onnx:{file}"


@pytest.mark.parametrize("count", ["n", 1, 4])
def test_it_scores_as_its_arithmetic_says_whatever_batch_it_takes(tmp_path, count):
    inputs = torch.randn(5, 3, 24, 24)
    expected = conv2d(inputs, torch.from_numpy(WEIGHTS)).relu().mean((2, 3))
    loaded = camctl.load(write(tmp_path / "net.onnx", (count, 3, 24, 24)))
    torch.testing.assert_close(loaded.forward(inputs), expected, rtol=1e-4, atol=1e-5)


def test_size_and_class_names_are_read_from_the_file(tmp_path):
    names = "{0: 'cat', 1: 'dog', 2: 'car', 3: 'house'}"
    loaded = camctl.load(write(tmp_path / "net.onnx", names=names, mean="[0.5, 0.5, 0.5]", std="[0.25, 0.25, 0.25]"))
    assert loaded.class_names == ("cat", "dog", "car", "house")
    assert loaded.input_size == (24, 24)
    pixels = torch.from_numpy(PICTURE).permute(2, 0, 1) / 255
    torch.testing.assert_close(loaded.preprocess(PICTURE), (pixels - 0.5) / 0.25)


def test_rise_draws_it_and_gradcam_says_why_not(tmp_path):
    model = write(tmp_path / "net.onnx")
    assert camctl.explain(model, PICTURE).maps[0].method == "RISE"
    with pytest.raises(CamctlError, match="GradCAM cannot work on this model: it is a black box"):
        camctl.explain(model, PICTURE, methods=["gradcam"])


def test_a_network_of_other_inputs_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"expected|takes no batch of pictures|no readable file"):
        camctl.load(write(tmp_path / "net.onnx", (1, 3, 24)))


def test_a_damaged_file_ends_in_one_line(tmp_path):
    (tmp_path / "net.onnx").write_bytes(b"\x08\x08 nothing")
    with pytest.raises(InputError, match="is no readable file of ONNX"):
        camctl.load(f"onnx:{tmp_path / 'net.onnx'}")
