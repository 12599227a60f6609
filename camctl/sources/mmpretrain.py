"""The source `mmpretrain`: a config file or a name in its index, with weights from a file, an address or the index."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from camctl.errors import Hint, InputError
from camctl.kit.class_names import as_names
from camctl.kit.downloads import load_weights
from camctl.kit.fitting import fit
from camctl.kit.importing import importable
from camctl.kit.name_files import read_names
from camctl.kit.quiet import quiet
from camctl.kit.random_weights import randomise, seeded, settle
from camctl.kit.reporting import reported
from camctl.plugin import LoadedModel, LoadOptions, Source
from camctl.sources import mm_config, mm_layouts, mm_preprocess

if TYPE_CHECKING:
    from torch import Tensor, nn

    from camctl.kit.checkpoints import Weights
    from camctl.kit.plain_preprocess import Preprocess
    from camctl.plugin import ScoreKind

_BLANK_EDGE = 512
_CLASSIFIER = "Give the config of a classifier."
_CHECK = "Check `model` in the config, and the config options."
_HINT = Hint("Set the number of classes", cfg_options="model.head.num_classes=N")
_KINDS = {
    "selfsup": "a self-supervised model, which has no classes",
    "retrievers": "a retriever, which has no classes",
    "multimodal": "not a classifier but a model of pictures and text",
    # Where mmpretrain's requirements for those are missing, it registers a placeholder from here.
    "dependency": "not a classifier but a model of pictures and text",
}


class Mmpretrain(Source):
    """Any classifier that mmpretrain can build."""

    summary = "A config file of mmpretrain, or a name of its index such as resnet50_8xb32_in1k."
    example = "resnet50_8xb32_in1k"

    def load(self, reference: str, checkpoint: str | None, device: str, options: LoadOptions) -> LoadedModel:
        """Build the model and load its weights; names and paths are checked before torch is imported.

        Raises `InputError`, `UnknownNameError`, or `CamctlError` if a download fails.
        """
        found = mm_config.find_config(reference)
        with importable(found.path.parent):  # where a trusted checkpoint's own code lies
            weights = load_weights(checkpoint or (None if options.random_weights else found.weights), options)
        if weights is None and not options.random_weights:
            message = f"No weights: '{reference}' needs a checkpoint."
            hint = Hint("Give a checkpoint file or address after it, or try the model with", random_weights=True)
            raise InputError(message, hint=hint)
        return load_config(reference, found, weights, device, options)

    def names(self) -> list[str]:
        """Names in mmpretrain's index, which is read as text."""
        return [name for name, _ in mm_config.published_names().values()]

    def wrap(self, module: nn.Module, config: Any, class_names: Any = None) -> LoadedModel:
        """Make a `LoadedModel` of a classifier that a runner has built from this config, without changing it."""
        steps = mm_preprocess.find_pipeline(config)
        notes = () if steps else (mm_preprocess.DEFAULT_NOTE,)
        path = Path(getattr(config, "filename", None) or "the config")
        preprocess = _make_preprocess(steps or mm_preprocess.DEFAULT_PIPELINE, module, path)
        blank = _blank(preprocess, path, _BLANK_EDGE)
        return LoadedModel(
            name=type(module).__name__,
            source="mmpretrain",
            module=module,
            forward=_make_forward(module),
            preprocess=preprocess,
            input_size=(int(blank.shape[-2]), int(blank.shape[-1])),
            class_names=as_names(class_names),
            output="logits",
            score=next(iter(_scores(getattr(module, "head", None))), "softmax"),
            notes=notes,
        )


