"""A dataset run: the model explains every picture, and the rows go into a results folder that can be continued."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from camctl.datasets import Data, open_data
from camctl.pipeline.compare import PendingModel
from camctl.pipeline.dataset.explainer import Explainer
from camctl.pipeline.dataset.request import DatasetRequest
from camctl.pipeline.layer_selection import check_layers
from camctl.pipeline.load import loaded_of
from camctl.plugin import Runner, Work
from camctl.registry.versions import versions
from camctl.results import Results, Writer, open_results
from camctl.values.reading import AS_FOUND, Reading
from camctl.values.request import DETECTED, NO_EVALUATION, AnyClasses, Classes, Evaluation, Family

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

    from camctl.pipeline.load import AnyModel
    from camctl.plugin import Aggregate, LoadedModel
    from camctl.values.cam import Smoothing

    Progress = Callable[[int, int, int], None]
    """Called with the number of pictures that are done, of all that are to do, and of those that failed."""


class Local(Runner):
    """The runner of one process, with worker processes that read pictures."""

    summary = "In this process; worker processes read the pictures."

    def run(self, work: Work) -> Iterator[pa.Table]:
        """Yield the rows of the pictures, batch by batch."""
        yield from work.open()(work.indices)


def explain_dataset(  # noqa: PLR0913
    model: AnyModel | PendingModel,
    data: str | Path | Data,
    out: str | Path,
    *,
    methods: Sequence[str] | str = ("auto",),
    method_options: Mapping[str, Any] | None = None,
    targets: AnyClasses = None,
    target_layers: Sequence[str] | str | None = None,
    smooth: Smoothing = "none",
    aggregate: Aggregate = "mean",
    evaluation: Evaluation = NO_EVALUATION,
    family: Family = DETECTED,
    reading: Reading = AS_FOUND,
    batch_size: int | None = None,
    workers: int | None = None,
    shard: tuple[int, int] = (1, 1),
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Results:
    """Explain every picture of a data set, and store a row for each picture, class and method.

    A run that was interrupted continues where it stopped, if it is asked for the same again.

    Parameters
    ----------
    model
        What `load` returns, its `model` text, or a module of your own.
    data
        A folder, a glob, a list (.txt, .csv, .jsonl), Parquet files or tar shards; or what `open_data` returns.
    out
        The results folder: a path, or an address that fsspec knows.
    methods, method_options, target_layers, smooth, aggregate, family, reading
        As `explain` takes them.
    targets
        As `explain` takes them; the name `label` stands for each picture's own label.
    evaluation
        Metrics with their options, verification and baselines. Boxes are the data set's.
    batch_size
        Number of pictures that go through the model together; None takes what fits.
    workers
        Number of processes that read pictures ahead of the model; 0 reads them in this one, None chooses.
    shard
        Number of this part of the data set, from 1, and how many there are; all write into one folder.
    overwrite
        Start anew where the folder holds the results of something else.
    progress
        Called as `progress(done, total, failed)` after every batch.

    Returns
    -------
    Results
        The rows, which other shards may add to.

    Raises
    ------
    InputError
        Something that the user can mend.

    Examples
    --------
    >>> import camctl
    >>> results = camctl.explain_dataset("imagenet:lite0", "photos/", "out")        # doctest: +SKIP
    >>> results.worst(10, by="target_score").column("path").to_pylist()             # doctest: +SKIP
    """
    layers = (target_layers,) if isinstance(target_layers, str) else tuple(target_layers or ())
    check_layers(layers)
    request = DatasetRequest(
        methods=(methods,) if isinstance(methods, str) else tuple(methods),
        method_options=dict(method_options or {}),
        classes=Classes.of(targets),
        layers=layers,
        smooth=smooth,
        aggregate=aggregate,
        evaluation=evaluation,
        family=family,
        reading=reading,
    )
    request.manner()  # unknown names are reported before anything is read
    opened = data if isinstance(data, Data) else open_data(str(data))
    loaded = loaded_of(model.load() if isinstance(model, PendingModel) else model)
    explainer = Explainer(loaded, opened, request, batch_size=batch_size, workers=workers)
    asked = {
        "model": loaded.name,
        "weights": _weights(loaded),
        "class_names": _digest(loaded.class_names),
        "data": {"name": opened.name, "pictures": len(opened), "fingerprint": opened.fingerprint},
        **request.to_dict(),
        "target_layers": list(explainer.group.names),
    }
    tell = progress or (lambda _done, _total, _failed: None)
    with Writer.open(
        out,
        asked,
        request.schema(opened),
        total=len(opened),
        about=_about(explainer, loaded),
        overwrite=overwrite,
        shard=shard,
    ) as writer:
        todo, failed, done, began = writer.todo, 0, 0, time.monotonic()
        tell(0, len(todo), 0)
        work = Work(indices=todo.tolist(), open=lambda: explainer, batch_size=explainer.batch_size)
        for table in Local().run(work) if len(todo) else ():
            writer.write(table)
            done += len(set(table.column("index").to_pylist()))
            failed += table.num_rows - table.column("error").null_count
            tell(done, len(todo), failed)
        writer.finish({"pictures": done, "seconds": time.monotonic() - began, "notes": explainer.notes})
    return open_results(out)


def _about(explainer: Explainer, loaded: LoadedModel) -> dict[str, Any]:
    """Return what is told about a run, and may differ when it is continued."""
    return {
        "began": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": versions(),
        "class_names": list(explainer.predictions.names or ()),
        "output": explainer.plan.output.to_dict(),
        "random_weights": loaded.random_weights,
        "chosen_by": explainer.group.chosen_by,
        "baselines": [method.name for method in explainer.manner.methods if method.baseline],
        "notes": [*map(str, loaded.notes), *map(str, explainer.plan.output.notes), *explainer.notes],
    }


def _digest(names: Sequence[str] | None) -> str:
    """Return the SHA-256 of the class names; empty if there are none."""
    import hashlib

    return hashlib.sha256("\n".join(names).encode("utf-8", "replace")).hexdigest() if names else ""


def _weights(loaded: LoadedModel) -> str:
    """Return the SHA-256 of a model's weights: of its checkpoint, or of its tensors."""
    import hashlib

    import torch

    if loaded.checkpoint is not None:
        return loaded.checkpoint.sha256
    digest = hashlib.sha256()
    for name, tensor in loaded.module.state_dict().items():
        digest.update(name.encode())
        if isinstance(tensor, torch.Tensor) and not tensor.is_meta:
            digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
