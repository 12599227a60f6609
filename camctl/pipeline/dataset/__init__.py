"""A data set, one model: pictures are prepared ahead by workers, explained in batches, and written as rows."""

from camctl.pipeline.dataset.run import explain_dataset

__all__ = ["explain_dataset"]
