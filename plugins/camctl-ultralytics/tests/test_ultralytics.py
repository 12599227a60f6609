"""ultralytics' networks with random weights: from YAML, or from checkpoints as data; boxes are its own."""

import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from camctl_ultralytics.library import unchanged
from camctl_ultralytics.networks import checked, of_yaml
from torch import nn
from ultralytics import YOLO
from ultralytics.nn.tasks import ClassificationModel, DetectionModel

import camctl
from camctl.errors import InputError
from camctl.kit.random_weights import seeded

PICTURE = np.random.default_rng(0).integers(0, 256, (60, 120, 3), np.uint8)
NAMES = {0: "cat", 1: "dog", 2: "car"}
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


def net(kind, name):
    """A network of the library with weights that make scores of all heights."""
    with seeded(0), unchanged():
        module = kind(name, nc=3, verbose=False)
        for part in module.modules():
            if isinstance(part, nn.BatchNorm2d):
                part.weight.data.uniform_(0.8, 1.6)
                part.bias.data.normal_(0, 0.3)
        if kind is DetectionModel:
            for branch in module.model[-1].cv3:
                branch[-1].bias.data.normal_(-1, 0.5)
    module.names = dict(NAMES)
    return module.eval()


@pytest.fixture(scope="module")
def detector():
    return net(DetectionModel, "yolo11n.yaml")


@pytest.fixture(scope="module")
def files(tmp_path_factory, detector):
    """What a training saves: the detector and a classifier, in half precision."""
    folder = tmp_path_factory.mktemp("weights")
    for name, module in (("detect", detector), ("classify", net(ClassificationModel, "yolo11n-cls.yaml"))):
        content = {"epoch": 3, "ema": None, "train_args": {"imgsz": 96, "task": name}, "date": "today"}
        torch.save({**content, "model": module}, folder / f"{name}.pt")
    return folder


def test_boxes_are_those_of_the_librarys_own_prediction(files, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    loaded = camctl.load(f"ultralytics:{files / 'detect.pt'}")
    assert loaded.class_names == ("cat", "dog", "car")
    explanation = camctl.explain(loaded, PICTURE, targets=camctl.Classes(topk=5))
    with unchanged():
        (own,) = YOLO(files / "detect.pt").predict(
            np.ascontiguousarray(PICTURE[..., ::-1]), imgsz=96, conf=0.001, verbose=False, device="cpu"
        )
    boxes = own.boxes.xyxy.numpy()
    assert len(boxes) >= 5
    for number, cam in enumerate(explanation.maps):
        assert cam.target.index == int(own.boxes.cls[number])
        assert cam.target.score == pytest.approx(float(own.boxes.conf[number]), abs=1e-5)
        height, width = PICTURE.shape[:2]
        seen = np.clip(cam.target.box, 0, [width, height, width, height])  # the library cuts boxes at the picture
        np.testing.assert_allclose(seen, boxes[number], atol=0.1)


def test_scores_of_a_classifier_are_those_of_the_librarys_own_prediction(files, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    loaded = camctl.load(f"ultralytics:{files / 'classify.pt'}")
    (cam,) = camctl.explain(loaded, PICTURE, targets="dog").maps
    with unchanged():
        (own,) = YOLO(files / "classify.pt").predict(
            np.ascontiguousarray(PICTURE[..., ::-1]), imgsz=96, verbose=False, device="cpu"
        )
    assert cam.target.score == pytest.approx(float(own.probs.data[1]), abs=1e-4)
    assert cam.verdict in {"ok", "negative-only"}
    assert cam.grid == (3, 3)


def test_a_checkpoint_is_read_as_data(files, detector):
    code = f"""
import sys, torch
from pathlib import Path
from camctl.kit.whole_modules import read_modules
read = read_modules(Path({str(files / "detect.pt")!r}), r"ultralytics\\.(\\w+\\.)*\\w+")["model"]
assert "ultralytics" not in sys.modules
torch.save(read.state, {str(files / "state.pth")!r})
"""
    subprocess.run([sys.executable, "-c", code], check=True)
    state = torch.load(files / "state.pth", weights_only=True)
    expected = detector.state_dict()
    assert state.keys() == expected.keys()
    assert all(torch.equal(state[name], tensor) for name, tensor in expected.items())


class Own(nn.Module):
    """A layer that ultralytics does not know."""


def test_code_of_others_in_a_checkpoint_needs_trust(tmp_path, detector):
    file = tmp_path / "own.pt"
    detector.extra = Own()
    try:
        torch.save({"model": detector, "train_args": {"imgsz": 96}}, file)
    finally:
        del detector.extra
    with pytest.raises(InputError, match=r"needs .*Own") as caught:
        camctl.load(f"ultralytics:{file}")
    assert "trust" in str(caught.value.hint)
    assert camctl.load(f"ultralytics:{file}", trust_checkpoint=True).class_names == ("cat", "dog", "car")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"activation": "__import__('os').abort()"}, "no layer of torch"),
        ({"head": [[-1, 1, "torch_safe_load", ["other.pt"]]]}, "does not know"),
        ({"head": [[-1, 1, "nn.modules", []]]}, "does not know"),
        ({"backbone": [[-1, 1, "DetectionModel", ["other.yaml"]]]}, "does not know"),
    ],
    ids=["activation", "function", "module", "network"],
)
def test_a_description_builds_layers_and_runs_nothing_else(change, words):
    with pytest.raises(InputError, match=words):
        checked({**of_yaml("yolo11n.yaml").layers, **change})


