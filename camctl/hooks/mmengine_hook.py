"""`CamHook`, a hook of MMEngine's runners."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.registry import HOOKS

from camctl import registry
from camctl.errors import InputError
from camctl.hooks.watch import Watch
from camctl.pipeline.load import loaded_of
from camctl.results.epochs import EPOCH, ITERATION

if TYPE_CHECKING:
    from torch import Tensor, nn

    from camctl.plugin import LoadedModel


@HOOKS.register_module()
class CamHook(Hook):
    """Explains fixed pictures as a network of MMEngine learns, and changes nothing of the training.

    Parameters
    ----------
    images
        The pictures: a file, a list of files, or a data set as `camctl.explain_dataset` takes it.
    interval
        Number of epochs from one explanation to the next.
    by_epoch
        Whether `interval` counts epochs; False counts iterations, for loops that know no epochs.
    out
        The folder of the results; `cams` in the runner's work_dir by default.
    part
        Name of the part of the model that takes pictures and returns the answer; by default all of it.
    loading
        Keywords of `camctl.load`: `labels`, `output`, `head`, `precision`.
    options
        Keywords of `camctl.explain_dataset`: `methods`, `targets`, `target_layers`, `smooth` and so on.

    Examples
    --------
    >>> custom_imports = dict(imports=["camctl.hooks"])
    >>> custom_hooks = [dict(type="CamHook", images="watched/", interval=1, targets="label")]
    """

    priority = "LOW"

    def __init__(
        self,
        images: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
        interval: int = 1,
        *,
        by_epoch: bool = True,
        out: str | os.PathLike[str] | None = None,
        part: str = "",
        loading: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> None:
        if interval < 1:
            raise InputError(f"An interval of {interval} is none.", hint="Count from 1.")
        self.interval, self.by_epoch = interval, by_epoch
        self.watch = Watch(images, out, part, loading, options)
        self._training = False

    def before_train(self, runner: Any) -> None:
        """Remember that a training runs, whose validations are not explained once more."""
        self._training = True
        if self.watch.out is None:
            self.watch.out = os.path.join(runner.work_dir, "cams")  # noqa: PTH118 - it may be an address

    def after_train_epoch(self, runner: Any) -> None:
        """Explain the pictures every `interval` epochs."""
        if self.by_epoch and self.every_n_epochs(runner, self.interval):
            self._look(runner, runner.epoch + 1)

    def after_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:  # noqa: ARG002 - MMEngine's
        """Explain the pictures every `interval` iterations, if those are counted."""
        if not self.by_epoch and self.every_n_train_iters(runner, self.interval):
            self._look(runner, runner.iter + 1)

    def after_val_epoch(self, runner: Any, metrics: Any = None) -> None:  # noqa: ARG002 - MMEngine's
        """Explain the pictures where a model is validated alone."""
        if not self._training:
            self._look(runner, runner.epoch)

    def after_train(self, runner: Any) -> None:
        """Tell what it has cost."""
        self._training = False
        if report := self.watch.report():
            runner.logger.info(report)

    def _look(self, runner: Any, number: int) -> None:
        if not is_main_process():
            return
        if self.watch.out is None:
            self.watch.out = os.path.join(runner.work_dir, "cams")  # noqa: PTH118
        module = runner.model.module if is_model_wrapper(runner.model) else runner.model
        self.watch.look(
            module,
            partial(_wrapped, runner=runner, whole=module),
            number,
            unit=EPOCH if self.by_epoch else ITERATION,
            show=lambda tag, pixels: runner.visualizer.add_image(tag, pixels, step=number),
            warn=runner.logger.warning,
        )


def _wrapped(part: nn.Module, *, runner: Any, whole: nn.Module) -> LoadedModel:
    """Return a model of a runner for `camctl.load`: a classifier of mmpretrain with its test pipeline, or another."""
    names = (getattr(runner.visualizer, "dataset_meta", None) or {}).get("classes")
    if part is whole and any(base.__name__ == "BaseClassifier" for base in type(part).__mro__):
        made: LoadedModel = registry.pick("source", "mmpretrain").plugin.wrap(part, runner.cfg, names)
        return made
    loaded = loaded_of(part)
    if "mode" in inspect.signature(part.forward).parameters:
        loaded = replace(loaded, forward=_tensor_mode(part))
    names = tuple(map(str, names)) if names is not None else None
    return replace(loaded, class_names=loaded.class_names or names)


def _tensor_mode(module: nn.Module) -> Callable[[Tensor], Any]:
    """Return a function from a batch to what a model of MMEngine computes in its mode `tensor`."""
    _, *others = inspect.signature(module.forward).parameters.values()
    needed = {
        each.name: None
        for each in others
        if each.default is each.empty and each.kind is each.POSITIONAL_OR_KEYWORD and each.name != "mode"
    }

    def forward(batch: Tensor) -> Any:
        first = next(module.parameters(), None)
        return module(batch if first is None else batch.to(first.device), **needed, mode="tensor")

    return forward
