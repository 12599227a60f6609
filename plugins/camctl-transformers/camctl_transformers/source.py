"""The source `transformers:NAME_OR_FOLDER`."""

from __future__ import annotations

import re
from typing import Any

from camctl.errors import InputError
from camctl.kit.bands import RGB
from camctl.kit.downloads import check_checkpoint
from camctl.kit.importing import refuse_options
from camctl.kit.random_weights import LIKE_PICTURES, settle
from camctl.plugin import LoadedModel, LoadOptions, Source
from camctl_transformers.building import at_random, classifier_class, is_classifier, with_weights, zero_shot_class
from camctl_transformers.finding import Found, families_known, find
from camctl_transformers.forwards import forward_of
from camctl_transformers.processing import channels_of, preprocessing
from camctl_transformers.zero_shot import SIGMOID, USAGE, zero_shot_forward

_PLACEHOLDER = re.compile(r"LABEL_\d+")


class Transformers(Source):
    """Image classifiers of transformers by name or folder, and zero-shot models with the user's texts."""

    summary = (
        "transformers' image classifiers: a hub name or a folder made by save_pretrained; CLIP and SigLIP by texts."
    )
    example = "google/vit-base-patch16-224"

    def load(self, reference: str, checkpoint: str | None, device: str, options: LoadOptions) -> LoadedModel:
        """Load a classifier; `options.labels` are the texts of a zero-shot model.

        Raises `InputError` for what the user can correct, `CamctlError` if a model cannot be downloaded.
        """
        check_checkpoint(checkpoint, options)
        refuse_options(options.cfg_options, "the source transformers")
        found = find(reference, random_weights=options.random_weights)
        kind, texts = _kind(found, reference, options.labels)
        notes: tuple[str, ...] = ()
        if options.random_weights:
            module, source = at_random(kind, found, options.seed), None
        else:
            module, source, notes = with_weights(kind, found, checkpoint, device, options)
        loaded = _loaded(reference, module, found, texts, options, notes=notes, checkpoint=source)
        module.to(device)
        return loaded


def _kind(found: Found, reference: str, labels: tuple[str, ...]) -> tuple[Any, tuple[str, ...]]:
    """The class to build, and the texts to score pictures against; no texts for a classifier."""
    classifier, zero_shot = classifier_class(found.config), zero_shot_class(found.config)
    # A family's default configuration is of no class; there the user's texts decide.
    by_texts = not is_classifier(found.config) and (bool(found.name) or bool(labels))
    if zero_shot is not None and (classifier is None or by_texts):
        if not labels:
            raise InputError(f"'{reference}' scores pictures against texts, and none were given.", hint=USAGE)
        return zero_shot, labels
    if classifier is None:
        saved = ", ".join(getattr(found.config, "architectures", None) or ()) or found.config.model_type
        message = f"'{reference}' is no image classifier of transformers: {saved}."
        raise InputError(message, hint=f"Families of classifiers: {', '.join(families_known())}.")
    return classifier, ()


def _loaded(
    reference: str, module: Any, found: Found, texts: tuple[str, ...], options: LoadOptions, **more: Any
) -> LoadedModel:
    config = found.config
    preprocess, size, note = preprocessing(found)
    channels = channels_of(config)
    forward = zero_shot_forward(module, found, texts) if texts else forward_of(module, config, options.seed)
    if options.random_weights:
        settle(module, forward, (channels, *size), options.seed, scales=LIKE_PICTURES)
    multi_label = getattr(config, "problem_type", None) == "multi_label_classification"
    sigmoid = config.model_type in SIGMOID if texts else multi_label
    return LoadedModel(
        name=f"transformers:{reference}",
        source="transformers",
        module=module,
        forward=forward,
        preprocess=preprocess,
        input_size=size,
        bands=RGB if channels == 1 else channels,
        class_names=texts or _names(module.config),
        output="logits",
        score="sigmoid" if sigmoid else "softmax",
        random_weights=options.random_weights,
        notes=(*more["notes"], *((note,) if note else ())),
        checkpoint=more["checkpoint"],
    )


def _names(config: Any) -> tuple[str, ...] | None:
    """Class names in the order of the logits; None if they are placeholders."""
    names = config.id2label or {}
    ordered = tuple(str(names[key]) for key in sorted(names))
    if not ordered or len(ordered) != config.num_labels or all(_PLACEHOLDER.fullmatch(name) for name in ordered):
        return None
    return ordered
