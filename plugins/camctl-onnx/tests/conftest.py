"""Without onnxruntime and onnx the plugin's tests are skipped."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

collect_ignore = []
try:
    import camctl_onnx  # noqa: F401
    import onnx  # noqa: F401
    import onnxruntime  # noqa: F401
except ImportError:
    collect_ignore.append("test_onnx.py")
