"""NaN in the weights: a verdict, never a traceback."""

from pathlib import Path

import pytest
import torch

from camctl.sources.demo import FOLDER

FIRST = {
    "resnet": "backbone.conv1.weight",
    "vit": "backbone.cls_token",
    "swin": "backbone.patch_embed.projection.weight",
    "t2t": "backbone.cls_token",
}
LAYER = {
    "resnet": "backbone.layer3",
    "vit": "backbone.layers.2.ln1",
    "swin": "backbone.stages.1",
    "t2t": "backbone.encoder.1.ln1",
}
METHODS = "gradcam,gradcam++,xgradcam,eigencam,eigengradcam,layercam,hiresCAM,gradcamelementwise"


def sick(family, *, last):
    """A demo model's checkpoint with a NaN in its first weight or in the head's bias."""
    content = torch.load(FOLDER / f"{family}.pth", weights_only=False)
    state = content["state_dict"]
    name = next(key for key in reversed(state) if key.startswith("head.") and key.endswith("bias"))
    state[name if last else FIRST[family]].view(-1)[0] = float("nan")
    path = Path(f"{family}.pth")
    torch.save(content, path)
    return path


@pytest.mark.parametrize("last", [False, True], ids=["first weight", "head"])
@pytest.mark.parametrize("layers", [False, True], ids=["default layer", "named layer"])
@pytest.mark.parametrize("family", FIRST)
def test_nan_in_the_weights_is_a_verdict(camctl, photo, family, layers, last):
    words = ("run", photo, f"demo:{family}", sick(family, last=last), "--method", METHODS, "--topk", 2, "--json")
    done = camctl(*words, *(("--target-layers", LAYER[family]) if layers else ()), "--strict")

    assert done.code == 4
    assert done.err == ""
    assert {one["verdict"] for one in done.json["maps"]} == {"not-finite"}
    assert all(one["reason"] and "checkpoint" in one["hint"] for one in done.json["maps"])


@pytest.mark.parametrize("family", FIRST)
def test_nan_is_no_reason_to_save_nothing(camctl, photo, family):
    checkpoint = sick(family, last=False)

    done = camctl(
        "run", photo, f"demo:{family}", checkpoint, "--aug-smooth", "--eigen-smooth", "--save-path", "map.png"
    )

    assert done.code == 0
    assert "not-finite" in done.err
    assert "Traceback" not in done.err
    assert Path("map.png").stat().st_size


@pytest.mark.parametrize("family", FIRST)
def test_layers_of_a_model_with_nan_are_listed(camctl, photo, family):
    done = camctl("layers", f"demo:{family}", sick(family, last=False))

    assert done.code == 0
    assert "backbone" in done.out
