"""Names of torchvision's models: which can be explained, and what to say of the others."""

from __future__ import annotations

from difflib import get_close_matches

from camctl.errors import InputError, UnknownNameError

OTHERS = {
    "quantization": "a quantised model, which has no gradients",
    "detection": "a detection model, and camctl explains classifiers",
    "segmentation": "a segmentation model, and camctl explains classifiers",
    "video": "a video model, and camctl explains classifiers of pictures",
    "optical_flow": "an optical-flow model, and camctl explains classifiers",
}
"""Part of `torchvision.models` -> what its models are."""


def classifiers() -> list[str]:
    """Every classification model by name."""
    from torchvision import models

    return list(models.list_models(module=models))


def check_name(reference: str) -> str:
    """The name as torchvision spells it. Raises `InputError` for what is no classifier, `UnknownNameError`."""
    from torchvision import models

    name = reference.strip().lower().replace("-", "_")
    known = classifiers()
    if name in known:
        return name
    for part, what in OTHERS.items():
        if name in models.list_models(module=getattr(models, part)):
            plain = name.removeprefix("quantized_")
            near = [plain] if plain in known else get_close_matches(name, known, n=3, cutoff=0.3)
            hint = (
                f"Try {' or '.join(f'torchvision:{each}' for each in near)}." if near else "Try torchvision:resnet50."
            )
            raise InputError(f"'{reference}' is {what}.", hint=hint)
    raise UnknownNameError("torchvision model", reference, known)
