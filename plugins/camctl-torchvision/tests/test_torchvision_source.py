"""Loading torchvision's models: names, weights, transforms, and what is said where it cannot be."""

import hashlib
import os
import pickle
import re
import subprocess
import sys
import threading
from functools import partial
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, HTTPServer

import numpy as np
import pytest
import torch
from camctl_torchvision.source import Torchvision
from PIL import Image
from safetensors.torch import save_file
from torchvision import models
from torchvision_sweep import picture

import camctl
from camctl.errors import CamctlError, InputError, UnknownNameError
from camctl.plugin import LoadOptions

load = partial(camctl.load, random_weights=True)


@pytest.fixture(scope="module")
def net():
    """torchvision's own smallest network, with weights that tell whether they were loaded."""
    torch.manual_seed(7)
    return models.shufflenet_v2_x0_5(weights=None).eval()


def saved(tmp_path, content, name="weights.pth"):
    path = tmp_path / name
    torch.save(content, path)
    return path


def same_logits(loaded, net):
    inputs = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        return torch.allclose(loaded.forward(inputs), net(inputs), atol=1e-5)


# ------------------------------------------------------------------------------------------- names


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("quantized_resnet50", "quantised"),
        ("r3d_18", "video"),
        ("raft_small", "optical-flow"),
    ],
)
def test_what_is_no_classifier_is_refused_in_one_line_that_names_one(name, what):
    with pytest.raises(InputError) as raised:
        load(f"torchvision:{name}")

    assert what in raised.value.message
    assert "\n" not in raised.value.message
    named = re.findall(r"torchvision:(\w+)", raised.value.hint)
    assert named
    assert set(named) <= set(models.list_models(module=models))


def test_unknown_name_brings_near_names():
    with pytest.raises(UnknownNameError, match="'resnet5'") as raised:
        load("torchvision:resnet5")

    assert "resnet50" in raised.value.hint


def test_names_are_read_in_any_spelling():
    assert load("torchvision:ShuffleNet-V2-x0_5").name == "torchvision:shufflenet_v2_x0_5"


# ------------------------------------------------------------------------------------ random weights


@pytest.mark.parametrize("name", ["vit_b_32", "convnext_tiny"])
def test_random_weights_leave_no_layer_at_zero(name):
    module = load(f"torchvision:{name}").module

    silent = [key for key, p in module.named_parameters() if not key.endswith("bias") and p.abs().max() < 1e-2]
    assert silent == []


def test_random_weights_follow_the_seed_and_nothing_else():
    name = "torchvision:shufflenet_v2_x0_5"
    torch.manual_seed(3)
    before = torch.random.get_rng_state()
    one, same, other = (load(name, seed=seed).module.state_dict() for seed in (1, 1, 2))

    assert torch.equal(torch.random.get_rng_state(), before)
    assert all(torch.equal(one[key], same[key]) for key in one)
    assert not all(torch.equal(one[key], other[key]) for key in one)


@pytest.mark.parametrize("name", ["resnet18", "densenet121"])
def test_random_weights_neither_explode_nor_fade(name):
    loaded = load(f"torchvision:{name}")
    with torch.no_grad():
        spread = loaded.forward(loaded.preprocess(picture())[None]).std()

    assert 0.01 < spread < 100


def test_random_weights_are_seen_through_the_default_weights_transforms_and_names():
    loaded, weights = load("torchvision:mobilenet_v2"), models.MobileNet_V2_Weights.DEFAULT

    expected = weights.transforms()(Image.fromarray(picture()))
    assert torch.equal(loaded.preprocess(picture()), expected)
    assert loaded.preprocess(picture()).dtype == torch.float32
    assert loaded.class_names == tuple(weights.meta["categories"])
    assert loaded.input_size == (224, 224)
    assert loaded.random_weights
    assert not loaded.module.training


