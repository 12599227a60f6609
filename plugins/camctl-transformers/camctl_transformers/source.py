"""The source `transformers:NAME_OR_FOLDER`."""

from __future__ import annotations

import re
from typing import Any

from camctl.errors import InputError
from camctl.kit.bands import RGB
from camctl.kit.downloads import check_checkpoint, load_weights
from camctl.kit.importing import refuse_options
from camctl.kit.random_weights import LIKE_PICTURES, settle
from camctl.plugin import LoadedModel, LoadOptions, ScoreKind, Source
from camctl_transformers.building import at_random, has_head, with_weights
from camctl_transformers.finding import Found, families_known, find
from camctl_transformers.forwards import forward_of, has_no_object
from camctl_transformers.processing import channels_of, preprocessing
from camctl_transformers.tasks import Task, refusal, task_of
from camctl_transformers.zero_shot import SIGMOID, USAGE, zero_shot_forward

DEPTH = "depth"
_PLACEHOLDER = re.compile(r"LABEL_\d+")


class Transformers(Source):
    """Image models of transformers by name or folder, and zero-shot classifiers with the user's texts."""

    summary = (
        "transformers' image models: a hub name or a folder made by save_pretrained; classifiers, detectors, "
        "segmenters, depth estimators, encoders; CLIP and SigLIP by texts."
    )
    example = "google/vit-base-patch16-224"

    def load(self, reference: str, checkpoint: str | None, device: str, options: LoadOptions) -> LoadedModel:
        """Load a model for what it was saved for; `options.labels` are the texts of a zero-shot model.

        Raises `InputError` for what the user can correct, `CamctlError` if a model cannot be downloaded.
        """
        check_checkpoint(checkpoint, options)
        refuse_options(options.cfg_options, "the source transformers")
        found = find(reference, random_weights=options.random_weights)
        weights = load_weights(checkpoint, options)
        task = _task(found, reference, options, headed=has_head(weights, found))
        notes: tuple[str, ...] = ()
        if options.random_weights:
            module, source = at_random(task.kind, found, options.seed), None
        else:
            module, source, notes = with_weights(task, found, weights, checkpoint, device, options)
        loaded = _loaded(reference, module, found, task, options, notes=notes, checkpoint=source)
        module.to(device)
        return loaded


def _task(found: Found, reference: str, options: LoadOptions, *, headed: bool) -> Task:
    """What the model is loaded for. Raises `InputError` if it can be asked nothing, or lacks texts."""
    named, texts = bool(found.name), options.labels
    task = task_of(found.config, named=named, wanted=options.output, texts=texts, headed=headed)
    if task is None:
        raise refusal(reference, found.config, families_known("classification"))
    if task.name == "texts" and not texts:
        raise InputError(f"'{reference}' scores pictures against texts, and none were given.", hint=USAGE)
    return task


def _loaded(reference: str, module: Any, found: Found, task: Task, options: LoadOptions, **more: Any) -> LoadedModel:
    config = found.config
    preprocess, size, note = preprocessing(found)
    channels = channels_of(config)
    texts = options.labels if task.name == "texts" else ()
    forward = zero_shot_forward(module, found, texts) if texts else forward_of(module, config, task.name, options.seed)
    if options.random_weights:
        settle(module, forward, (channels, *size), options.seed, scales=LIKE_PICTURES)
    return LoadedModel(
        name=f"transformers:{reference}",
        source="transformers",
        module=module,
        forward=forward,
        preprocess=preprocess,
        input_size=size,
        bands=RGB if channels == 1 else channels,
        class_names=texts or _class_names(module.config, task),
        output=task.output,
        score=_score(module, config, task),
        random_weights=options.random_weights,
        notes=(*more["notes"], *((note,) if note else ())),
        checkpoint=more["checkpoint"],
    )


def _score(module: Any, config: Any, task: Task) -> ScoreKind:
    """How the model's numbers become scores."""
    if task.name == "depth":
        return "value"
    if task.name == "detection":
        return "softmax" if has_no_object(module) else "sigmoid"
    multi_label = getattr(config, "problem_type", None) == "multi_label_classification"
    sigmoid = config.model_type in SIGMOID if task.name == "texts" else multi_label
    return "sigmoid" if sigmoid else "softmax"


def _class_names(config: Any, task: Task) -> tuple[str, ...] | None:
    """Names of the columns of the output."""
    if task.name == "encoding":
        return None
    return (DEPTH,) if task.name == "depth" else _names(config)


def _names(config: Any) -> tuple[str, ...] | None:
    """Class names in the order of the logits; None if they are placeholders."""
    names = config.id2label or {}
    ordered = tuple(str(names[key]) for key in sorted(names))
    if not ordered or len(ordered) != config.num_labels or all(_PLACEHOLDER.fullmatch(name) for name in ordered):
        return None
    return ordered
