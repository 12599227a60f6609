"""Small networks of open_clip with random weights score pictures against texts as open_clip itself does."""

import json
import logging

import numpy as np
import open_clip
import pytest
import torch
from open_clip.transform import PreprocessCfg, image_transform_v2
from PIL import Image
from safetensors.torch import save as save_file

import camctl
from camctl.errors import CamctlError, InputError
from camctl.kit.random_weights import seeded
from tests.tiny_hub import serving

PICTURE = np.random.default_rng(0).integers(0, 256, (80, 96, 3), np.uint8)
TEXTS = ("a photo of a cat", "a photo of a dog", "a mushroom")
TEXT = {"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 4, "layers": 2}
VISIONS = {
    "vit": {"image_size": 64, "layers": 3, "width": 64, "head_width": 16, "patch_size": 16},
    "mean": {"image_size": 64, "layers": 3, "width": 64, "head_width": 16, "patch_size": 16, "pool_type": "avg"},
    "resnet": {"image_size": 64, "layers": [1, 1, 1, 1], "width": 16},
    "coca": {
        "image_size": 64,
        "layers": 3,
        "width": 64,
        "head_width": 16,
        "patch_size": 16,
        "attentional_pool": True,
        "attn_pooler_heads": 4,
    },
}
LAYERS = {
    "vit": "visual.transformer.resblocks.2.ln_1",
    "mean": "visual.ln_post",
    "resnet": "visual.layer4.0.act3",
    "coca": "visual.transformer.resblocks.2",
}
BOTH = pytest.mark.parametrize("kind", ["vit", "resnet"])


@pytest.fixture
def save(tmp_path, monkeypatch):
    """Save a small network as a folder of open_clip; returns the folder and the network."""
    monkeypatch.chdir(tmp_path)
    logging.disable(logging.WARNING)

    def saved(kind="vit", **more):
        config = {"embed_dim": 32, "vision_cfg": VISIONS[kind], "text_cfg": TEXT, **more}
        folder = tmp_path / kind
        folder.mkdir()
        pictures = {"mean": [0.5, 0.4, 0.3], "std": [0.2, 0.3, 0.4]}
        written = json.dumps({"model_cfg": config, "preprocess_cfg": pictures})
        (folder / "open_clip_config.json").write_text(written, encoding="utf-8")
        with seeded(0):
            net = open_clip.create_model(f"local-dir:{folder}", load_weights=False).eval()
            for parameter in net.parameters():
                if parameter.ndim > 1:
                    parameter.data.add_(torch.randn_like(parameter) * 0.05)
        torch.save(net.state_dict(), folder / "open_clip_pytorch_model.bin")
        return folder, net

    yield saved
    logging.disable(logging.NOTSET)


def expected(folder, net):
    """The scores of the texts, as open_clip's own example computes them."""
    config = PreprocessCfg(**open_clip.get_model_preprocess_cfg(net))
    inputs = image_transform_v2(config, is_train=False)(Image.fromarray(PICTURE))[None]
    tokens = open_clip.get_tokenizer(f"local-dir:{folder}")(list(TEXTS))
    with torch.no_grad():
        image, text, scale = net(inputs, tokens)[:3]
        return (scale * image @ text.T)[0]


@pytest.mark.parametrize("kind", VISIONS)
def test_texts_are_scored_as_by_open_clip_itself_and_drawn_at_the_layer_of_an_expert(save, kind):
    folder, net = save(kind)
    loaded = camctl.load(f"openclip:{folder}", labels=TEXTS)
    (cam,) = camctl.explain(loaded, PICTURE, targets="a mushroom").maps
    scores = expected(folder, net).softmax(0)
    assert cam.target.score == pytest.approx(float(scores[2]), abs=1e-5)
    assert cam.layers == (LAYERS[kind],)
    assert cam.verdict in {"ok", "negative-only"}
    assert cam.grid == ((2, 2) if kind == "resnet" else (4, 4))


@BOTH
def test_gradcam_of_a_text_is_its_formula(save, kind):
    folder, _ = save(kind)
    loaded = camctl.load(f"openclip:{folder}", labels=TEXTS)
    (cam,) = camctl.explain(loaded, PICTURE, targets=TEXTS[1], methods="gradcam").maps
    seen = {}
    layer = loaded.module.get_submodule(LAYERS[kind])
    with layer.register_forward_hook(lambda _part, _given, output: seen.update(at=output)):
        logits = loaded.forward(loaded.preprocess(PICTURE)[None])
    (gradient,) = torch.autograd.grad(logits[0, 1], seen["at"])
    values = seen["at"].detach()
    if kind == "vit":  # the class token comes first
        values, gradient = (each[:, 1:].transpose(1, 2).unflatten(2, (4, 4)) for each in (values, gradient))
    raw = (gradient.mean((2, 3), keepdim=True) * values).sum(1)[0]
    scale = float(raw.abs().max())
    np.testing.assert_allclose(cam.raw / scale, raw.numpy() / scale, atol=1e-4)


def test_a_network_with_a_bias_answers_yes_or_no_to_each_text(save):
    folder, _ = save(init_logit_bias=-2.0, custom_text=True)
    loaded = camctl.load(f"openclip:{folder}", labels=TEXTS)
    assert loaded.score == "sigmoid"
    (cam,) = camctl.explain(loaded, PICTURE, targets=TEXTS[0]).maps
    logit = loaded.forward(loaded.preprocess(PICTURE)[None])[0, 0]
    assert cam.target.score == pytest.approx(float(logit.detach().sigmoid()), abs=1e-5)


def test_a_checkpoint_file_of_a_training_fills_a_network(save, tmp_path):
    folder, net = save()
    state = {f"module.{name}": tensor for name, tensor in net.state_dict().items()}
    torch.save({"epoch": 3, "name": "run", "state_dict": state}, tmp_path / "epoch_3.pt")
    (folder / "open_clip_pytorch_model.bin").unlink()
    loaded = camctl.load(f"openclip:{folder}", str(tmp_path / "epoch_3.pt"), labels=TEXTS)
    logits = loaded.forward(loaded.preprocess(PICTURE)[None])[0]
    torch.testing.assert_close(logits.detach(), expected(folder, net), rtol=1e-4, atol=1e-4)
    assert loaded.checkpoint.path.endswith("epoch_3.pt")


def test_weights_of_another_network_are_refused(save, tmp_path):
    folder, _ = save()
    torch.save({"visual.conv1.weight": torch.zeros(3, 3, 2, 2)}, tmp_path / "other.pt")
    with pytest.raises(InputError, match=r"other\.pt"):
        camctl.load(f"openclip:{folder}", str(tmp_path / "other.pt"), labels=TEXTS)


def test_without_texts_the_network_asks_for_them():
    with pytest.raises(InputError, match="scores pictures against texts") as caught:
        camctl.load("openclip:ViT-B-32", random_weights=True)
    assert "labels" in str(caught.value.hint)


def test_a_name_without_weights_lists_the_published_ones():
    with pytest.raises(InputError, match="which weights") as caught:
        camctl.load("openclip:ViT-B-32", labels=TEXTS)
    assert "laion2b_s34b_b79k" in str(caught.value.hint)


@pytest.mark.parametrize("reference", ["ViT-B-33", "nowhere/folder"])
def test_a_network_that_is_not_there_is_refused(reference):
    with pytest.raises(CamctlError, match="There is no"):
        camctl.load(f"openclip:{reference}", labels=TEXTS, random_weights=True)


CODE = """
import json
from camctl_openclip.networks import weights_of
from camctl.plugin import LoadOptions
weights, more = weights_of("ViT-B-32", "laion2b_s34b_b79k", LoadOptions())
print(json.dumps([sorted(weights.state), weights.origin.path, more["force_preprocess_cfg"]["mean"]]))
"""


def test_published_weights_come_from_the_hub_with_their_preprocessing(tmp_path):
    file = save_file({"logit_scale": torch.ones(())})
    with serving() as hub:
        files = {"open_clip_model.safetensors": file}
        hub.repositories["laion/CLIP-ViT-B-32-laion2B-s34B-b79K"] = {"main": files}
        names, origin, mean = hub.run(tmp_path, CODE)
    assert names == ["logit_scale"]
    assert origin == "ViT-B-32, laion2b_s34b_b79k"
    assert mean == pytest.approx([0.48145466, 0.4578275, 0.40821073])
