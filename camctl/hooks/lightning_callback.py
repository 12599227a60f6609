"""`CamCallback`, a callback of Lightning's trainers."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from camctl.errors import CamctlError, InputError
from camctl.hooks.watch import Watch

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import nn

PACKAGES = ("lightning.pytorch", "pytorch_lightning")
"""The two names under which Lightning is known."""


def _package() -> str:
    """Return the name of Lightning's package: the one that is in use, else one that is there."""
    known = [name for name in PACKAGES if name in sys.modules]
    known += [name for name in PACKAGES if find_spec(name.partition(".")[0])]
    if not known:
        raise CamctlError("Lightning is not installed.", hint="Install it: pip install lightning")
    return known[0]


NAME = _package()

_Callback: Any = import_module(NAME).Callback


class CamCallback(_Callback):
    """Explains fixed pictures as a network of Lightning learns, and changes nothing of the training.

    Parameters
    ----------
    images
        The pictures: a file, a list of files, or a data set as `camctl.explain_dataset` takes it.
    interval
        Number of epochs from one explanation to the next.
    out
        The folder of the results; `cams` in the logger's folder by default.
    part
        Name of the part of the module that takes pictures and returns the answer, such as `net`; by default all of it.
    loading
        Keywords of `camctl.load`: `labels`, `output`, `head`, `precision`.
    options
        Keywords of `camctl.explain_dataset`: `methods`, `targets`, `target_layers`, `smooth` and so on.

    Examples
    --------
    >>> from lightning.pytorch import Trainer                                       # doctest: +SKIP
    >>> trainer = Trainer(max_epochs=10, callbacks=[CamCallback("watched/")])       # doctest: +SKIP
    """

    def __init__(
        self,
        images: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
        interval: int = 1,
        *,
        out: str | os.PathLike[str] | None = None,
        part: str = "",
        loading: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> None:
        if interval < 1:
            raise InputError(f"An interval of {interval} is none.", hint="Count from 1.")
        self.interval = interval
        self.watch = Watch(images, out, part, loading, options)
        self._log = logging.getLogger(f"{NAME}.camctl")

    def on_train_epoch_end(self, trainer: Any, pl_module: nn.Module) -> None:
        """Explain the pictures every `interval` epochs."""
        if (trainer.current_epoch + 1) % self.interval == 0:
            self._look(trainer, pl_module, trainer.current_epoch + 1)

    def on_validation_end(self, trainer: Any, pl_module: nn.Module) -> None:
        """Explain the pictures where a model is validated alone."""
        if trainer.state.fn == "validate":
            self._look(trainer, pl_module, trainer.current_epoch)

    def on_train_end(self, trainer: Any, pl_module: nn.Module) -> None:  # noqa: ARG002 - Lightning's
        """Tell what it has cost."""
        if trainer.is_global_zero and (report := self.watch.report()):
            self._log.info(report)

    def _look(self, trainer: Any, module: nn.Module, number: int) -> None:
        if not trainer.is_global_zero:
            return
        if self.watch.out is None:
            folder = getattr(trainer.logger, "log_dir", None) or trainer.default_root_dir
            self.watch.out = os.path.join(folder, "cams")  # noqa: PTH118 - it may be an address

        def show(tag: str, pixels: NDArray[np.uint8]) -> None:
            for logger in trainer.loggers:
                if hasattr(logger, "log_image"):  # W&B
                    logger.log_image(key=tag, images=[pixels], step=trainer.global_step)
                elif hasattr(logger.experiment, "add_image"):  # TensorBoard
                    logger.experiment.add_image(tag, pixels, number, dataformats="HWC")

        self.watch.look(module, _checked, number, show=show, warn=self._log.warning)


def _checked(part: nn.Module) -> nn.Module:
    """Return a module that can be run. Raises `InputError` for one that leaves that to a part of it."""
    if getattr(type(part), "forward", None) is import_module(NAME).LightningModule.forward:
        parts = [name for name, child in part.named_children() if next(child.parameters(), None) is not None]
        message = f"{type(part).__name__} has no forward, and cannot be given a picture."
        raise InputError(message, hint=f"Name the network in it: part='{parts[0] if parts else 'net'}'")
    return part
