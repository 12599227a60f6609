"""The demo models: tiny classifiers of mmpretrain, trained on drawn scenes, shipped with camctl."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from camctl.errors import UnknownNameError
from camctl.kit.checkpoints import read_checkpoint
from camctl.kit.downloads import load_weights
from camctl.plugin import Source
from camctl.sources.mm_config import Found
from camctl.sources.mmpretrain import load_config

if TYPE_CHECKING:
    from collections.abc import Iterable

    from camctl.plugin import LoadedModel, LoadOptions

FOLDER = Path(__file__).resolve().parent.parent / "demo" / "models"


class Demo(Source):
    """`demo:resnet`, `demo:vit`, `demo:swin` and `demo:t2t`; a checkpoint replaces the shipped one."""

    summary = "The four tiny models that come with camctl: resnet, vit, swin, t2t."
    example = "vit"
    own_weights = True

    def load(self, reference: str, checkpoint: str | None, device: str, options: LoadOptions) -> LoadedModel:
        """Load a demo model by name. Raises `UnknownNameError` for any other name."""
        known = _known()
        config = known.get(reference.casefold())
        if config is None:
            raise UnknownNameError("demo model", reference, list(known))
        weights = load_weights(checkpoint, options)
        if weights is None and not options.random_weights:
            shipped = config.with_suffix(".pth")
            weights = read_checkpoint(shipped, choice=options.weights, named=shipped.name)
        name = f"demo:{config.stem}"
        return replace(load_config(name, Found(path=config), weights, device, options), source="demo")

    def names(self) -> Iterable[str]:
        """Names of the demo models."""
        return _known()


def _known() -> dict[str, Path]:
    """Name of each model -> its config."""
    return {file.stem: file for file in sorted(FOLDER.glob("*.py")) if not file.stem.startswith("_")}
