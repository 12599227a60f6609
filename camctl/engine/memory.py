"""Memory of a GPU."""

from __future__ import annotations

import gc

import torch


def empty_cache() -> None:
    """Return the memory of a GPU that nothing is in any more."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
