"""The source `ultralytics:FILE.pt` or `ultralytics:NAME.yaml`."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from camctl.errors import Hint, InputError
from camctl.kit.checkpoints import Weights, file_hash
from camctl.kit.downloads import local_file
from camctl.kit.fitting import fit
from camctl.kit.importing import refuse_options
from camctl.kit.random_weights import LIKE_PICTURES, enliven, seeded, settle
from camctl.plugin import LoadedModel, LoadOptions, Source

SETTINGS = ("imgsz", "nc")
"""Config options, as ultralytics names them: the side of pictures in pixels, and the number of classes."""

SIZES = {"detect": 640, "classify": 224}
"""Side of pictures in pixels, if the checkpoint does not say it."""

ENDINGS = (".yaml", ".yml")


class Ultralytics(Source):
    """ultralytics' classifiers and detectors: a checkpoint, or a YAML file with a checkpoint or random weights."""

    summary = "ultralytics' classifiers and detectors (AGPL-3.0): ultralytics:best.pt or ultralytics:yolo11n.yaml."
    example = "best.pt"
    own_weights = True

    def load(self, reference: str, checkpoint: str | None, device: str, options: LoadOptions) -> LoadedModel:
        """Load a network. Raises `InputError`: it is missing, damaged, not trusted, or not to classify or detect."""
        refuse_options(options.cfg_options, "the source ultralytics", SETTINGS)
        described = reference.lower().endswith(ENDINGS)
        file = checkpoint if described else reference
        if checkpoint is not None and not described:
            message = f"'{reference}' holds its own weights, and '{checkpoint}' is given besides."
            raise InputError(message, hint="Give one of them, or a YAML file and a checkpoint.")
        if described and checkpoint is None and not options.random_weights:
            message = f"'{reference}' describes a network without weights."
            raise InputError(
                message, hint=Hint("Give a checkpoint file after it, or try the network with", random_weights=True)
            )
        return _loaded(reference, None if options.random_weights and described else file, device, options)


def _loaded(reference: str, file: str | None, device: str, options: LoadOptions) -> LoadedModel:
    from camctl_ultralytics import networks, outputs

    weights: Weights | None = None
    notes: tuple[str, ...] = ()
    if file is None:
        if "://" in reference:
            raise InputError(f"'{reference}' is an address, and a network is described by a file.", hint="Download it.")
        found = networks.of_yaml(reference)
    else:
        place = local_file(file, options)
        found = networks.of_checkpoint(place, trust=options.trust_checkpoint)
        weights = Weights(path=place, sha256=file_hash(place), state=found.state, named=file)
        if reference != file:
            found = replace(found, layers=networks.of_yaml(reference).layers)
    task = networks.task_of(found, reference)
    size = _number(options, "imgsz") or found.size or SIZES[task]
    classes = _number(options, "nc") or (len(found.names) if found.names else None)
    with seeded(options.seed):
        module: Any = networks.build(found, task, classes=classes)
    if weights is not None:
        notes = fit(module, weights, hint="Its number of classes is set with nc=N.", where=reference)
    else:
        enliven(module, options.seed)
        if task == "classify":  # a detector's scores would all be 1
            settle(module, module, (3, size, size), options.seed, scales=LIKE_PICTURES)
    module.to(device)
    stride = max(int(module.stride.max()), 32)
    return LoadedModel(
        name=f"ultralytics:{reference}",
        source="ultralytics",
        module=module,
        forward=partial(outputs.boxes if task == "detect" else outputs.logits, module),
        preprocess=outputs.letterboxed(size, stride) if task == "detect" else outputs.classified(size),
        input_size=(size, size),
        class_names=found.names,
        output="boxes" if task == "detect" else "logits",
        checkpoint=weights.origin if weights else None,
        random_weights=weights is None,
        notes=notes,
    )


def _number(options: LoadOptions, name: str) -> int | None:
    """Return a config option that is a whole number; None if it is not given. Raises `InputError`."""
    value = options.cfg_options.get(name)
    if value is None or (isinstance(value, int) and value > 0):
        return value
    raise InputError(f"{name} is a whole number from 1, not {value!r}.", hint="Leave it out for the network's own.")
