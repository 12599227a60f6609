"""Networks of ONNX in camctl, as black boxes."""