@pytest.mark.parametrize("name", ["googlenet", "inception_v3"])
def test_heads_at_the_side_are_left_out(name):
    loaded = load(f"torchvision:{name}")

    with torch.no_grad():
        logits = loaded.forward(torch.zeros(2, 3, *loaded.input_size))
    assert logits.shape == (2, 1000)
    assert not [key for key, _ in loaded.module.named_modules() if key.lower().startswith("aux")]


def test_input_sizes_are_those_of_the_default_weights():
    from camctl_torchvision.published import default_of, size_of

    sizes = {name: size_of(default_of(name).transforms()) for name in ("inception_v3", "swin_v2_t", "vit_h_14")}
    assert sizes == {"inception_v3": (299, 299), "swin_v2_t": (256, 256), "vit_h_14": (518, 518)}


def test_options_that_mean_nothing_here_are_refused():
    with pytest.raises(InputError, match="takes no config options"):
        load("torchvision:resnet18", cfg_options={"a": 1})


# ----------------------------------------------------------------------------------- published weights


@pytest.mark.parametrize("checkpoint", [None, "IMAGENET1K_V2", "imagenet1k_v1", "ResNet50_Weights.IMAGENET1K_V1"])
def test_without_a_network_one_line_and_a_hint_that_works(no_network, checkpoint):
    with pytest.raises(CamctlError) as raised:
        camctl.load("torchvision:resnet50", checkpoint)

    version = "11ad3fa6" if checkpoint in {None, "IMAGENET1K_V2"} else "0676ba61"
    assert f"resnet50-{version}.pth" in raised.value.message
    assert "Network is unreachable" in raised.value.message
    assert "\n" not in raised.value.message
    assert "--random-weights" in raised.value.hint


def test_the_command_says_so_too_and_random_weights_work(tmp_path):
    Image.fromarray(picture()).save(tmp_path / "a.png")
    nowhere = {"TORCH_HOME": str(tmp_path), "https_proxy": "http://127.0.0.1:9", "HTTPS_PROXY": "http://127.0.0.1:9"}
    words = [sys.executable, "-m", "camctl", "run", str(tmp_path / "a.png"), "torchvision:squeezenet1_1"]
    run = partial(subprocess.run, env=os.environ | nowhere, capture_output=True, text=True, check=False, cwd=tmp_path)
    failed, drawn = run(words), run([*words, "--random-weights", "--save-path", str(tmp_path / "map.png")])

    assert failed.returncode == 1
    assert "Traceback" not in failed.stderr
    assert "--random-weights" in failed.stderr
    assert drawn.returncode == 0, drawn.stderr
    assert (tmp_path / "map.png").exists()


def test_unknown_weights_bring_the_published_names():
    with pytest.raises(UnknownNameError) as raised:
        camctl.load("torchvision:resnet50", "IMAGENET1K_V3")

    assert "IMAGENET1K_V2" in raised.value.hint


@pytest.fixture
def server(tmp_path):
    """Serves one small file under any name, from this machine."""
    content = tmp_path / "content"

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            body = content.read_bytes()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args):
            """Quiet."""

    with HTTPServer(("127.0.0.1", 0), Handler) as http:
        thread = threading.Thread(target=http.serve_forever)
        thread.start()
        yield content, f"http://127.0.0.1:{http.server_port}"
        http.shutdown()
        thread.join()


def test_an_address_is_fetched_once_its_hash_verified(server, net, tmp_path, monkeypatch):
    content, address = server
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    torch.save(net.state_dict(), content)
    sha256 = hashlib.sha256(content.read_bytes()).hexdigest()
    told = []
    url = f"{address}/shuffle-{sha256[:8]}.pth"
    fetch = partial(camctl.load, "torchvision:shufflenet_v2_x0_5", progress=lambda *seen: told.append(seen))
    loaded = fetch(url)

    assert same_logits(loaded, net)
    assert loaded.checkpoint.sha256 == sha256
    assert loaded.checkpoint.path == url
    assert told[-1][1] == told[-1][2] == content.stat().st_size
    content.write_bytes(b"gone")
    assert same_logits(fetch(url), net)
    with pytest.raises(CamctlError, match="as its name says"):
        fetch(f"{address}/shuffle-00000000.pth")
    assert [path.suffix for path in (tmp_path / "torch/hub/checkpoints").iterdir()] == [".pth"]


