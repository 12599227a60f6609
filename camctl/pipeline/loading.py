"""Models, from what the user calls them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from camctl import registry
from camctl.plugin import LoadedModel, LoadOptions

if TYPE_CHECKING:
    from pathlib import Path

    from torch import nn

    AnyModel = LoadedModel | nn.Module | str


def load(  # noqa: PLR0913
    model: str,
    checkpoint: str | Path | None = None,
    *,
    device: str = "cpu",
    random_weights: bool = False,
    seed: int = 0,
    trust_checkpoint: bool = False,
    repairs: bool = True,
    cfg_options: Mapping[str, Any] | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> LoadedModel:
    """Load a classifier.

    Parameters
    ----------
    model: a config file, a model name of mmpretrain, or `source:reference`, such as `demo:vit`.
    checkpoint: a file or an http(s) address; None takes the published weights of a model name.
    device: `cpu`, `cuda`, `cuda:1`, `mps` or `auto`.
    random_weights: draw all weights from `seed`, to try things without a checkpoint.
    trust_checkpoint: let the checkpoint run code while it is read.
    repairs: mend known defects of the model's own library.
    progress: called as `progress(text, done, total)` while a file is fetched.

    Raises `InputError` for what the user can mend, `PluginError` where a source fails.
    """
    source, reference = registry.split_model(model)
    picked = registry.pick("source", source)
    from camctl.engine.device import pick_device

    options = LoadOptions(
        random_weights=random_weights,
        seed=seed,
        trust_checkpoint=trust_checkpoint,
        repairs=repairs,
        cfg_options=cfg_options or {},
        progress=progress,
    )
    place = pick_device(device)
    with registry.at_work(picked):
        loaded = picked.plugin.load(reference, str(checkpoint) if checkpoint is not None else None, place, options)
        if not isinstance(loaded, LoadedModel):
            message = f"it gave a {type(loaded).__name__}, not a LoadedModel"
            raise TypeError(message)
        return loaded


def loaded_of(model: AnyModel) -> LoadedModel:
    """The model itself, whether it comes loaded, as a text that `load` takes, or as a module of one's own."""
    if isinstance(model, LoadedModel):
        return model
    if isinstance(model, str):
        return load(model)
    wrapped: LoadedModel = registry.pick("source", "python").plugin.wrap(model)
    return wrapped
