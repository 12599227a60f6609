"""mmpretrain's classifiers: found, built, filled, and given pictures as in training."""

from __future__ import annotations

import copy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from camctl.errors import InputError
from camctl.sources import mm_config
from tests.sources.tiny import PIPELINE, RESNET, VIT


def changed(model: dict[str, Any], **parts: Any) -> dict[str, Any]:
    return {**copy.deepcopy(model), **parts}


def save(model: Any, folder: Path, **extra: Any) -> Path:
    path = folder / "trained.pth"
    torch.save({"state_dict": model.module.state_dict(), **extra}, path)
    return path


# ------------------------------------------------------------------------------------ configs and names


def test_config_and_checkpoint_give_the_trained_model_in_silence(
    write_config, load, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    trained = load(write_config(), seed=5)
    found = load(write_config(), save(trained, tmp_path))
    assert capfd.readouterr() == ("", "")
    batch = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        assert torch.equal(found.forward(batch), trained.forward(batch))
    assert found.checkpoint is not None
    assert found.checkpoint.path.endswith("trained.pth")
    assert not found.random_weights
    assert not found.module.training
    assert found.notes == ()


@pytest.mark.parametrize("classes", [1, 7])
def test_cfg_options_are_merged_into_the_config(write_config, load, classes: int) -> None:
    found = load(write_config(), cfg_options={"model.head.num_classes": classes})
    assert found.forward(torch.zeros(1, 3, 32, 32)).shape == (1, classes)


def test_wrong_cfg_option_is_one_clear_line(write_config, load) -> None:
    with pytest.raises(InputError, match=r"tiny\.py"):
        load(write_config(), cfg_options={"model.head.nonsense": 7})


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("broken.py", "model = dict(type='ImageClassifier'\n", "cannot be read"),
        ("raises.py", "model = 1 / 0\n", "cannot be read"),
        ("based.py", "_base_ = './none.py'\n", "cannot be read"),
        ("bare.py", "optimizer = dict(type='SGD')\n", "describes no model"),
        ("detector.py", "model = dict(type='FasterRCNN', backbone=dict())\n", "describes FasterRCNN, which is not"),
        ("selfsup.py", "model = dict(type='SimSiam', backbone=dict())\n", "SimSiam, a self-supervised model"),
        ("retriever.py", "model = dict(type='ImageToImageRetriever')\n", "ImageToImageRetriever, a retriever"),
        ("multimodal.py", "model = dict(type='OFA')\n", "describes OFA, not a classifier"),
        ("headless.py", f"model = dict(type='ImageClassifier', backbone={RESNET['backbone']})\n", "without a head"),
        ("unknown.py", "model = dict(type='ImageClassifier', backbone=dict(type='None'))\n", "cannot be built"),
    ],
)
def test_config_of_no_classifier_says_what_it_is(tmp_path: Path, load, name: str, content: str, says: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match=says) as caught:
        load(tmp_path / name)
    assert caught.value.hint
    assert "\n" not in caught.value.message


@pytest.mark.parametrize("name", ["x" * 5000, f"{'x' * 5000}.py", "~nobody/x.py"])
def test_names_that_no_system_allows_are_one_clear_line(load, name: str) -> None:
    with pytest.raises(InputError, match=r"There is no (config file|mmpretrain model)"):
        load(name)


@pytest.mark.parametrize("loader", ["text", [5], {"dataset": True}, {"dataset": {"datasets": 5}}])
def test_data_sets_of_another_kind_are_left_aside(write_config, load, loader: Any) -> None:
    assert load(write_config(test_dataloader=loader)).notes


def test_an_architecture_alone_is_answered_with_its_networks_of_imagenet(load) -> None:
    with pytest.raises(InputError, match="no mmpretrain model named 'resnet50'") as caught:
        load("resnet50")
    assert caught.value.hint.startswith("Did you mean resnet50_8xb32_in1k or ")
    assert "timm:resnet50" in caught.value.hint


def test_what_is_no_config_is_pointed_out(load, tmp_path: Path) -> None:
    (tmp_path / "cat.jpg").write_bytes(b"")
    with pytest.raises(InputError, match="not a config file") as caught:
        load(tmp_path / "cat.jpg")
    assert "IMAGE" in caught.value.hint
    (tmp_path / "net.pth").write_bytes(b"")
    with pytest.raises(InputError, match="not a config file") as caught:
        load(tmp_path / "net.pth")
    assert caught.value.hint.endswith(f"python:nets:build {tmp_path / 'net.pth'}")
    with pytest.raises(InputError, match=r"There is no config file 'configs/none\.py'"):
        load("configs/none.py")