def test_published_weights_of_torchvision_are_not_downloaded():
    layers = checked(of_yaml("yolo11-cls-resnet18.yaml").layers)
    assert layers["backbone"][0][3][2] is None


@pytest.mark.parametrize("target", [None, camctl.Detection(3)])
def test_a_box_of_any_grid_has_a_map_of_the_grids_that_the_head_reads(files, target):
    loaded = camctl.load(f"ultralytics:{files / 'detect.pt'}")
    (cam,) = camctl.explain(loaded, PICTURE, methods="gradcam", targets=target).maps
    assert cam.layers == ("model.16", "model.19", "model.22")
    assert cam.chosen_by == "adapter yolo"
    assert cam.grid == (8, 12)
    assert cam.verdict in {"ok", "negative-only"}


def test_gradcam_of_a_box_is_its_formula_at_each_grid(files):
    loaded = camctl.load(f"ultralytics:{files / 'detect.pt'}")
    (cam,) = camctl.explain(loaded, PICTURE, methods="gradcam", target_layers="model.16").maps
    module, features = loaded.module, {}
    with module.model[16].register_forward_hook(lambda _part, _given, output: features.update(at=output)):
        boxes = loaded.forward(loaded.preprocess(PICTURE)[None])[0]
    score = torch.logit(boxes["scores"].max())
    (gradient,) = torch.autograd.grad(score, features["at"])
    expected = (gradient.mean((2, 3), keepdim=True) * features["at"]).sum(1)[0].detach()
    scale = float(expected.abs().max())
    np.testing.assert_allclose(cam.raw / scale, expected.numpy() / scale, atol=1e-4)


def test_a_yaml_file_is_drawn_with_random_weights_or_a_checkpoint(files):
    with pytest.raises(InputError, match="without weights") as caught:
        camctl.load("ultralytics:yolo11n.yaml")
    assert "--random-weights" in str(caught.value.hint) or "random_weights" in str(caught.value.hint)
    drawn = camctl.load("ultralytics:yolo26n.yaml", random_weights=True, cfg_options={"nc": 3, "imgsz": 96})
    (cam,) = camctl.explain(drawn, PICTURE, targets=camctl.Detection(0)).maps
    assert cam.target.box is not None
    filled = camctl.load("ultralytics:yolo11n.yaml", str(files / "detect.pt"))
    whole = camctl.load(f"ultralytics:{files / 'detect.pt'}")
    assert torch.equal(filled.module.model[0].conv.weight, whole.module.model[0].conv.weight)


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        ("yolo11n-seg.yaml", "a network to segment"),
        ("nothing.yaml", "no network 'nothing.yaml'"),
        ("nothing.pt", "nothing.pt"),
    ],
)
def test_what_cannot_be_drawn_is_refused_in_one_line(reference, words):
    options = {"random_weights": True} if reference.endswith(".yaml") else {}
    with pytest.raises(InputError, match=words) as caught:
        camctl.load(f"ultralytics:{reference}", **options)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("options", [{"imgsz": "large"}, {"nc": 0}, {"size": 640}], ids=["imgsz", "nc", "size"])
def test_options_that_are_none_are_refused(options):
    with pytest.raises(InputError):
        camctl.load("ultralytics:yolo11n.yaml", random_weights=True, cfg_options=options)


@pytest.mark.parametrize("trust", [False, True])
def test_a_checkpoint_of_something_else_is_refused(tmp_path, trust):
    torch.save({"state_dict": {"weight": torch.ones(3)}}, tmp_path / "other.pt")
    with pytest.raises(InputError, match="holds no network of ultralytics"):
        camctl.load(f"ultralytics:{tmp_path / 'other.pt'}", trust_checkpoint=trust)


def test_importing_the_library_asks_no_network_and_leaves_the_process_as_it_was():
    code = """
import os, socket
del os.environ["YOLO_OFFLINE"]
def refuse(*_): raise AssertionError("the network was asked")
socket.getaddrinfo = socket.create_connection = refuse
import cv2
cv2.setNumThreads(3)
before, threads = dict(os.environ), cv2.getNumThreads()
from camctl_ultralytics.library import library
assert not library("utils").ONLINE
assert (dict(os.environ), cv2.getNumThreads()) == (before, threads)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


def test_settings_that_are_no_plain_data_are_left_out(tmp_path, detector):
    file = tmp_path / "args.pt"
    detector.args = SimpleNamespace(imgsz=96)
    try:
        torch.save({"model": detector, "train_args": SimpleNamespace(imgsz=64)}, file)
    finally:
        del detector.args
    assert camctl.load(f"ultralytics:{file}").input_size in {(64, 64), (640, 640)}
