"""Checkpoints as people's training tools leave them."""

from __future__ import annotations

import sys
from types import ModuleType

import numpy as np
import torch
from torch import nn
from torch.nn.utils.parametrizations import weight_norm

from tests.situations.nets import Net, seeded


def fresh() -> nn.Module:
    """The net before its weights are loaded."""
    return seeded(Net(), 9)


def normed() -> nn.Module:
    """The same with weight normalisation, as torch 2 does it."""
    net = Net()
    weight_norm(net.body[2])
    return seeded(net, 9)


def trained(seed: int = 0) -> dict[str, torch.Tensor]:
    """Weights of the plain net."""
    return dict(seeded(Net(), seed).state_dict())


def prefixed(state: dict[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    return {f"{prefix}{name}": tensor for name, tensor in state.items()}


def compiled_inside_lightning() -> dict[str, object]:
    head = {"epoch": 3, "global_step": 99, "pytorch-lightning_version": "2.4.0", "loops": {}, "callbacks": {}}
    return {**head, "state_dict": prefixed(trained(), "model._orig_mod."), "optimizer_states": [{"state": {}}]}


def with_average() -> dict[str, object]:
    return {"epoch": 5, "state_dict": trained(0), "state_dict_ema": trained(1), "optimizer": {"state": {}}}


def student_and_teacher() -> dict[str, object]:
    """Self-supervised: two bodies without a classifier, each with a projection instead."""
    body = {name: tensor for name, tensor in trained().items() if name.startswith("body")}
    projection = {"head.mlp.0.weight": torch.ones(4, 8), "head.mlp.0.bias": torch.zeros(4)}
    student = {**prefixed(body, "module.backbone."), **prefixed(projection, "module.")}
    return {"student": student, "teacher": {**prefixed(body, "backbone."), **projection}, "epoch": 100}


def with_numpy_scalars() -> dict[str, object]:
    history = {"lrs": [np.float64(0.01)], "mean_fg_dice": [np.float32(0.8)]}
    return {"network_weights": trained(), "logging": history, "_best_ema": np.float64(0.9), "current_epoch": 7}


def old_weight_norm() -> dict[str, torch.Tensor]:
    """Of the net `normed`, saved by torch 1."""
    norms = {"parametrizations.weight.original0": "weight_g", "parametrizations.weight.original1": "weight_v"}
    state = seeded_normed().state_dict()
    for new, old in norms.items():
        state[f"body.2.{old}"] = state.pop(f"body.2.{new}")
    return dict(state)


def seeded_normed() -> nn.Module:
    return seeded(normed(), 0)


def of_six_classes() -> dict[str, object]:
    return {"state_dict": seeded(Net(6)).state_dict(), "meta": {"epoch": 1}}


def with_low_rank_updates() -> dict[str, torch.Tensor]:
    """Of PEFT, not merged: how much the updates count is in another file."""
    state = prefixed(
        {name: tensor for name, tensor in trained().items() if name.startswith("body")}, "base_model.model."
    )
    head, updates = seeded(Net(), 0).head, "base_model.model.head."
    state |= {f"{updates}base_layer.weight": head.weight.detach(), f"{updates}base_layer.bias": head.bias.detach()}
    return state | {
        f"{updates}lora_A.default.weight": torch.ones(2, 8),
        f"{updates}lora_B.default.weight": torch.ones(3, 2),
    }


def with_auxiliary_head() -> dict[str, torch.Tensor]:
    return {**trained(), "AuxLogits.fc.weight": torch.ones(3, 8), "AuxLogits.fc.bias": torch.zeros(3)}


def save_whole_model(path: object) -> None:
    """Save as a YOLO package does: the module itself, in half precision, its classes in a package that is not here."""
    package, module = ModuleType("yolo_package"), ModuleType("yolo_package.tasks")

    class ClassificationModel(Net):
        pass

    ClassificationModel.__module__, ClassificationModel.__qualname__ = module.__name__, "ClassificationModel"
    module.ClassificationModel = ClassificationModel
    sys.modules.update({package.__name__: package, module.__name__: module})
    try:
        torch.save({"epoch": -1, "model": ClassificationModel().half(), "ema": None, "train_args": {}}, path)
    finally:
        del sys.modules[module.__name__], sys.modules[package.__name__]


def saved_by_a_learner() -> dict[str, object]:
    """Of fastai's `Learner.save`: the optimiser holds tensors too."""
    moments = [{"grad_avg": torch.ones(8), "step": 3}]
    return {"model": trained(), "opt": {"state": moments, "hypers": [{"lr": 0.1}]}}
