"""The demo models: tiny networks of mmpretrain, trained on drawn scenes, shipped with camctl."""

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

QUESTIONS = ("segmenter", "detector", "regressor", "encoder")
"""Models of `demo_nets`, made of the ResNet."""

FOLDER = Path(__file__).resolve().parent.parent / "demo" / "models"


class Demo(Source):
    """Four classifiers, and four nets that answer other questions; a checkpoint replaces the shipped one."""

    summary = "Tiny models that come with camctl: resnet, vit, swin, t2t; segmenter, detector, regressor, encoder."
    example = "vit"
    own_weights = True

    def load(self, reference: str, checkpoint: str | None, device: str, options: LoadOptions) -> LoadedModel:
        """Load a demo model by name. Raises `UnknownNameError` for any other name."""
        known = _known()
        name = reference.casefold()
        config = known.get("resnet" if name in QUESTIONS else name)
        if config is None:
            raise UnknownNameError("demo model", reference, [*known, *QUESTIONS])
        weights = load_weights(checkpoint, options)
        if weights is None and not options.random_weights:
            shipped = config.with_suffix(".pth")
            weights = read_checkpoint(shipped, choice=options.weights, named=shipped.name)
        loaded = load_config(f"demo:{name}", Found(path=config), weights, device, options)
        return replace(_asked(loaded, name) if name in QUESTIONS else loaded, source="demo")

    def names(self) -> Iterable[str]:
        """Names of the demo models."""
        return [*_known(), *QUESTIONS]


def _asked(loaded: LoadedModel, name: str) -> LoadedModel:
    """Return the net of another question, made of a loaded ResNet."""
    from camctl.sources.demo_nets import NETS

    net = NETS[name](loaded.module).to(next(loaded.module.parameters()).device).eval()
    return replace(
        loaded,
        module=net,
        forward=net,
        class_names=net.labels(loaded.class_names or ()),
        output="values" if name == "regressor" else None,
    )


def _known() -> dict[str, Path]:
    """Name of each model -> its config."""
    return {file.stem: file for file in sorted(FOLDER.glob("*.py")) if not file.stem.startswith("_")}
