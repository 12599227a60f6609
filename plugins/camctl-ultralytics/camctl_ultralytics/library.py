"""The package ultralytics, imported without what it does to a process: it asks the network and sets global options."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from camctl.kit.quiet import quiet

OFFLINE = {"YOLO_OFFLINE": "true", "YOLO_AUTOINSTALL": "false"}
"""What keeps ultralytics from asking the network and from installing packages."""


def library(module: str) -> Any:
    """Return a module of ultralytics, such as `nn.tasks`."""
    with unchanged():
        return import_module(f"ultralytics.{module}")


@contextmanager
def unchanged() -> Iterator[None]:
    """Run a block of ultralytics offline and in silence; the process's options are the same afterwards."""
    import cv2
    import numpy as np
    import torch

    variables, threads, printing = dict(os.environ), cv2.getNumThreads(), np.get_printoptions()
    os.environ.update(OFFLINE)
    try:
        with quiet():
            yield
    finally:
        os.environ.clear()
        os.environ.update(variables)
        cv2.setNumThreads(threads)
        np.set_printoptions(**printing)
        torch.set_printoptions(profile="default")