def test_published_weights_come_with_their_own_transforms(net, tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    folder = tmp_path / "hub/checkpoints"
    folder.mkdir(parents=True)
    first, second = models.MobileNet_V2_Weights.IMAGENET1K_V1, models.MobileNet_V2_Weights.IMAGENET1K_V2
    for weights in (first, second):
        draft = folder / "draft.pth"
        torch.save(models.mobilenet_v2(weights=None).state_dict(), draft)
        name = f"mobilenet_v2-{sha256(draft.read_bytes()).hexdigest()[:8]}.pth"
        draft.rename(folder / name)
        monkeypatch.setattr(weights.value, "url", f"https://download.pytorch.org/models/{name}")
    by_name = camctl.load("torchvision:mobilenet_v2", "IMAGENET1K_V1")
    by_default = camctl.load("torchvision:mobilenet_v2")
    by_hand = camctl.load("torchvision:mobilenet_v2", folder / first.url.rpartition("/")[2])

    seen = Image.fromarray(picture())
    assert torch.equal(by_name.preprocess(picture()), first.transforms()(seen))
    assert torch.equal(by_default.preprocess(picture()), second.transforms()(seen))
    assert not torch.equal(by_name.preprocess(picture()), by_default.preprocess(picture()))
    assert torch.equal(by_hand.preprocess(picture()), first.transforms()(seen))
    assert by_name.checkpoint.path == first.url
    assert by_name.notes == ()


# -------------------------------------------------------------------------------------------- files


@pytest.mark.parametrize("wrap", ["plain", "nested", "parallel", "safetensors"])
def test_weights_are_found_wherever_they_are_nested(net, tmp_path, wrap):
    state = net.state_dict()
    if wrap == "safetensors":
        path = tmp_path / "weights.safetensors"
        save_file(state, path)
    else:
        content = {
            "plain": state,
            "nested": {"model": state, "optimizer": {"lr": 0.1}, "epoch": 3},
            "parallel": {"state_dict": {f"module.{key}": value for key, value in state.items()}},
        }[wrap]
        path = saved(tmp_path, content)
    loaded = camctl.load("torchvision:shufflenet_v2_x0_5", path)

    assert same_logits(loaded, net)
    assert loaded.checkpoint.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert len(loaded.class_names) == 1000
    told = ["The prefix 'module.' of the checkpoint's names was left out."] if wrap == "parallel" else []
    assert [note for note in loaded.notes if "Preprocessing" not in note] == told


def test_a_head_of_another_size_is_built_as_the_file_has_it(tmp_path):
    torch.manual_seed(0)
    small = models.mobilenet_v3_small(weights=None, num_classes=3).eval()
    unnamed = camctl.load("torchvision:mobilenet_v3_small", saved(tmp_path, small.state_dict()))
    content = {"state_dict": small.state_dict(), "classes": ["ant", "bee", "cat"]}
    named = camctl.load("torchvision:mobilenet_v3_small", saved(tmp_path, content, "named.pth"))

    assert same_logits(unnamed, small)
    assert unnamed.class_names is None
    assert named.class_names == ("ant", "bee", "cat")


@pytest.mark.parametrize(
    "name",
    ["alexnet", "squeezenet1_1", "maxvit_t", "swin_v2_t", "vit_b_32", "shufflenet_v2_x0_5", "convnext_tiny"],
)
def test_the_size_of_every_kind_of_head_is_read(name):
    from camctl_torchvision.fitting import build, classes_in

    with (
        torch.device("meta")
        if name in {"alexnet", "vit_b_32", "shufflenet_v2_x0_5", "squeezenet1_1"}
        else torch.device("cpu")
    ):
        assert classes_in(build(name, classes=7).state_dict()) == 7


def test_heads_at_the_side_in_a_file_are_no_surprise(tmp_path):
    torch.manual_seed(0)
    trained = models.googlenet(weights=None, aux_logits=True, transform_input=True, init_weights=False).eval()
    loaded = camctl.load("torchvision:googlenet", saved(tmp_path, trained.state_dict()))

    assert same_logits(loaded, trained)
    assert not [note for note in loaded.notes if "not used" in note]


def test_a_vit_of_another_size_brings_its_transforms(tmp_path):
    from camctl_torchvision.fitting import size_in
    from camctl_torchvision.published import size_of, transforms_for

    def state(size):
        cells = (size // 16) ** 2
        return {"encoder.pos_embedding": torch.zeros(1, cells + 1, 8), "conv_proj.weight": torch.zeros(8, 3, 16, 16)}

    assert size_in(state(384)) == 384
    transforms, origin = transforms_for("vit_b_16", 384)
    assert size_of(transforms) == (384, 384)
    assert origin == "ViT_B_16_Weights.IMAGENET1K_SWAG_E2E_V1"
    transforms, origin = transforms_for("vit_b_16", 160)
    assert size_of(transforms) == (160, 160)
    assert "160 px" in origin


def test_old_names_in_published_densenet_files_are_read(tmp_path):
    torch.manual_seed(0)
    trained = models.densenet121(weights=None).eval()
    old = {re.sub(r"(denselayer\d+\.(?:norm|conv))([12])\.", r"\1.\2.", k): v for k, v in trained.state_dict().items()}
    assert old.keys() != trained.state_dict().keys()
    loaded = camctl.load("torchvision:densenet121", saved(tmp_path, old))

    assert same_logits(loaded, trained)
    assert len(loaded.notes) == 1


@pytest.mark.parametrize("kind", ["pth", "safetensors"])
def test_mnasnet_files_with_and_without_versions_are_read(tmp_path, kind):
    torch.manual_seed(0)
    trained = models.mnasnet0_5(weights=None).eval()
    path = tmp_path / f"weights.{kind}"
    if kind == "pth":
        torch.save(trained.state_dict(), path)
    else:
        save_file(trained.state_dict(), path)

    assert same_logits(camctl.load("torchvision:mnasnet0_5", path), trained)


class Evil:
    """Runs when it is unpickled."""

    def __reduce__(self):
        return os.mkdir, ("evil-was-here",)


def test_a_file_that_runs_code_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = saved(tmp_path, {"state_dict": {"fc.weight": torch.zeros(1)}, "log": Evil()})
    with pytest.raises(InputError, match="refused") as raised:
        camctl.load("torchvision:resnet18", path)

    assert "--trust-checkpoint" in raised.value.hint
    assert not (tmp_path / "evil-was-here").exists()


def test_a_whole_pickled_model_needs_trust(net, tmp_path):
    path = saved(tmp_path, net)
    with pytest.raises(InputError, match="refused"):
        camctl.load("torchvision:shufflenet_v2_x0_5", path)

    assert same_logits(camctl.load("torchvision:shufflenet_v2_x0_5", path, trust_checkpoint=True), net)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not a readable checkpoint"),
        (b"<!doctype html>", "not a readable checkpoint"),
        (pickle.dumps(3), "not a readable checkpoint|no weights"),
        (None, "no checkpoint file"),
    ],
)
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_broken_files_end_in_one_line(tmp_path, content, message, suffix):
    path = tmp_path / f"weights{suffix}"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=message) as raised:
        camctl.load("torchvision:resnet18", path)

    assert "\n" not in raised.value.message


