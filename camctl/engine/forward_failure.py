"""Why a model's forward pass failed, in the user's words, and a hint that fits the cause."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from camctl.errors import InputError, one_line

if TYPE_CHECKING:
    from torch import Tensor

SEVERAL = re.compile(r"missing \d+ required (?:positional|keyword-only) arguments?: (.+)")
CHANNELS = re.compile(
    r"expected input\[[^\]]*\] to have (\d+) channels, but got (\d+)|should contain (\d+) elements not (\d+)"
)
DEVICE = re.compile(
    r"same device|torch\.cuda\.\w+Tensor\) and weight type \(torch\.\w+Tensor|Expected.*on (?:cuda|cpu)"
)
PRECISION = re.compile(r"same dtype|(?:bias|weight) type|scalar type (?:Half|BFloat16|Float|Double)|input dtype")
INDICES = re.compile(r"argument #1 'indices'")
SIZE = re.compile(
    r"shapes cannot be multiplied|doesn't match model|[Kk]ernel size can't be greater|size of tensor a|"
    r"is invalid for input of size|size mismatch|output size is too small|smaller than kernel|expected .* size"
)

OWN_SIZE = "A module of your own states its size by an attribute: input_size = (height, width)."


def failure(error: BaseException, inputs: Tensor) -> InputError:
    """Return the error that stands for what a forward pass on these inputs raised."""
    text = " ".join(str(error).split())
    shape = tuple(inputs.shape)
    if isinstance(error, TypeError) and (match := SEVERAL.search(text)):
        names = match[1].rstrip(".")
        message = f"The model takes more than one input: besides the picture, its forward pass needs {names}."
        hint = f"Explain a module that holds {names} and takes the picture alone; a python: factory can return it."
        return InputError(message, hint=hint)
    message = f"The model fails on an input of shape {shape}: {one_line(error)}"
    if match := CHANNELS.search(text):
        wanted, got = match[1] or match[4], match[2] or match[3]
        hint = f"A layer wants {wanted} channels and gets {got}. A module of your own can make them in `preprocess`."
        return InputError(message, hint=hint)
    if DEVICE.search(text):
        hint = "Some of its tensors are on another device: make them parameters or buffers, so that they move with it."
    elif PRECISION.search(text):
        hint = "Its layers differ in precision: convert all of it, such as with `.float()`."
    elif INDICES.search(text):
        hint = "It takes indices such as words, not a picture. Explain the part of it that takes the picture."
    elif SIZE.search(text):
        hint = f"The size may be wrong. {OWN_SIZE}"
    else:
        hint = "Check that it runs by itself on such an input."
    return InputError(message, hint=hint)