def test_unknown_name_is_answered_with_near_names_and_without_torch() -> None:
    program = (
        "import sys\nfrom camctl.errors import UnknownNameError\nfrom camctl.plugin import LoadOptions\n"
        "from camctl.sources.mmpretrain import Mmpretrain\n"
        "try: Mmpretrain().load('resnet50_8xb32_in2k', None, 'cpu', LoadOptions())\n"
        "except UnknownNameError as error: print(error.hint)\n"
        "assert not {'torch', 'mmpretrain', 'mmengine'} & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "resnet50_8xb32_in1k" in done.stdout


def test_published_names_have_a_config_and_weights_whatever_their_case() -> None:
    assert str(mm_config.published("ResNet50_8xb32_in1k").weights).endswith(".pth")
    assert all(mm_config.published(name).path.is_file() for name in list(mm_config.published_names())[::50])


def test_config_named_as_in_mmpretrains_documents_comes_from_its_wheel(load) -> None:
    found = load("configs/resnet/resnet18_8xb16_cifar10.py")
    assert any("mmpretrain's own" in note for note in found.notes)
    assert found.class_names is not None
    assert found.class_names[0] == "airplane"


def test_either_a_checkpoint_or_random_weights_are_needed(write_config, load, tmp_path) -> None:
    with pytest.raises(InputError, match="needs a checkpoint") as caught:
        load(write_config(), random_weights=False)
    assert "--random-weights" in caught.value.hint
    with pytest.raises(InputError, match="and random weights take none"):
        load(write_config(), "net.pth", random_weights=True)
    (tmp_path / "net.pth").write_bytes(b"weights")
    with pytest.raises(InputError, match="Both"):
        load(write_config(), str(tmp_path / "net.pth"), random_weights=True)


def test_nothing_is_fetched_for_a_backbone_that_asks_for_pretrained_weights(write_config, load) -> None:
    asking = {"init_cfg": {"type": "Pretrained", "checkpoint": "http://127.0.0.1:9/none.pth"}}
    model = changed(RESNET, backbone={**RESNET["backbone"], **asking}, pretrained="http://127.0.0.1:9/none.pth")
    assert load(write_config(model)).random_weights


# ---------------------------------------------------------------------------------------- checkpoints


def test_head_of_another_size_says_both_sizes(write_config, load, tmp_path: Path) -> None:
    checkpoint = save(load(write_config(), cfg_options={"model.head.num_classes": 10}), tmp_path)
    with pytest.raises(InputError, match=r"3 classes in the config, 10 in the checkpoint") as caught:
        load(write_config(), checkpoint)
    assert "model.head.num_classes=10" in caught.value.hint
    assert load(write_config(), checkpoint, cfg_options={"model.head.num_classes": 10}).checkpoint


def test_checkpoint_of_another_model_is_refused(write_config, load, tmp_path: Path) -> None:
    checkpoint = save(load(write_config(VIT)), tmp_path)
    with pytest.raises(InputError, match="is for another model"):
        load(write_config(), checkpoint)


def test_checkpoint_without_a_head_is_refused(write_config, load, tmp_path: Path) -> None:
    state = load(write_config()).module.state_dict()
    torch.save({key: value for key, value in state.items() if not key.startswith("head")}, tmp_path / "body.pth")
    with pytest.raises(
        InputError, match=r"2 of \d+ weights are not in it \(head.fc.weight .*would be random"
    ) as caught:
        load(write_config(), tmp_path / "body.pth")
    assert "--random-weights" in caught.value.hint


# ---------------------------------------------------------------------------------- classes and scores


def test_class_names_of_the_checkpoint_come_first_if_their_number_is_right(write_config, load, tmp_path: Path) -> None:
    config = write_config(test_dataloader={"dataset": {"metainfo": {"classes": ["x", "y", "z"]}, "pipeline": PIPELINE}})
    trained = load(config)
    assert trained.class_names == ("x", "y", "z")
    checkpoint = save(trained, tmp_path, meta={"dataset_meta": {"classes": ["cat", "dog", "cow"]}})
    assert load(config, checkpoint).class_names == ("cat", "dog", "cow")
    checkpoint = save(trained, tmp_path, meta={"CLASSES": ["cat", "dog"]})
    assert load(write_config(), checkpoint).class_names is None


def test_imagenet_names_are_kept_whole(write_config, load) -> None:
    config = write_config(test_dataloader={"dataset": {"type": "ImageNet", "pipeline": PIPELINE}})
    names = load(config, cfg_options={"model.head.num_classes": 1000}).class_names
    assert names is not None
    assert names[281] == "tabby, tabby cat"
    assert load(config).class_names is None


def test_multi_label_head_is_scored_by_sigmoid(write_config, load) -> None:
    head = {"type": "MultiLabelLinearClsHead", "num_classes": 3, "in_channels": 32}
    assert load(write_config(changed(RESNET, head=head))).score == "sigmoid"
    assert load(write_config()).score == "softmax"


def tasks(**kinds: str) -> dict[str, Any]:
    heads = {name: {"type": kind, "num_classes": 3, "in_channels": 32} for name, kind in kinds.items()}
    return changed(RESNET, head={"type": "MultiTaskHead", "task_heads": heads})


@pytest.mark.parametrize(("kind", "score"), [("LinearClsHead", "softmax"), ("MultiLabelLinearClsHead", "sigmoid")])
def test_tasks_of_a_head_are_handed_on_by_name(write_config, load, kind: str, score: str) -> None:
    found = load(write_config(tasks(colour=kind, shape=kind)))
    output = found.forward(torch.zeros(2, 3, 32, 32))
    assert {name: tuple(logits.shape) for name, logits in output.items()} == {"colour": (2, 3), "shape": (2, 3)}
    assert found.score == score


def test_tasks_that_are_scored_in_two_ways_are_refused(write_config, load) -> None:
    with pytest.raises(InputError, match="several classes a picture"):
        load(write_config(tasks(colour="LinearClsHead", shape="MultiLabelLinearClsHead")))


CONFORMER = {
    "type": "ImageClassifier",
    "backbone": {
        "type": "Conformer",
        "arch": {"embed_dims": 24, "channel_ratio": 1, "num_heads": 2, "depths": 6},
        "patch_size": 16,
        "base_channels": 8,
    },
    "head": {"type": "ConformerHead", "in_channels": [32, 24], "num_classes": 3},
}
DISTILLED = {
    **VIT,
    "backbone": {**VIT["backbone"], "type": "DistilledVisionTransformer"},
    "head": {"type": "DeiTClsHead", "in_channels": 16, "num_classes": 3},
}
STACKED = {
    **RESNET,
    "head": {"type": "StackedLinearClsHead", "num_classes": 3, "in_channels": 32, "mid_channels": [8]},
}


@pytest.mark.parametrize("model", [RESNET, VIT, CONFORMER, DISTILLED, STACKED], ids=lambda m: str(m["head"]["type"]))
def test_logits_are_those_of_mmpretrains_own_prediction(write_config, load, model: Any) -> None:
    found = load(write_config(model))
    batch = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        wanted = torch.stack([sample.pred_score for sample in found.module(batch, mode="predict")])
        torch.testing.assert_close(found.forward(batch).softmax(1), wanted)


def test_gradient_checkpointing_is_off(write_config, load) -> None:
    found = load(write_config(changed(RESNET, backbone={**RESNET["backbone"], "with_cp": True})))
    assert not any(getattr(module, "with_cp", False) for module in found.module.modules())


# -------------------------------------------------------------------------------------- random weights


@pytest.mark.parametrize("model", [RESNET, VIT], ids=["resnet", "vit"])
def test_random_weights_follow_the_seed_and_let_a_gradient_through(write_config, load, model: Any) -> None:
    first, again, other = (load(write_config(model), seed=seed) for seed in (0, 0, 1))
    batch = torch.randn(1, 3, 32, 32, requires_grad=True)
    logits = first.forward(batch)
    assert first.random_weights
    assert torch.equal(logits, again.forward(batch))
    assert not torch.equal(logits, other.forward(batch))
    (gradient,) = torch.autograd.grad(logits[0, 0], batch)
    assert gradient.abs().mean() > 1e-7