def test_weights_of_another_model_are_refused(net, tmp_path):
    path = saved(tmp_path, net.state_dict())
    with pytest.raises(InputError, match="another model"):
        camctl.load("torchvision:shufflenet_v2_x1_0", path)
    with pytest.raises(InputError, match="another model"):
        camctl.load("torchvision:mobilenet_v3_small", saved(tmp_path, {"a.b": torch.zeros(2)}))


def test_weights_that_are_missing_are_named(net, tmp_path):
    state = {key: value for key, value in net.state_dict().items() if not key.startswith("fc.")}
    with pytest.raises(InputError, match=r"fc.weight .* would be random"):
        camctl.load("torchvision:shufflenet_v2_x0_5", saved(tmp_path, state))


def test_checkpoint_and_random_weights_exclude_each_other(tmp_path):
    with pytest.raises(InputError, match="random weights"):
        load("torchvision:resnet18", tmp_path / "a.pth")
    with pytest.raises(InputError, match="empty"):
        Torchvision().load("resnet18", " ", "cpu", LoadOptions())


# ------------------------------------------------------------------------------------------- package


def test_nothing_heavy_is_imported_at_the_top():
    code = "import camctl_torchvision.source, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.split(".")[0] for name in done.stdout.split()}
    assert "camctl_torchvision" in loaded
    assert not loaded & {"torch", "torchvision", "numpy", "PIL"}


