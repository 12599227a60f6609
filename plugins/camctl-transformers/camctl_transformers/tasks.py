"""What a model of transformers is for: the class to build, and what its output is."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from camctl.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Collection

    from camctl.plugin import OutputKind

TABLES = {
    "classification": ("IMAGE_CLASSIFICATION",),
    "detection": ("OBJECT_DETECTION",),
    "depth": ("DEPTH_ESTIMATION",),
    "segmentation": ("SEMANTIC_SEGMENTATION",),
    "masks": ("UNIVERSAL_SEGMENTATION", "INSTANCE_SEGMENTATION"),
}
"""Task -> transformers' tables of its classes; without a word of the user, a family is for the first of them."""

OUTPUTS: dict[str, OutputKind] = {
    "classification": "logits",
    "texts": "logits",
    "detection": "boxes",
    "depth": "dense",
    "segmentation": "dense",
    "masks": "dense",
    "encoding": "embedding",
}
"""Task -> what camctl reads of the model's output."""

_TEXTS = "a detector of what a text describes, and reads it besides the picture"
_POINTS = "a segmenter of what points or boxes mark, and reads them besides the picture"
_AREAS = "a detector of text, which gives areas and no boxes"

REFUSED = {
    "clipseg": "a segmenter of what a text describes, and reads it besides the picture",
    "edgetam": _POINTS,
    "grounding-dino": _TEXTS,
    "mm-grounding-dino": _TEXTS,
    "omdet-turbo": _TEXTS,
    "oneformer": "a segmenter that reads its task as a text besides the picture",
    "owlv2": _TEXTS,
    "owlvit": _TEXTS,
    "pp_doclayout_v4": "a detector of quadrilaterals, and boxes have two corners",
    "pp_ocrv5_mobile_det": _AREAS,
    "pp_ocrv5_server_det": _AREAS,
    "pp_ocrv6_medium_det": _AREAS,
    "pp_ocrv6_small_det": _AREAS,
    "sam": _POINTS,
    "sam2": _POINTS,
    "sam3": _POINTS,
    "sam_hq": _POINTS,
    "shieldgemma2": "a language model that answers yes or no",
    "videomt": "a segmenter of videos",
}
"""Family -> what it is, and why it cannot be asked anything."""

UNLISTED = {"timm_wrapper"}
"""Families that have no configuration of their own."""

ENCODERS = {
    "aimv2_vision_model",
    "chinese_clip_vision_model",
    "clip_vision_model",
    "dinov3_convnext",
    "dinov3_vit",
    "internvl_vision",
    "mlcd_vision_model",
    "pixio",
    "radio",
    "siglip2_vision_model",
    "siglip_vision_model",
    "tipsv2_vision_model",
    "vit_mae",
    "vitdet",
}
"""Families of encoders alone."""

_IMAGE_ENCODERS = ("VisionModelWithProjection", "VisionModel")


@dataclass(frozen=True, kw_only=True)
class Task:
    """What a model is loaded for."""

    name: str
    """One of `OUTPUTS`."""
    kind: Any
    """The class to build."""

    @property
    def output(self) -> OutputKind:
        """What its output is."""
        return OUTPUTS[self.name]


def task_of(
    config: Any,
    *,
    named: bool = False,
    wanted: OutputKind | None = None,
    texts: Collection[str] = (),
    headed: bool = False,
) -> Task | None:
    """What a configuration's model is for; None if nothing that camctl can ask.

    The class that saved it decides, then what the user says the output is, then the order of `TABLES`.

    Parameters
    ----------
    named
        Whether it is a folder's or a hub's model, and not a family's default.
    wanted
        What the user says the output is.
    texts
        The user's texts, which make a zero-shot model of a family's default configuration.
    headed
        Whether the weights hold a classifier's head.
    """
    if config.model_type in REFUSED:
        return None
    classes, saved = classes_of(config), tuple(getattr(config, "architectures", None) or ())
    for name, kinds in classes.items():
        own = next((kind for kind in kinds if kind.__name__ in saved), None)
        if own is not None and name != "texts":
            # An encoder's configuration with a classifier's weights, or said to give scores of classes.
            scores = name == "encoding" and (headed or wanted not in {None, "embedding"})
            return Task(name=name, kind=own) if not scores or "classification" not in classes else _first(classes)
    if "texts" in classes and (named or texts or "classification" not in classes):
        # An encoder of pictures and texts gives the pictures' features if nothing is compared with them.
        name = "encoding" if wanted == "embedding" and not texts else "texts"
        return Task(name=name, kind=classes["texts"][0])
    if saved and "encoding" in classes and not headed and wanted in {None, "embedding"}:
        return Task(name="encoding", kind=classes["encoding"][0])
    fitting = {name: kinds for name, kinds in classes.items() if wanted in {None, OUTPUTS[name]}}
    return _first(fitting or classes)