def load_config(
    name: str, found: mm_config.Found, weights: Weights | None, device: str, options: LoadOptions
) -> LoadedModel:
    """Load a model of this config with weights, by default random ones."""
    from camctl.sources.repairs import repair

    notes = found.notes
    with quiet(), importable(found.path.absolute().parent):
        _import_models()
        config = mm_config.read_config(found.path, options.cfg_options)
        with seeded(options.seed):
            module = _build(name, config)
        if weights is None:
            with reported(f"The model of '{name}' cannot be given random weights", _CHECK):
                randomise(module, options.seed)
        else:
            notes += fit(module, weights, hint=_HINT, where="the config")
        module.eval()
        _forget_training(module)
        repaired = repair(module) if options.repairs else ()
        steps = mm_preprocess.find_pipeline(config)
        if steps is None:
            steps, notes = mm_preprocess.DEFAULT_PIPELINE, (*notes, mm_preprocess.DEFAULT_NOTE)
        elif mm_layouts.is_old(steps):
            steps, notes = mm_layouts.modern(steps), (*notes, mm_layouts.OLD_NOTE)
        preprocess = _make_preprocess(steps, module, found.path)
        blank = _blank(preprocess, found.path, _BLANK_EDGE)
        if blank.shape[-2:] == (_BLANK_EDGE, _BLANK_EDGE):
            notes += ("The config's test pipeline does not resize: pictures are used at their own size.",)
            is_cifar = mm_layouts.kind_of(mm_preprocess.test_dataset(config)).startswith("CIFAR")
            blank = _blank(preprocess, found.path, 32 if is_cifar else 224)
        module.to(device)
        forward = _make_forward(module)
        if weights is None:
            with reported(f"The model of '{name}' fails on a blank picture", _CHECK):
                settle(module, forward, tuple(blank.shape), options.seed)
        classes = _count_classes(module, forward, blank)
        class_names, note = _class_names(weights, config, classes, found.path.absolute().parent)
        notes += note
    return LoadedModel(
        name=name,
        source="mmpretrain",
        module=module,
        forward=forward,
        preprocess=preprocess,
        input_size=(int(blank.shape[-2]), int(blank.shape[-1])),
        class_names=class_names,
        output="logits",
        score=next(iter(_scores(getattr(module, "head", None))), "softmax"),
        checkpoint=weights.origin if weights else None,
        random_weights=weights is None,
        repairs=repaired,
        notes=notes,
    )


def _import_models() -> None:
    """Import mmpretrain's models. This takes seconds; pausing garbage collection saves about a tenth."""
    import gc

    enabled = gc.isenabled()
    gc.disable()
    try:
        import mmpretrain.models  # noqa: F401
    finally:
        if enabled:
            gc.enable()


def _build(name: str, config: Any) -> nn.Module:
    """Build the config's model without downloads. Raises `InputError` if it is no classifier."""
    from mmengine.registry import DefaultScope
    from mmpretrain.registry import MODELS

    settings = mm_config.without_downloads(config.model)
    settings.setdefault("data_preprocessor", config.get("data_preprocessor"))
    kind = settings["type"] if isinstance(settings["type"], str) else getattr(settings["type"], "__name__", "")
    if not kind:
        message = f"The model's `type` in '{name}' is {settings['type']!r}, which names no class."
        raise InputError(message, hint=_CHECK)
    with DefaultScope.overwrite_default_scope("mmpretrain"):
        _check_kind(name, kind, _registered(settings["type"], MODELS))
        with reported(f"The model of '{name}' cannot be built", _CHECK):
            module: nn.Module = MODELS.build(settings)
    head = getattr(module, "head", None)
    if _is_a(module, "ImageClassifier") and head is None:
        message = f"'{name}' is a backbone without a head: it outputs features, not classes."
        raise InputError(message, hint="Give the config of a classifier, such as one that fine-tunes this backbone.")
    if len(_scores(head)) > 1:
        message = f"'{name}' has tasks with one class and tasks with several classes a picture (MultiTaskHead)."
        raise InputError(message, hint="Give a config with heads of one kind.")
    return module


def _check_kind(name: str, kind: str, found: Any) -> None:
    if found is None:
        what = "which is not a classifier of mmpretrain"
    elif any(base.__name__ == "BaseClassifier" for base in getattr(found, "__mro__", ())):
        return
    else:
        kinds = (text for part, text in _KINDS.items() if f".{part}." in f"{found.__module__}.")
        what = next(kinds, "not a classifier")
    raise InputError(f"'{name}' describes {kind}, {what}.", hint=_CLASSIFIER)


def _registered(kind: Any, registry: Any) -> Any:
    """The class of a `type`; None if it is unknown."""
    if not isinstance(kind, str):
        return kind
    with suppress(Exception):  # the registry raises various things for names it does not know
        return registry.get(kind)
    return None


def _forget_training(module: nn.Module) -> None:
    """Switch off gradient checkpointing, which runs parts of the forward pass twice, without hooks."""
    for part in module.modules():
        for switch in ("with_cp", "use_checkpoint"):
            if getattr(part, switch, False) is True:
                setattr(part, switch, False)


def _make_preprocess(steps: Any, module: Any, path: Path) -> Preprocess:
    from mmengine.registry import DefaultScope

    hint = "Check `test_pipeline` in the config."
    with (
        reported(f"The test pipeline in '{path}' cannot be built", hint),
        DefaultScope.overwrite_default_scope("mmpretrain"),
    ):
        return mm_preprocess.make_preprocess(steps, module.data_preprocessor)


