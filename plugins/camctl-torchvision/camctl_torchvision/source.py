"""The source `torchvision:NAME`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from camctl.kit.checkpoints import Weights, read_checkpoint
from camctl.kit.downloads import check_checkpoint, is_url, local_file
from camctl.kit.random_weights import LIKE_PICTURES, enliven, seeded, settle
from camctl.plugin import Checkpoint, LoadedModel, LoadOptions, Source

HERE_ALREADY = "Give a CHECKPOINT file that is already here, or add --random-weights."
NO_CFG_OPTIONS = "--cfg-options has no meaning for torchvision's models and was not used."
SETTLING = 224
"""Pixels a side that are enough for batch norms to settle on; a net of fixed size gets its own."""


class Torchvision(Source):
    """Every classification model of torchvision, with its published weights, transforms and class names."""

    summary = "torchvision's classifiers: torchvision:resnet50; CHECKPOINT is a file, or weights such as IMAGENET1K_V2."
    example = "resnet50"

    def load(self, reference: str, checkpoint: str | None, device: str, options: LoadOptions) -> LoadedModel:
        """Load a model by name, with its default weights, weights by name, a file or an address.

        Raises `InputError` for what the user can mend, `CamctlError` where weights cannot be fetched.
        """
        from camctl_torchvision.names import check_name

        name = check_name(reference)
        check_checkpoint(checkpoint, options)
        loaded = _at_random(name, options) if options.random_weights else _with_weights(name, checkpoint, options)
        loaded.module.to(device)
        return loaded


def _at_random(name: str, options: LoadOptions) -> LoadedModel:
    """Random weights, seen through the transforms and class names of the default ones."""
    from camctl_torchvision.fitting import build
    from camctl_torchvision.published import class_names, default_of, size_of

    weights = default_of(name)
    transforms = weights.transforms()
    size = size_of(transforms)
    names = class_names(weights)
    with seeded(options.seed):
        module = build(name, classes=len(names), size=size[0])
    enliven(module, options.seed)
    module.eval()
    edges = (min(size[0], SETTLING), min(size[1], SETTLING))
    settle(module, module, (3, *edges), options.seed, scales=LIKE_PICTURES)
    return _loaded(name, module, transforms, names, random_weights=True, notes=_notes(options))


def _with_weights(name: str, checkpoint: str | None, options: LoadOptions) -> LoadedModel:
    """The weights that a checkpoint names, by default the library's best."""
    from camctl_torchvision import published
    from camctl_torchvision.fitting import build, classes_in, fill, size_in

    weights = published.default_of(name)
    if checkpoint is not None:
        weights = None if is_url(checkpoint) else published.named(name, checkpoint)
    given = str(weights.url if weights is not None else checkpoint)
    file = read_checkpoint(local_file(given, options, hint=HERE_ALREADY), trust=options.trust_checkpoint)
    notes = list(_notes(options))
    if weights is None:
        # A file fetched by hand keeps the name that it was published under.
        known = {published.file_name(each): each for each in published.members_of(name).values()}
        weights = known.get(Path(given).name)
    size = size_in(file.state)
    if weights is not None:
        transforms, names = weights.transforms(), published.class_names(weights)
    else:
        transforms, origin = published.transforms_for(name, size)
        names = published.class_names(published.default_of(name))
        notes.append(f"Preprocessing is that of {origin}; the checkpoint does not tell its own.")
    module = build(name, classes=classes_in(file.state) or len(names), size=size)
    notes.extend(fill(module, file, name))
    module.eval()
    return _loaded(
        name,
        module,
        transforms,
        _names_for(file, names),
        checkpoint=Checkpoint(path=given, sha256=file.sha256),
        notes=tuple(notes),
    )


def _names_for(file: Weights, published: tuple[str, ...]) -> tuple[str, ...] | None:
    """Class names of the file's own, else the published ones where there are as many."""
    from camctl_torchvision.fitting import classes_in

    count = classes_in(file.state) or len(published)
    for names in (file.class_names, published):
        if names is not None and len(names) == count:
            return names
    return None


def _notes(options: LoadOptions) -> tuple[str, ...]:
    return (NO_CFG_OPTIONS,) if options.cfg_options else ()


def _loaded(name: str, module: Any, transforms: Any, names: tuple[str, ...] | None, **more: Any) -> LoadedModel:
    from camctl_torchvision.published import preprocess_with, size_of

    return LoadedModel(
        name=f"torchvision:{name}",
        source="torchvision",
        module=module,
        forward=module,
        preprocess=preprocess_with(transforms),
        input_size=size_of(transforms),
        class_names=names,
        **more,
    )
