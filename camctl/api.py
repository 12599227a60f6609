"""The public interface: `camctl.load`, `explain`, `compare`, `survey`, `check`, and the types that they return."""

from __future__ import annotations

from camctl.errors import CamctlError, InputError, PluginError, UnknownNameError
from camctl.pipeline.check import check
from camctl.pipeline.compare import compare
from camctl.pipeline.dataset import explain_dataset
from camctl.pipeline.explain import explain
from camctl.pipeline.load import load
from camctl.pipeline.scene import survey
from camctl.plugin import LoadedModel
from camctl.results import Results, open_results
from camctl.values.cam import Cam
from camctl.values.comparison import Comparison
from camctl.values.explanation import Explanation
from camctl.values.layer_map import LayerMap
from camctl.values.output import Output
from camctl.values.questions import Detection, Likeness, Region
from camctl.values.reading import Reading
from camctl.values.request import Classes, Evaluation, Family
from camctl.values.target import Target
from camctl.values.view import View

__all__ = [
    "Cam",
    "CamctlError",
    "Classes",
    "Comparison",
    "Detection",
    "Evaluation",
    "Explanation",
    "Family",
    "InputError",
    "LayerMap",
    "Likeness",
    "LoadedModel",
    "Output",
    "PluginError",
    "Reading",
    "Region",
    "Results",
    "Target",
    "UnknownNameError",
    "View",
    "check",
    "compare",
    "explain",
    "explain_dataset",
    "load",
    "open_results",
    "survey",
]
