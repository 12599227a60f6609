"""How the demo's small nets are taught: the class of every cell, besides the class of the picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from camctl.demo.scenes import CLASSES
from tests.training.pictures import NOTHING, cells

if TYPE_CHECKING:
    from tests.training.pictures import Batch

CHANNELS_FIRST = 4  # dimensions of (B, C, H, W), where tokens have three


@dataclass(frozen=True)
class Lesson:
    """Where a family is taught: its target layer, the tokens before its cells, and the modules that read them.

    `last_block` and `last_norm` are for nets that read a class token. With `through_head` the net's own head reads each
    cell. That makes the maps good, except for ViT: its LayerCAM found 0.69 of the objects with it and 0.87 without
    (both centred, see `centre`; one training each).
    """

    layer: str
    extra_tokens: int = 0
    last_block: str | None = None
    last_norm: str | None = None
    through_head: bool = True


class Teacher(nn.Module):
    """Predicts what each cell of the target layer shows: a class, or background. Discarded after training.

    With `through_head` the net's own head reads each cell as if it were the whole picture, which ties the head to the
    layer at which maps are drawn. Nets that read a class token need two more things. A layer of the teacher reads their
    cells, since their head starts at zero and has no gradient at first. And before their last block each picture
    gets its neighbour's class token: so that token carries nothing from earlier layers, and what the head reads has to
    come from the cells through the last attention.
    """

    def __init__(self, lesson: Lesson, model: nn.Module) -> None:
        """Hook the lesson's layer of the model."""
        super().__init__()
        # In a tuple, so that it is not registered here: the model's own parameters are not the teacher's.
        self._taught: tuple[Any] = (model,)
        self._lesson = lesson
        self._output: Tensor | None = None
        self._class_token: Tensor | None = None
        channels: Any = model.get_submodule("head").in_channels
        self.reader = nn.Linear(channels, len(CLASSES) + 1)
        self.scale = nn.Parameter(torch.ones(()))
        self.background = nn.Parameter(torch.zeros(1))
        self._handles = [model.get_submodule(lesson.layer).register_forward_hook(self._store)]
        if lesson.last_block is not None:
            block = model.get_submodule(lesson.last_block)
            self._handles.append(block.register_forward_pre_hook(self._swap_class_tokens))

    def dismiss(self) -> None:
        """Remove the hooks from the model."""
        for handle in self._handles:
            handle.remove()

    def _store(self, _layer: nn.Module, _inputs: Any, output: Tensor) -> None:
        # A copy: mmpretrain's ResNet adds its shortcut in place to the output of its last norm.
        self._output = output.clone()

    def _swap_class_tokens(self, _block: nn.Module, inputs: tuple[Tensor]) -> tuple[Tensor]:
        (tokens,) = inputs
        self._class_token = tokens[:, :1].roll(1, dims=0)
        return (torch.cat([self._class_token, tokens[:, 1:]], dim=1),)

    def forward(self, batch: Batch) -> Tensor:
        """Return the mean loss over the cells of the batch that the model ran on last."""
        if self._output is None:
            message = "The model must run before its cells can be read."
            raise RuntimeError(message)
        output = self._output
        tokens = output.flatten(2).transpose(1, 2) if output.dim() == CHANNELS_FIRST else output
        tokens = tokens[:, self._lesson.extra_tokens :]
        shown = torch.from_numpy(cells(batch, round(tokens.shape[1] ** 0.5))).flatten()
        loss = torch.zeros(())
        if self._lesson.through_head:
            alone = self.scale * self._alone(tokens)
            alone = torch.cat([alone, self.background.expand(*alone.shape[:2], 1)], dim=-1)
            loss = loss + functional.cross_entropy(alone.flatten(0, 1), shown)
        if self._lesson.last_block is not None:
            loss = loss + functional.cross_entropy(self.reader(tokens).flatten(0, 1), shown)
        return loss

    def _alone(self, tokens: Tensor) -> Tensor:
        """Return the scores of each cell as if it were the whole picture (B, L, classes)."""
        (model,) = self._taught
        lesson = self._lesson
        if lesson.last_block is None or lesson.last_norm is None:
            averaged: Tensor = model.head.fc(tokens)  # these nets average their cells
            return averaged
        block, norm = model.get_submodule(lesson.last_block), model.get_submodule(lesson.last_norm)
        # Attention to a single cell returns that cell's value, whatever its query and key.
        values = block.attn.qkv(tokens).chunk(3, dim=-1)[2]
        seen = self._class_token + block.attn.proj(values)
        seen = norm(block.ffn(block.ln2(seen), identity=seen))
        scores: Tensor = model.head.layers.head(seen)
        return scores


def centre(model: nn.Module, lesson: Lesson, images: Tensor) -> None:
    """Move the zero of a class-token net's target layer to the cells' mean over these images; its scores do not change.

    Maps multiply activations with gradients, so they depend on the zero of the activations, which training leaves
    open: the bias of the attention after the last norm can add what the norm adds to all cells.
    """
    block: Any = model.get_submodule(lesson.last_block) if lesson.last_block is not None else None
    if block is None or block.attn.qkv.bias is None:
        return
    outputs: list[Tensor] = []
    handle = block.ln1.register_forward_hook(lambda _layer, _inputs, output: outputs.append(output))
    with torch.no_grad():
        model(images)
        handle.remove()
        mean = outputs[0][:, lesson.extra_tokens :].mean(dim=(0, 1))
        block.ln1.bias -= mean
        block.attn.qkv.bias += block.attn.qkv.weight @ mean


def shared(batch: Batch) -> Tensor:
    """Turn the labels into weights (B, classes) that sum to one: a half for each of two objects."""
    labels = torch.from_numpy(batch.labels)
    held = functional.one_hot(labels.clamp(min=0), len(CLASSES)) * (labels != NOTHING)[..., None]
    weights = held.sum(dim=1).float()
    return weights / weights.sum(dim=1, keepdim=True)