def test_the_source_is_found_by_entry_point():
    from importlib.metadata import entry_points

    found = {point.name: point.load() for point in entry_points(group="camctl.sources")}
    assert found["torchvision"] is Torchvision


def test_pixels_need_not_be_contiguous():
    loaded = load("torchvision:shufflenet_v2_x0_5")
    pixels = picture()

    assert torch.equal(loaded.preprocess(pixels[:, ::-1]), loaded.preprocess(np.ascontiguousarray(pixels[:, ::-1])))


def tuned(seed=0):
    """A ResNet-18 whose head was replaced by dropout and a linear layer, as tutorials do."""
    torch.manual_seed(seed)
    net = models.resnet18()
    net.fc = torch.nn.Sequential(torch.nn.Dropout(0.5), torch.nn.Linear(512, 3))
    return net.eval()


@pytest.mark.parametrize("prefix", ["", "model.", "module.net."])
def test_a_replaced_head_is_found_and_named(tmp_path, prefix):
    net = tuned()
    path = saved(tmp_path, {"state_dict": {f"{prefix}{key}": value for key, value in net.state_dict().items()}})
    loaded = camctl.load("torchvision:resnet18", path)

    assert same_logits(loaded, net)
    assert loaded.class_names is None
    assert any("fc.1' was used as the model's head 'fc'" in note for note in loaded.notes)


def test_a_head_of_several_layers_is_refused(tmp_path):
    net = tuned()
    net.fc = torch.nn.Sequential(torch.nn.Linear(512, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3))
    with pytest.raises(InputError, match=r"fc.weight .* would be random. It holds fc.0.weight"):
        camctl.load("torchvision:resnet18", saved(tmp_path, net.state_dict()))


def test_a_deeper_network_is_refused_though_all_names_are_there(tmp_path):
    with pytest.raises(InputError, match=r"is for another model: it has a layer layer1\.2"):
        camctl.load("torchvision:resnet18", saved(tmp_path, models.resnet34().state_dict()))


@pytest.mark.parametrize(
    ("given", "named"),
    [("resnet18", "resnet34"), ("resnet50", "resnet18"), ("mobilenet_v3_large", "mobilenet_v3_small")],
)
def test_the_network_that_the_weights_fit_is_named(tmp_path, given, named):
    state = getattr(models, named)(num_classes=4).state_dict()
    with pytest.raises(InputError) as raised:
        camctl.load(f"torchvision:{given}", saved(tmp_path, {f"model.{key}": value for key, value in state.items()}))
    assert raised.value.hint == f"The weights fit torchvision:{named}."


def test_a_wrapped_network_of_its_own_classes_is_read(tmp_path):
    net = models.resnet18(num_classes=5)
    state = {f"backbone.{key}": value for key, value in net.state_dict().items()}
    path = saved(tmp_path, {"state_dict": state, "class_to_idx": {name: at for at, name in enumerate("abcde")}})
    loaded = camctl.load("torchvision:resnet18", path)

    assert torch.equal(loaded.module.fc.weight, net.fc.weight)
    assert loaded.class_names == tuple("abcde")
