"""Models and checkpoints that are none, and code that must not run."""

import os
import shlex
from pathlib import Path

import pytest
import torch

from camctl.sources.demo import FOLDER
from tests.sources.tiny import RESNET

CONFIGS = {
    "broken.py": "model = dict(type='ImageClassifier'\n",
    "leaves.py": "import sys; sys.exit(5)\n",
    "bare.py": "optimizer = dict(type='SGD')\n",
    "number.py": "model = dict(type=3)\n",
    "detector.py": "model = dict(type='FasterRCNN', backbone=dict())\n",
    "selfsup.py": "model = dict(type='SimSiam', backbone=dict())\n",
    "headless.py": f"model = dict(type='ImageClassifier', backbone={RESNET['backbone']})\n",
}


@pytest.mark.parametrize(
    ("model", "says"),
    [
        ("none.py", "There is no config file 'none.py'"),
        ("broken.py", "cannot be read: SyntaxError"),
        ("leaves.py", "cannot be read: SystemExit"),
        ("bare.py", "describes no model"),
        ("number.py", "names no class"),
        ("detector.py", "FasterRCNN, which is not a classifier"),
        ("selfsup.py", "SimSiam, a self-supervised model, which has no classes"),
        ("headless.py", "a backbone without a head"),
        ("photo.png", "is not a config file"),
        ("", "No model was named"),
        ("demo:", "names a source, but no model of it"),
        ("demo:vitt", "There is no demo model named 'vitt'"),
        ("no_such_model_name", "no_such_model_name"),
        ("no/such/config.py", "no/such/config.py"),
        ("python:nets:missing", "missing"),
        ("python:no_such_module:factory", "no_such_module"),
        ("python:nets:hard_to_please", "no model today"),
        ("python:odd_nets:leaves", "failed: SystemExit"),
        ("python:odd_nets:Fails", "The model fails on an input of shape (1, 3, 32, 32): ValueError: no way at all"),
        ("python:odd_nets:GivesUp", "failed: SystemExit: 9"),
        ("python:odd_nets:Nothing", "returned shape (1, 0) from its forward pass; expected one score a class"),
    ],
)
def test_model_that_is_no_classifier_is_refused(refuses, photo, model, says):
    if model in CONFIGS:
        Path(model).write_text(CONFIGS[model])

    assert says in refuses("run", photo, model, *(["--random-weights"] if model.endswith(".py") else [])).error


def test_example_in_the_hint_for_a_bare_source_works(refuses, camctl, photo):
    hint = refuses("run", photo, "demo:").hint

    assert camctl("run", photo, hint.removeprefix("Write it as "), "--quiet").code == 0


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("none.pth", "There is no checkpoint file 'none.pth'"),
        ("", "The checkpoint's name is empty"),
        ("zero.pth", "is empty"),
        ("cut.pth", "truncated"),
        ("page.pth", "is a web page"),
        ("list.pth", "There are no weights in"),
        (".", "is a folder"),
        ("ftp://localhost/model.pth", "only http and https"),
    ],
)
def test_checkpoint_that_cannot_be_read_is_refused(refuses, photo, name, says):
    Path("zero.pth").touch()
    whole = (FOLDER / "resnet.pth").read_bytes()
    Path("cut.pth").write_bytes(whole[: len(whole) // 2])
    Path("page.pth").write_text("<html>Not found</html>")
    torch.save([1, 2], "list.pth")

    assert says in refuses("run", photo, "demo:resnet", name).error


def test_checkpoint_of_another_model_is_refused(refuses, photo):
    said = refuses("run", photo, "demo:resnet", FOLDER / "vit.pth")

    assert "is for another model" in said.error
    assert "backbone.cls_token" in said.hint


def test_head_of_another_size_is_refused_with_the_option_that_mends_it(refuses, camctl, photo):
    said = refuses("run", photo, "demo:resnet", "--cfg-options", "model.head.num_classes=5")

    assert "The head has 5 classes in the config, 8 in the checkpoint" in said.error
    mended = said.hint.removeprefix("Set the number of classes: ")
    assert camctl("run", photo, "demo:resnet", *shlex.split(mended), "--quiet").code == 0


class RunsCode:
    """Unpickled by an ordinary reader, it makes a file."""

    def __reduce__(self):
        return os.system, ("echo run > proof",)


def test_malice_in_a_checkpoint_does_not_run(refuses, photo):
    torch.save({"state_dict": {"weight": RunsCode()}}, "evil.pth")

    said = refuses("run", photo, "demo:resnet", "evil.pth")

    assert "system" in said.error
    assert "--trust-checkpoint" in said.hint
    assert not Path("proof").exists()
