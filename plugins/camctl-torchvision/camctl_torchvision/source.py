"""The source `torchvision:NAME`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from camctl.errors import InputError
from camctl.plugin import Checkpoint, LoadedModel, LoadOptions

if TYPE_CHECKING:
    from camctl_torchvision.files import Weights

NO_CFG_OPTIONS = "--cfg-options has no meaning for torchvision's models and was not used."
SETTLING = 224
"""Pixels a side that are enough for batch norms to settle on; a net of fixed size gets its own."""


class Torchvision:
    """Every classification model of torchvision, with its published weights, transforms and class names."""

    summary = "torchvision's classifiers: torchvision:resnet50; CHECKPOINT is a file, or weights such as IMAGENET1K_V2."

    def load(self, reference: str, checkpoint: str | None, device: str, options: LoadOptions) -> LoadedModel:
        """Load a model by name, with its default weights, weights by name, a file or an address.

        Raises `InputError` for what the user can mend, `CamctlError` where weights cannot be fetched.
        """
        from camctl_torchvision.names import check_name

        name = check_name(reference)
        if checkpoint is not None and not checkpoint.strip():
            raise InputError("The checkpoint's name is empty.", hint="Give a file, or leave it out.")
        if checkpoint is not None and options.random_weights:
            message = f"Both the checkpoint '{checkpoint}' and random weights were asked for."
            raise InputError(message, hint="Leave out the checkpoint or --random-weights.")
        loaded = _at_random(name, options) if options.random_weights else _with_weights(name, checkpoint, options)
        loaded.module.to(device)
        return loaded


def _at_random(name: str, options: LoadOptions) -> LoadedModel:
    """Random weights, seen through the transforms and class names of the default ones."""
    from camctl_torchvision.fitting import build
    from camctl_torchvision.published import class_names, default_of, size_of
    from camctl_torchvision.random_weights import enliven, seeded, settle

    weights = default_of(name)
    transforms = weights.transforms()
    size = size_of(transforms)
    names = class_names(weights)
    with seeded(options.seed):
        module = build(name, classes=len(names), size=size[0])
    enliven(module, options.seed)
    module.eval()
    settle(module, module, (min(size[0], SETTLING), min(size[1], SETTLING)), options.seed)
    return _loaded(name, module, transforms, names, random_weights=True, notes=_notes(options))


def _with_weights(name: str, checkpoint: str | None, options: LoadOptions) -> LoadedModel:
    """The weights that a checkpoint names, by default the library's best."""
    from camctl_torchvision import published
    from camctl_torchvision.fetching import fetch, is_address
    from camctl_torchvision.files import read
    from camctl_torchvision.fitting import build, classes_in, fit, size_in

    weights = published.default_of(name)
    if checkpoint is not None:
        weights = None if is_address(checkpoint) else published.named(name, checkpoint)
    if weights is not None:
        given, path = str(weights.url), fetch(weights.url, options.progress)
    else:
        given = str(checkpoint)
        path = fetch(given, options.progress) if is_address(given) else Path(given).expanduser()
    file = read(path, trust=options.trust_checkpoint)
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
    notes.extend(fit(module, file, name))
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
