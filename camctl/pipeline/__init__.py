"""The data flow, from models and pictures to maps with verdicts; the public API.

One forward pass serves every method, layer and class; one truncated backward pass serves every
method and layer of a class.
"""

from __future__ import annotations

from camctl.pipeline.checking import check
from camctl.pipeline.comparing import PendingModel, compare
from camctl.pipeline.explaining import explain
from camctl.pipeline.loading import load
from camctl.pipeline.picking import BASELINES, METHOD_SETS, pick_methods, pick_metrics
from camctl.pipeline.scenes import survey

__all__ = [
    "BASELINES",
    "METHOD_SETS",
    "PendingModel",
    "check",
    "compare",
    "explain",
    "load",
    "pick_methods",
    "pick_metrics",
    "survey",
]