def _blank(preprocess: Preprocess, path: Path, edge: int) -> Tensor:
    import numpy as np

    hint = "Check `test_pipeline` and `data_preprocessor` in the config."
    with reported(f"The test pipeline in '{path}' fails on a blank picture", hint):
        return preprocess(np.zeros((edge, edge, 3), np.uint8))


def _scores(head: Any) -> set[ScoreKind]:
    """How logits become scores, of every task that a head has."""
    if _is_a(head, "MultiTaskHead"):
        return {score for task in head.task_heads.values() for score in _scores(task)}
    return {"sigmoid" if _is_a(head, "MultiLabelClsHead") else "softmax"}


def _make_forward(module: nn.Module) -> Callable[[Tensor], Any]:
    """Make a function from a batch (N, 3, h, w) to the logits (N, classes) of a prediction, or of each task."""
    # Conformer has two outputs, of its convolutions and its transformer; its prediction adds them. All other heads with
    # two outputs (distilled DeiT, LeViT, EfficientFormer) average them in their forward pass.
    adds = _is_a(getattr(module, "head", None), "ConformerHead")

    def forward(batch: Tensor) -> Any:
        import torch

        device = next(module.parameters()).device
        output = module(batch.to(device), mode="tensor")
        if isinstance(output, Mapping):
            return output  # a task's logits by its name
        if adds and isinstance(output, tuple):
            output = output[0] + output[1]
        if isinstance(output, tuple | list) and len(output) == 1:
            (output,) = output
        if isinstance(output, torch.Tensor) and output.dim() == 1 and len(batch) == 1:
            output = output.unsqueeze(0)  # LeNet squeezes a batch of one away
        if not isinstance(output, torch.Tensor) or output.dim() != 2:  # noqa: PLR2004
            shape = tuple(output.shape) if isinstance(output, torch.Tensor) else type(output).__name__
            message = f"The model's head gives {shape}, not one score a class (N, classes)."
            raise InputError(message, hint=_CLASSIFIER)
        return output

    return forward


def _count_classes(module: nn.Module, forward: Callable[[Tensor], Any], blank: Tensor) -> int:
    """Number of logits, from the head's attribute or else from a forward pass; 0 of several tasks."""
    import torch

    head = getattr(module, "head", None)
    count = getattr(head, "num_classes", None)
    if isinstance(count, int) and count > 0:
        return count
    hint = "Check that `test_pipeline` fits the model in the config."
    with torch.no_grad(), reported("The model fails on a blank picture", hint):
        logits = forward(blank.unsqueeze(0))
    return 0 if isinstance(logits, Mapping) else int(logits.shape[1])


def _class_names(
    weights: Weights | None, config: Any, classes: int, folder: Path
) -> tuple[tuple[str, ...] | None, tuple[str, ...]]:
    """Class names of the checkpoint, else the config, else the dataset, with one name a logit; and a note on which."""
    from mmpretrain.registry import DATASETS

    dataset = mm_preprocess.test_dataset(config)
    # Looked up, never imported: the dataset is not needed.
    known = {**(DATASETS.parent.module_dict if DATASETS.parent else {}), **DATASETS.module_dict}
    kind = dataset.get("type")
    metainfo = dataset.get("metainfo")
    own = (
        weights.class_names if weights else None,
        _listed(metainfo.get("classes"), folder) if isinstance(metainfo, Mapping) else None,
        _listed(dataset.get("classes"), folder),
    )
    usual = as_names(getattr(known.get(mm_layouts.kind_of(dataset), kind), "METAINFO", {}).get("classes"))
    names = next((names for names in (*own, usual) if names and len(names) == classes), None)
    wrong = next(filter(None, own), None)
    if names or not wrong:
        return names, weights.naming(names) if weights else ()
    return None, (f"There are {len(wrong)} class names, and the model has {classes} classes: they are not used.",)


def _listed(classes: Any, folder: Path) -> tuple[str, ...] | None:
    """Class names in a config: a list, or a file with one per line, in the current folder or the config's."""
    if not isinstance(classes, str):
        return as_names(classes)
    files = (Path(classes).expanduser(), folder / classes)
    file = next((file for file in files if os.path.isfile(file)), None)  # noqa: PTH113 - it answers for any text
    return read_names(file) if file else None


def _is_a(module: object, kind: str) -> bool:
    return any(each.__name__ == kind for each in type(module).__mro__)
