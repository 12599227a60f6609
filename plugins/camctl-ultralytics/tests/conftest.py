"""Without ultralytics the plugin's tests are skipped; they ask no network and touch no settings."""

import os
import tempfile

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["YOLO_OFFLINE"] = "true"  # of the library's own detector, the tests' oracle
os.environ["YOLO_CONFIG_DIR"] = tempfile.mkdtemp()

collect_ignore = []
try:
    import camctl_ultralytics  # noqa: F401
    import ultralytics  # noqa: F401
except ImportError:
    collect_ignore.append("test_ultralytics.py")
