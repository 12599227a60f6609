"""Without open_clip the plugin's tests are skipped."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

collect_ignore = []
try:
    import camctl_openclip  # noqa: F401
    import open_clip  # noqa: F401
except ImportError:
    collect_ignore.append("test_openclip.py")
