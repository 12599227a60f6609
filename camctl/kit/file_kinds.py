"""Files that people take for checkpoints: what each is, and what to give instead."""

from __future__ import annotations

import re
import zipfile
from contextlib import suppress
from pathlib import Path

from camctl.errors import Hint, InputError

START = 512
"""Bytes from a file's beginning that tell its kind."""

_PYTHON = "Give the weights as the Python model's state dict: torch.save(model.state_dict(), 'weights.pth')."
_BLACK_BOX = "Give it as the model, a black box: {}:FILE. Or, for all methods, the Python model and its state dict."
_ANEW = "Copy or download it again."
_TORCH = "Give a checkpoint of torch: torch.save(model.state_dict(), 'weights.pth')."
_UNPACK = "Unpack it, and give the checkpoint that it holds."

_MAGIC: tuple[tuple[re.Pattern[bytes], str, str], ...] = (
    (
        re.compile(rb"version https://git-lfs"),
        "is a pointer of Git LFS, not the file itself",
        "Fetch the file: git lfs pull, or download it from the repository's page.",
    ),
    (re.compile(rb"\s*<(!doctype|html|head|body)", re.IGNORECASE), "is a web page", _ANEW),
    (re.compile(rb"\s*<\?xml|\s*<Error"), "is XML: a server's answer, or a model of another tool", _ANEW),
    (re.compile(rb"\x89HDF"), "is HDF5, in which Keras saves models", _TORCH),
    (re.compile(rb"....TFL3", re.DOTALL), "is a model of TensorFlow Lite", _TORCH),
    (re.compile(rb"GGUF|ggml|ggjt"), "is a model of llama.cpp (GGUF)", _TORCH),
    (re.compile(rb"\x1f\x8b|BZh|\xfd7zXZ|7z\xbc\xaf|Rar!|\x28\xb5\x2f\xfd"), "is a packed file", _UNPACK),
    (re.compile(rb".{257}ustar", re.DOTALL), "is a tar archive", _UNPACK),
    (re.compile(rb"\x93NUMPY"), "is an array of numpy, not weights by name", _TORCH),
    (re.compile(rb"\x89PNG|\xff\xd8\xff|GIF8|BM.{4}\0\0\0\0", re.DOTALL), "is a picture", "Give the picture first."),
    (re.compile(rb"%PDF"), "is a PDF", "Check the path."),
)
"""How the file begins, what it is, and what to do."""
_ONNX = re.compile(rb"\x08[\x01-\x20](\x12.[\x20-\x7e]+|:|B)", re.DOTALL)
_NOT_ONNX = _BLACK_BOX.format("onnx")
_ARCHIVES: tuple[tuple[re.Pattern[str], str, str], ...] = (
    (
        re.compile(r"(^|/)code/__torch__|(^|/)constants\.pkl$"),
        "is TorchScript: a program, not weights alone",
        _BLACK_BOX.format("torchscript"),
    ),
    (
        re.compile(r"serialized_exported_program|(^|/)archive_format$|(^|/)models/\w+\.json$"),
        "is a program of torch.export: it cannot be looked into",
        _BLACK_BOX.format("export"),
    ),
    (re.compile(r"\.weights\.h5$"), "is a model of Keras", _TORCH),
    (re.compile(r"\.npy$"), "is an archive of numpy arrays", _TORCH),
    (re.compile(r"\.caffe2$|(^|/)bytecode\.pkl$"), "is a model for phones (TorchScript)", _PYTHON),
)
_TEXT = re.compile(rb"[\t\n\r\x20-\x7e]*")


def check_kind(file: Path, start: bytes) -> None:
    """Raise `InputError` for a file that cannot hold weights of torch, which says what it is and what works."""
    for pattern, what, hint in _MAGIC:
        if pattern.match(start):
            raise not_weights(file, what, hint)
    if start.startswith(b"PK"):
        _check_archive(file)
    if _ONNX.match(start) and (file.suffix == ".onnx" or b"torch" in start or b"onnx" in start or b"tf2" in start):
        raise not_weights(file, "is a model of ONNX", _NOT_ONNX)
    if file.suffix in {".pb", ".mlmodel", ".engine", ".plan", ".tflite", ".msgpack", ".param"}:
        raise not_weights(file, f"is a model of another library ({file.suffix})", _TORCH)


def folder_kind(folder: Path) -> tuple[str, str] | None:
    """What a folder is that holds no plain checkpoint, and what to do; None if it is nothing special."""
    if (folder / "adapter_config.json").is_file():
        return adapter_words(folder)
    if (folder / "saved_model.pb").is_file():
        return "is a SavedModel of TensorFlow", _TORCH
    if (folder / "latest").is_file() and any(folder.glob("*/mp_rank_*")):
        return "is a checkpoint of DeepSpeed in parts", "Join it: python zero_to_fp32.py . weights.pth"
    if (folder / ".metadata").is_file():
        text = "Join it: python -m torch.distributed.checkpoint.format_utils dcp_to_torch FOLDER weights.pth"
        return "is a checkpoint of torch.distributed in parts", text
    return None


def adapter_words(folder: Path) -> tuple[str, str]:
    """What an adapter's folder is, with the name of the model that it adapts, and what to do."""
    import json

    base = ""
    with suppress(OSError, ValueError, AttributeError):
        base = str(json.loads((folder / "adapter_config.json").read_text("utf-8")).get("base_model_name_or_path") or "")
    what = f"is an adapter of PEFT{f' for {base}' if base else ''}: a few changes of that model, not a model"
    return what, "Merge it, and save the whole model: PeftModel.from_pretrained(...).merge_and_unload()."


def not_weights(file: Path, what: str, hint: str | Hint) -> InputError:
    """The error for a file that is of another kind."""
    return InputError(f"'{file}' is not a readable checkpoint: it {what}.", hint=hint)


def is_text(start: bytes) -> bool:
    """Whether a file begins like a text."""
    return bool(_TEXT.fullmatch(start))


def _check_archive(file: Path) -> None:
    try:
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
    except Exception:  # noqa: BLE001 - a damaged archive is reported where it is read
        return
    for pattern, what, hint in _ARCHIVES:
        if any(map(pattern.search, names)):
            raise not_weights(file, what, hint)
    if names and not any(name.endswith("data.pkl") for name in names):
        raise not_weights(file, "is an archive of other files", _UNPACK)