def _first(classes: dict[str, tuple[Any, ...]]) -> Task | None:
    return next((Task(name=name, kind=kinds[0]) for name, kinds in classes.items() if name != "texts"), None)


def classes_of(config: Any) -> dict[str, tuple[Any, ...]]:
    """The classes of each task that a configuration can be built as."""
    from transformers.models.auto import modeling_auto as auto

    found: dict[str, tuple[Any, ...]] = {}
    for name, tables in TABLES.items():
        mappings = (getattr(auto, f"MODEL_FOR_{table}_MAPPING") for table in tables)
        if kinds := tuple(kind for mapping in mappings for kind in _entries(mapping, config)):
            found[name] = kinds
    if any("RfDetrForInstance" in kind.__name__ for kind in found.get("masks", ())):  # boxes, with masks besides
        found["detection"] += found.pop("masks")
    texts = _entries(auto.MODEL_FOR_ZERO_SHOT_IMAGE_CLASSIFICATION_MAPPING, config)
    both = ("get_image_features", "get_text_features")
    if kinds := tuple(kind for kind in texts if all(hasattr(kind, name) for name in both)):
        found["texts"] = kinds
    if not {"detection", "masks"} & set(found) and (kinds := _encoders(auto.MODEL_MAPPING, config)):
        found["encoding"] = kinds
    return found


def _entries(mapping: Any, config: Any) -> tuple[Any, ...]:
    if type(config) not in mapping:
        return ()
    entry = mapping[type(config)]
    return tuple(entry) if isinstance(entry, list | tuple) else (entry,)


def _encoders(mapping: Any, config: Any) -> tuple[Any, ...]:
    """Classes that turn pictures into features, and need nothing besides; not of videos."""
    import transformers

    if hasattr(config, "num_frames"):
        return ()
    saved = [name for name in getattr(config, "architectures", None) or () if name.endswith(_IMAGE_ENCODERS)]
    kinds = [*(getattr(transformers, name, None) for name in saved), *_entries(mapping, config)]
    with suppress(ImportError):  # of a class whose packages are not there
        return tuple(dict.fromkeys(kind for kind in kinds if getattr(kind, "main_input_name", "") == "pixel_values"))
    return ()


def refusal(reference: str, config: Any, families: Collection[str]) -> InputError:
    """The error for a model that camctl can ask nothing."""
    saved = ", ".join(getattr(config, "architectures", None) or ()) or config.model_type
    if (what := REFUSED.get(config.model_type)) is not None:
        return InputError(f"'{reference}' is {what}: {saved}.", hint="Give a model that reads one picture.")
    message = (
        f"'{reference}' is no image classifier, detector, segmenter, depth estimator or encoder of transformers: "
        f"{saved}."
    )
    return InputError(message, hint=f"Families of classifiers: {', '.join(families)}.")


def names_of(*tasks: str) -> list[str]:
    """Families with a class for one of these tasks, as named in configurations."""
    from transformers.models.auto import configuration_auto, modeling_auto

    tables = [f"MODEL_FOR_{table}_MAPPING_NAMES" for task in tasks for table in TABLES.get(task, ())]
    names = {name for table in tables for name in getattr(modeling_auto, table)}
    if "encoding" in tasks:
        names |= ENCODERS & set(configuration_auto.CONFIG_MAPPING_NAMES)
    return sorted(names - set(REFUSED) - UNLISTED)
