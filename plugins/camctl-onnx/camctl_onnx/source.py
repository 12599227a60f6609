"""The source `onnx`: a network of ONNX as a black box, run by onnxruntime."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from camctl.errors import InputError
from camctl.kit.black_box import SETTINGS, Program, literal

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from camctl.kit.black_box import Opened

NAMES = ("class_names", "names", "classes", "labels")
"""Keys of metadata under which exporters put class names."""
SIZES = ("input_size", "imgsz")
FLOATS = {"tensor(float)": "float32", "tensor(float16)": "float16", "tensor(double)": "float64"}
"""Types of inputs that pictures can become."""


class Onnx(Program):
    """`onnx:FILE`. A graph of ONNX is data: onnxruntime runs its own operators and no code in the file."""

    summary = "A network of ONNX, as a black box: onnx:net.onnx."
    example = "net.onnx"
    kind = "ONNX"
    runs_code = False

    def opened(self, file: Path, device: str) -> Opened:
        """Open the network. Raises `InputError` if it takes no pictures."""
        import numpy as np
        import onnxruntime
        import torch

        quiet = onnxruntime.SessionOptions()
        quiet.log_severity_level = 4
        there = onnxruntime.get_available_providers()
        wanted = ["CUDAExecutionProvider"] if device.startswith("cuda") else []
        providers = [name for name in (*wanted, "CPUExecutionProvider") if name in there]
        session = onnxruntime.InferenceSession(str(file), quiet, providers=providers)
        inputs = session.get_inputs()
        if len(inputs) != 1 or len(inputs[0].shape) != 4 or inputs[0].type not in FLOATS:  # noqa: PLR2004
            shapes = ", ".join(f"{entry.name} {entry.shape} {entry.type}" for entry in inputs)
            message = f"'{file.name}' takes no batch of pictures (N, C, h, w) in floating point, but {shapes}."
            raise InputError(message, hint="Export the network with one input of that shape.")
        name, kind = inputs[0].name, np.dtype(FLOATS[inputs[0].type])
        names = [entry.name for entry in session.get_outputs()]

        def run(pictures: Tensor) -> Any:
            outputs = session.run(names, {name: pictures.cpu().numpy().astype(kind)})
            tensors = [torch.from_numpy(np.asarray(output)).to(pictures.device) for output in outputs]
            return tensors[0] if len(tensors) == 1 else dict(zip(names, tensors, strict=True))

        return run, inputs[0].shape, _metadata(session.get_modelmeta().custom_metadata_map)


def _metadata(table: dict[str, str]) -> dict[str, Any]:
    """Return what the metadata of a network say about its input and classes."""
    said = {name: literal(table[name]) for name in SETTINGS if name in table}
    for name, keys in (("class_names", NAMES), ("input_size", SIZES)):
        key = next((key for key in keys if key in table), None)
        if key:
            value = literal(table[key])
            said[name] = value.split(",") if name == "class_names" and isinstance(value, str) else value
    return said
