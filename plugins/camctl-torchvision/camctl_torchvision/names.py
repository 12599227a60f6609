"""Names of torchvision's models, and why some cannot be explained."""

from __future__ import annotations

from difflib import get_close_matches

from camctl.errors import InputError, UnknownNameError

OTHERS = {
    "quantization": "a quantised model, which has no gradients",
    "video": "a video model, and camctl explains classifiers of pictures",
    "optical_flow": "an optical-flow model, and camctl explains classifiers",
}
"""Module of `torchvision.models` -> kind of its models."""


def classifiers() -> list[str]:
    """Every classification model by name."""
    from torchvision import models

    return list(models.list_models(module=models))


def task_of(name: str) -> str:
    """What a model of this name does: `classification`, `segmentation` or `detection`."""
    from torchvision import models

    parts = ("segmentation", "detection")
    return next((part for part in parts if name in models.list_models(module=getattr(models, part))), "classification")


def check_name(reference: str) -> str:
    """Return the name in torchvision's spelling.

    Raises `UnknownNameError` for an unknown name, `InputError` for a model that cannot be explained.
    """
    from torchvision import models

    name = reference.strip().lower().replace("-", "_")
    known = classifiers()
    if name in known or task_of(name) != "classification":
        return name
    for part, what in OTHERS.items():
        if name in models.list_models(module=getattr(models, part)):
            plain = name.removeprefix("quantized_")
            near = [plain] if plain in known else get_close_matches(name, known, n=3, cutoff=0.3)
            hint = (
                f"Try {' or '.join(f'torchvision:{other}' for other in near)}." if near else "Try torchvision:resnet50."
            )
            raise InputError(f"'{reference}' is {what}.", hint=hint)
    raise UnknownNameError("torchvision model", reference, known)
