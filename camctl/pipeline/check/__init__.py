"""Whether camctl understands a model: `camctl layers --check`."""

from camctl.pipeline.check.model_check import check

__all__ = ["check"]
