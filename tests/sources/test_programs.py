"""Black boxes of torch: `torchscript:FILE` and `export:FILE`."""

import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import camctl
from camctl.errors import CamctlError, InputError
from camctl.results import open_results
from tests.cli.conftest import camctl as shell  # noqa: F401 - the fixture
from tests.models import counted

PICTURE = np.random.default_rng(0).integers(0, 256, (24, 24, 3), np.uint8)


def net():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(16, 3)).eval()


@pytest.fixture
def files(tmp_path, monkeypatch):
    """The same network as both programs, of pictures of 24 x 24."""
    monkeypatch.chdir(tmp_path)
    example = torch.ones(1, 3, 24, 24)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.trace(net(), example).save("net.pt")
        torch.export.save(torch.export.export(net(), (example,)), "net.pt2")
    return {"torchscript": "torchscript:net.pt", "export": "export:net.pt2"}


EACH = pytest.mark.parametrize("kind", ["torchscript", "export"])
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


def load(model):
    options = {"mean": [0.5] * 3, "std": [0.5] * 3, "input_size": 24, "class_names": ["a", "b", "c"]}
    return camctl.load(model, trust_checkpoint=True, cfg_options=options)


@EACH
def test_a_program_scores_as_the_network_that_it_was_made_of(files, kind):
    loaded = load(files[kind])
    inputs = torch.randn(5, 3, 24, 24)  # of one picture at a time, in torch.export's example
    torch.testing.assert_close(loaded.forward(inputs), net()(inputs).detach())
    assert loaded.class_names == ("a", "b", "c")
    assert loaded.opaque
    assert len(loaded.checkpoint.sha256) == 64


@EACH
def test_rise_draws_a_program_unasked(files, kind):
    found = camctl.explain(load(files[kind]), PICTURE)
    assert [cam.method for cam in found.maps] == ["RISE"]
    assert found.maps[0].raw.shape == (24, 24)
    assert "black box" in found.notes[0]


@EACH
@pytest.mark.parametrize("method", ["gradcam", "eigencam", "scorecam", "ablationcam", "fullgrad", "attentionrollout"])
def test_a_method_that_needs_layers_says_so_in_one_line(files, kind, method):
    with pytest.raises(CamctlError, match="cannot work on this model") as caught:
        camctl.explain(load(files[kind]), PICTURE, methods=[method])
    assert "\n" not in str(caught.value)


ASKED = {
    "explain": lambda model, out: camctl.explain(model, PICTURE, methods=["rise", "layercam"]),
    "compare": lambda model, out: camctl.compare(model, PICTURE, methods="fast"),
    "data set": lambda model, out: camctl.explain_dataset(model, folder(), out, methods=["gradcam"], workers=0),
    "check": lambda model, out: camctl.check(model),
}


def folder():
    """A folder of one class and three pictures."""
    for number in range(3):
        Path("data/b").mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.roll(PICTURE, number, 0)).save(f"data/b/{number}.png")
    return "data"


@EACH
@pytest.mark.parametrize("what", ASKED)
def test_what_needs_layers_is_refused_before_the_program_runs(files, kind, what, tmp_path):
    model = load(files[kind])
    forward, batches = counted(model.forward)
    with pytest.raises(InputError, match="black box, without layers") as caught:
        ASKED[what](replace(model, forward=forward), tmp_path / "out")
    assert batches == []
    assert what == "check" or caught.value.hint == "Use a method that needs none: --method Occlusion RISE"


def test_methods_of_a_set_that_need_layers_are_left_out_in_one_line_for_each_reason(files, tmp_path):
    options = {"methods": "all", "method_options": {"masks": 20}}
    model = load(files["torchscript"])
    notes = camctl.explain(model, PICTURE, **options).notes
    of_layers = [note for note in notes if "without layers to look into" in note]
    assert len(of_layers) == 1
    assert of_layers[0].startswith("AblationCAM, CAM, ")
    assert of_layers[0].endswith("They are left out.")
    results = camctl.explain_dataset(model, folder(), tmp_path / "out", workers=0, **options)
    assert {row["method"] for row in results} == {"RISE", "Occlusion"}
    assert of_layers[0] in results.about["notes"]


def test_rise_tells_how_many_passes_are_done(files):
    told = []
    model = load(files["torchscript"])
    options = {"methods": "rise", "method_options": {"masks": 50}}
    camctl.explain(model, PICTURE, **options, progress=lambda *step: told.append(step))
    assert [step[1:] for step in told] == [(0, 1), (0, 50), (32, 50), (49, 50)]
    assert all(text.startswith("RISE") for text, _, _ in told)


def test_a_program_draws_a_data_set_by_the_shell(files, shell, tmp_path):  # noqa: F811 - the fixture
    Path("classes.txt").write_text("a\nb\nc", encoding="utf-8")
    words = ("--trust-checkpoint", "--labels", "classes.txt", "--cfg-options", "input_size=24", "--workers", "0")
    settings = ("--method-options", "masks=40", "--method", "RISE", "--save-path", "out", "--metrics", "insertion")
    done = shell("run", folder(), files["torchscript"], *words, *settings)
    assert done.code == 0, done.err
    results = open_results("out")
    rows = list(results)
    assert [(row["method"], row["layers"], row["grid_height"], row["error"]) for row in rows] == [
        ("RISE", ["picture"], 24, None)
    ] * 3
    assert all(row["label_index"] == 1 and row["insertion"] is not None for row in rows)
    page = shell("review", "out", "--save-path", tmp_path / "page.html")
    assert page.code == 0, page.err
    assert "RISE" in (tmp_path / "page.html").read_text("utf-8")


@EACH
def test_a_program_is_not_loaded_without_trust(files, kind):
    with pytest.raises(InputError, match="may read and write files") as caught:
        camctl.load(files[kind])
    assert "trust" in str(caught.value.hint)


@EACH
def test_a_damaged_program_ends_in_one_line(tmp_path, kind):
    (tmp_path / "net.bin").write_bytes(b"PK\x03\x04 nothing")
    with pytest.raises(InputError, match="is no readable file of"):
        camctl.load(f"{kind}:{tmp_path / 'net.bin'}", trust_checkpoint=True)


def test_a_comparison_draws_a_program_beside_its_network(files):
    found = camctl.compare([load(files["export"]), net()], PICTURE, methods=["auto", "occlusion", "random"])
    assert len(found.cells) == 6
    assert not any(isinstance(cell.cam, CamctlError) for cell in found.cells)
