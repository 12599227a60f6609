"""From a name or folder to a network of open_clip, its weights and its texts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from camctl.errors import Hint, InputError, UnknownNameError, one_line
from camctl.kit.checkpoints import Weights, read_checkpoint
from camctl.kit.downloads import fetch, local_file
from camctl.kit.hub import hub_file
from camctl.kit.quiet import quiet
from camctl.kit.random_weights import seeded

if TYPE_CHECKING:
    from torch import Tensor, nn

    from camctl.plugin import LoadOptions

CONFIG = "open_clip_config.json"
"""File of a folder that says what the network is."""

WEIGHTS = ("open_clip_model.safetensors", "open_clip_pytorch_model.bin", "model.safetensors", "pytorch_model.bin")
"""Files of weights in such a folder, the first one that is there."""


def is_folder(reference: str) -> bool:
    """Return whether a reference is a folder of a network."""
    return (Path(reference).expanduser() / CONFIG).is_file()


def name_of(reference: str) -> str:
    """Return what open_clip calls the network. Raises `InputError`: there is none of this name."""
    import open_clip

    if is_folder(reference):
        return f"local-dir:{Path(reference).expanduser()}"
    if "/" in reference or Path(reference).is_dir():
        message = f"There is no folder '{reference}' with a file {CONFIG}."
        raise InputError(message, hint="Give a network by name, such as ViT-B-32, or a folder that open_clip saved.")
    known = open_clip.list_models()
    if reference not in known:
        raise UnknownNameError("network of open_clip", reference, known)
    return reference


def build(name: str, reference: str, seed: int, more: dict[str, Any]) -> nn.Module:
    """Build a network with random weights; `more` are settings of published weights. Raises `InputError`."""
    import open_clip

    try:
        with quiet(), seeded(seed):
            module: nn.Module = open_clip.create_model(name, load_weights=False, pretrained_text=False, **more)
    except Exception as error:
        message = f"open_clip cannot build '{reference}': {one_line(error)}"
        raise InputError(message, hint="Check its configuration and the version of open_clip.") from error
    return module.float().eval()


def weights_of(reference: str, checkpoint: str | None, options: LoadOptions) -> tuple[Weights, dict[str, Any]]:
    """Return the weights of a file, an address, a tag or the folder itself, and settings of a tag's.

    Raises `InputError`: nothing says which weights.
    """
    import open_clip

    more: dict[str, Any] = {}
    if checkpoint is None:
        folder = Path(reference).expanduser()
        files = [folder / name for name in WEIGHTS if (folder / name).is_file()] if is_folder(reference) else []
        if not files:
            raise _without_weights(reference)
        place, named = files[0], str(files[0])
    elif tag := open_clip.get_pretrained_cfg(reference, checkpoint):
        place, named = _fetched(tag, options), f"{reference}, {checkpoint}"
        pictures = {key: tag[key] for key in ("mean", "std", "interpolation", "resize_mode") if tag.get(key)}
        more = {"force_preprocess_cfg": pictures, "force_quick_gelu": bool(tag.get("quick_gelu"))}
    else:
        place, named = local_file(checkpoint, options), checkpoint
    return read_checkpoint(place, trust=options.trust_checkpoint, choice=options.weights, named=named), more


def _fetched(tag: dict[str, Any], options: LoadOptions) -> Path:
    """Return the file of published weights, from a cache or the network."""
    if not tag.get("hf_hub"):
        return fetch(tag["url"], options.progress)
    owner, name, *file = tag["hf_hub"].split("/")
    return hub_file(f"{owner}/{name}", *(filter(None, file) if any(file) else WEIGHTS), progress=options.progress)


def _without_weights(reference: str) -> InputError:
    import open_clip

    tags = open_clip.list_pretrained_tags_by_model(reference)
    message = f"Nothing says which weights '{reference}' gets."
    known = (
        f"Give one of {', '.join(tags)} or a checkpoint file after it, or use"
        if tags
        else "Give a checkpoint file, or use"
    )
    return InputError(message, hint=Hint(known, random_weights=True))


def converted(module: Any, weights: Weights) -> dict[str, Tensor]:
    """Return weights under the names of the network, with positions of its number, as open_clip's own reader does."""
    import torch
    from open_clip import convert, model

    state = convert.convert_state_dict(module, dict(weights.state))
    if "positional_embedding" in state and not hasattr(module, "positional_embedding"):
        state = model.convert_to_custom_text_state_dict(state)
    for name in ("logit_scale", "logit_bias"):
        own = getattr(module, name, None)
        if own is not None and name in state:
            state[name] = state[name].reshape(own.shape)
    if getattr(module, "logit_bias", None) is not None and "logit_scale" in state:
        state.setdefault("logit_bias", torch.zeros_like(module.logit_bias))
    model.resize_pos_embed(state, module)
    model.resize_text_pos_embed(state, module)
    return {name: tensor for name, tensor in state.items() if not name.endswith("embeddings.position_ids")}


def tokens(name: str, reference: str, texts: tuple[str, ...]) -> Tensor:
    """Return the tokens (K, L) of texts. Raises `InputError`: the tokenizer cannot be loaded."""
    import open_clip

    try:
        with quiet():
            found: Tensor = open_clip.get_tokenizer(name)(list(texts))
    except Exception as error:
        message = f"The tokenizer of '{reference}' cannot be loaded: {one_line(error)}"
        raise InputError(message, hint="Put its files into the network's folder.") from error
    return found
