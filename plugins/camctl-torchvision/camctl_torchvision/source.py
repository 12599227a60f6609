"""The source `torchvision:NAME`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from camctl.errors import Hint
from camctl.kit.addresses import is_url
from camctl.kit.checkpoints import Weights, read_checkpoint
from camctl.kit.downloads import check_checkpoint, local_file
from camctl.kit.importing import refuse_options
from camctl.kit.random_weights import LIKE_PICTURES, enliven, seeded, settle
from camctl.plugin import LoadedModel, LoadOptions, OutputKind, Source
from camctl_torchvision import published
from camctl_torchvision.fitting import build, classes_in, filled, renamed, size_in
from camctl_torchvision.names import check_name, task_of

HERE_ALREADY = Hint("Give a checkpoint file on this machine, or use", random_weights=True)
OUTPUTS: dict[str, OutputKind] = {"classification": "logits", "segmentation": "dense", "detection": "boxes"}
"""What a model does -> what its output is."""

SETTLING = 224
"""Largest input side in pixels for estimating the statistics of batch norms."""


class Torchvision(Source):
    """torchvision's classifiers, segmenters and detectors, with published weights, transforms and class names."""

    summary = (
        "torchvision's classifiers, segmenters and detectors: torchvision:resnet50; CHECKPOINT is a file, or weights "
        "such as IMAGENET1K_V2."
    )
    example = "resnet50"

    def load(self, reference: str, checkpoint: str | None, device: str, options: LoadOptions) -> LoadedModel:
        """Load a model by name, with its default weights, weights by name, a file or an address.

        Raises `InputError` for what the user can correct, `CamctlError` if weights cannot be downloaded.
        """
        name = check_name(reference)
        refuse_options(options.cfg_options, "the source torchvision")
        check_checkpoint(checkpoint, options)
        loaded = _at_random(name, options) if options.random_weights else _with_weights(name, checkpoint, options)
        loaded.module.to(device)
        return loaded


def _at_random(name: str, options: LoadOptions) -> LoadedModel:
    """Random weights, with the transforms and class names of the default ones."""
    weights = published.default_of(name)
    transforms = weights.transforms()
    size = published.size_of(transforms)
    names = published.class_names(weights)
    with seeded(options.seed):
        module = build(name, classes=len(names), size=size[0], every_box=True)
    enliven(module, options.seed)
    module.eval()
    edges = (min(size[0], SETTLING), min(size[1], SETTLING))
    if task_of(name) != "detection":  # its batch norms are frozen, and it stretches pictures itself
        settle(module, module, (3, *edges), options.seed, scales=LIKE_PICTURES)
    return _loaded(name, module, transforms, names, random_weights=True)


def _with_weights(name: str, checkpoint: str | None, options: LoadOptions) -> LoadedModel:
    """The checkpoint's weights, by default torchvision's."""
    weights = published.default_of(name)
    if checkpoint is not None:
        weights = None if is_url(checkpoint) else published.named(name, checkpoint)
    path = str(weights.url if weights is not None else checkpoint)
    place = local_file(path, options, hint=HERE_ALREADY)
    file = read_checkpoint(place, trust=options.trust_checkpoint, choice=options.weights, named=path)
    file = renamed(file, name)
    notes: list[str] = []
    if weights is None:
        # A file downloaded by hand has the published name.
        known = {published.file_name(member): member for member in published.members_of(name).values()}
        weights = known.get(Path(path).name)
    size = size_in(file.state)
    if weights is not None:
        transforms, names = weights.transforms(), published.class_names(weights)
    else:
        transforms, origin = published.transforms_for(name, size)
        names = published.class_names(published.default_of(name))
        notes.append(f"Preprocessing is that of {origin}; the checkpoint does not define its own.")
    module, remarks = filled(name, file, len(names), options.seed)
    notes.extend(remarks)
    module.eval()
    named = _names_for(file, names)
    notes.extend(file.naming(named))
    return _loaded(name, module, transforms, named, checkpoint=file.origin, notes=tuple(notes))


def _names_for(file: Weights, standard: tuple[str, ...]) -> tuple[str, ...] | None:
    """Class names of the file, else the published ones, if their number fits."""
    count = classes_in(file.state) or len(standard)
    for names in (file.class_names, standard):
        if names is not None and len(names) == count:
            return names
    return None


def _loaded(name: str, module: Any, transforms: Any, names: tuple[str, ...] | None, **more: Any) -> LoadedModel:
    stretched = published.stretched_to(module)
    return LoadedModel(
        name=f"torchvision:{name}",
        source="torchvision",
        module=module,
        forward=module,
        preprocess=published.preprocess_with(transforms, stretched),
        input_size=stretched or published.size_of(transforms),
        class_names=names,
        output=OUTPUTS[task_of(name)],
        **more,
    )
