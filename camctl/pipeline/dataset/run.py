"""A dataset run: the model explains every picture, and the rows go into a results folder that can be continued."""

from __future__ import annotations

import os
import pickle
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from camctl import registry
from camctl.datasets import Data, open_data
from camctl.errors import InputError, one_line
from camctl.pipeline.compare import PendingModel
from camctl.pipeline.dataset.explainer import Explainer
from camctl.pipeline.dataset.request import DatasetRequest
from camctl.pipeline.layer_selection import check_layers
from camctl.pipeline.load import loaded_of
from camctl.pipeline.watching import watcher
from camctl.plugin import Work
from camctl.registry.options import check_runner_options
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


LOCAL = "camctl[local]"
"""The runner of this process."""


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
    runner: str = "local",
    runner_options: Mapping[str, Any] | None = None,
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
    runner
        Name of the runner that carries the work, such as `local` (this process) or `ray`, of the package camctl-ray.
    runner_options
        Options of the runner.
    progress
        Called as `progress(done, total, failed)` after every batch; without it a notebook shows a bar.

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
    settings = dict(runner_options or {})
    carrier = _runner(runner, settings, model)
    opened = data if isinstance(data, Data) else open_data(str(data))
    load = model.load if isinstance(model, PendingModel) else partial(loaded_of, model)
    loaded = load()
    explainer = Explainer(loaded, opened, request, batch_size=batch_size, workers=workers)
    asked, about = _asked(explainer, loaded), _about(explainer, loaded)
    schema, total, notes, size = request.schema(opened), len(opened), explainer.notes, explainer.batch_size
    # Pictures that are run one by one are so everywhere; else what fits differs from machine to machine.
    common = {"group": explainer.group, "batch_size": batch_size if size > 1 else 1, "workers": workers}
    here = carrier.found.label == LOCAL
    if not here:
        from camctl.engine.memory import empty_cache

        del explainer, loaded
        empty_cache()
    with Writer.open(out, asked, schema, total=total, about=about, overwrite=overwrite, shard=shard) as writer:
        began = time.monotonic()
        make = (lambda: explainer) if here else partial(explainer_of, load, opened, request, **common)
        work = Work(indices=writer.todo.tolist(), open=make, batch_size=size, schema=schema)
        done = _carried(carrier.plugin.run(work, **settings) if work.indices else (), writer, progress)
        writer.finish({"pictures": done, "seconds": time.monotonic() - began, "notes": notes})
    return open_results(out)


def explainer_of(load: Callable[[], LoadedModel], data: Data, request: DatasetRequest, **settings: Any) -> Explainer:
    """Return an explainer with a model that is loaded for it: the beginning of a run in another process."""
    return Explainer(load(), data, request, **settings)


def _runner(name: str, options: Mapping[str, Any], model: AnyModel | PendingModel) -> registry.Loaded:
    """Return the runner of a name. Raises `InputError`: it lacks an option, or cannot be sent the model."""
    runner = registry.pick("runner", name)
    check_runner_options(runner.found.name, runner.plugin, options)
    if runner.found.label == LOCAL:
        return runner
    if not isinstance(model, PendingModel | str | os.PathLike):
        message = f"The runner {runner.found.name} loads the model in other processes, and a module was given."
        raise InputError(message, hint="Give the text that camctl.load takes, or leave out the runner.")
    if isinstance(model, PendingModel):
        try:
            pickle.dumps(model.load)
        except Exception as error:  # noqa: BLE001 - what is in it may raise anything
            message = f"The model '{model.name}' cannot be loaded in other processes: {one_line(error)}"
            raise InputError(message, hint="Load it with a function of a module that can be imported.") from None
    return runner


def _carried(tables: Iterable[pa.Table], writer: Writer, progress: Progress | None) -> int:
    """Write the rows of a run as they come; returns the number of pictures."""
    bar = watcher(None) if progress is None else None
    tell = progress or (lambda done, total, _failed: bar("Explaining", done, total) if bar else None)
    total, failed, done = len(writer.todo), 0, 0
    tell(0, total, 0)
    for table in tables:
        writer.write(table)
        done += len(set(table.column("index").to_pylist()))
        failed += table.num_rows - table.column("error").null_count
        tell(done, total, failed)
    return done


def _asked(explainer: Explainer, loaded: LoadedModel) -> dict[str, Any]:
    """Return what is asked of a run: it is continued by the same alone."""
    data = explainer.data
    return {
        "model": loaded.name,
        "weights": _weights(loaded),
        "precision": loaded.precision,
        "class_names": _digest(loaded.class_names),
        "data": {"name": data.name, "pictures": len(data), "fingerprint": data.fingerprint},
        **explainer.request.to_dict(),
        "target_layers": list(explainer.group.names),
    }


def _about(explainer: Explainer, loaded: LoadedModel) -> dict[str, Any]:
    """Return what is told about a run, and may differ when it is continued."""
    return {
        "began": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": versions(),
        "class_names": list(explainer.predictions.names or ()),
        "output": explainer.plan.output.to_dict(),
        "random_weights": loaded.random_weights,
        "chosen_by": explainer.group.chosen_by,
        "layers": list(
            dict.fromkeys(name for method in explainer.manner.methods for name in explainer.group.of(method))
        ),
        "baselines": [method.name for method in explainer.manner.methods if method.baseline],
        "notes": [*map(str, explainer.plan.notes), *explainer.notes],
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
