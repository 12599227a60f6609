"""The contract between camctl and its plugins: methods, metrics, adapters, sources, runners.

A plugin package imports this package, `camctl.kit` and `camctl.errors`, and nothing else of camctl. Nothing heavy
is imported here, so that a listing of plugins does not load torch.

Entry-point groups: `camctl.methods` names a `Method`, `camctl.metrics` a `Metric`, `camctl.adapters` an
`Adapter`, `camctl.sources` a `Source` and `camctl.runners` a `Runner` (an instance, or a class that needs no
arguments).
"""

from camctl.plugin.functions import Cost
from camctl.plugin.methods import Aggregate, Capture, Evidence, Method, method
from camctl.plugin.metrics import Case, Metric, metric
from camctl.plugin.models import Adapter, Checkpoint, LoadedModel, LoadOptions, Source
from camctl.plugin.questions import ClassQuestion, ContrastQuestion, Question, ScoreKind, ValueQuestion
from camctl.plugin.runners import Runner, Work
from camctl.values.comparison import Better
from camctl.values.output import OutputKind

GROUPS = {kind: f"camctl.{kind}s" for kind in ("method", "adapter", "source", "metric", "runner")}
"""Kind of plugin -> its entry-point group."""

__all__ = [
    "GROUPS",
    "Adapter",
    "Aggregate",
    "Better",
    "Capture",
    "Case",
    "Checkpoint",
    "ClassQuestion",
    "ContrastQuestion",
    "Cost",
    "Evidence",
    "LoadOptions",
    "LoadedModel",
    "Method",
    "Metric",
    "OutputKind",
    "Question",
    "Runner",
    "ScoreKind",
    "Source",
    "ValueQuestion",
    "Work",
    "method",
    "metric",
]
