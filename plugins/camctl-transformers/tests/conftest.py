"""What this package's tests share."""

import os

# Nets this small lose more to handing work between threads than they gain; set before anything imports torch.
os.environ.setdefault("OMP_NUM_THREADS", "1")
