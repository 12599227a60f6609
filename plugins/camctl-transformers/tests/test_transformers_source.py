"""Loading transformers' classifiers: folders, names, weights, processors, texts, and what is said otherwise."""

import hashlib
import json
import os
import re
import shlex
import subprocess
import sys
from functools import partial

import numpy as np
import pytest
import torch
from camctl_transformers.finding import quiet
from camctl_transformers.source import Transformers
from PIL import Image
from safetensors.torch import load_file, save_file
from transformers import (
    AutoImageProcessor,
    AutoTokenizer,
    CLIPTokenizer,
    ViTConfig,
    ViTForImageClassification,
    ViTModel,
)
from transformers_families import FAMILIES
from transformers_making import NAMES, module_of, saved, tokenizer_of
from transformers_sweep import load, picture

import camctl
from camctl.errors import InputError, UnknownNameError
from tests.tiny_hub import serving


@pytest.fixture
def vit(tmp_path):
    """A saved ViT: (folder, the model itself)."""
    folder = tmp_path / "vit"
    return folder, saved(FAMILIES["vit"], folder)


@pytest.fixture
def clip(tmp_path):
    folder = tmp_path / "clip"
    return folder, saved(FAMILIES["clip-zero-shot"], folder)


def logits(loaded, pixels=None):
    with torch.no_grad():
        return loaded.forward(loaded.preprocess(picture() if pixels is None else pixels)[None])


# ----------------------------------------------------------------------------------------- folders


def test_a_folder_gives_the_models_own_logits_names_and_hash(vit):
    folder, net = vit
    loaded = camctl.load(f"transformers:{folder}")
    inputs = loaded.preprocess(picture())[None]

    with torch.no_grad():
        assert torch.allclose(loaded.forward(inputs), net(pixel_values=inputs).logits, atol=1e-6)
    assert loaded.class_names == NAMES
    assert loaded.score == "softmax"
    assert loaded.input_size == (64, 64)
    assert not loaded.module.training
    assert loaded.notes == ()
    weights = folder / "model.safetensors"
    assert loaded.checkpoint.path == str(weights)
    assert loaded.checkpoint.sha256 == hashlib.sha256(weights.read_bytes()).hexdigest()


def test_the_models_own_processor_is_used_without_pil(vit):
    folder, _ = vit
    loaded = camctl.load(f"transformers:{folder}")
    pixels = picture()
    with quiet():
        processor = AutoImageProcessor.from_pretrained(folder, backend="torchvision")
    expected = processor(images=torch.from_numpy(pixels).permute(2, 0, 1), return_tensors="pt")["pixel_values"][0]

    made = loaded.preprocess(pixels)
    assert made.dtype == torch.float32
    assert torch.equal(made, expected)
    assert torch.equal(loaded.preprocess(pixels[:, ::-1]), loaded.preprocess(np.ascontiguousarray(pixels[:, ::-1])))


def test_small_dark_and_narrow_pictures_are_no_surprise(vit):
    loaded = camctl.load(f"transformers:{vit[0]}")
    for pixels in (np.zeros((1, 1, 3)), np.zeros((3, 90, 3)), np.full((40, 3, 3), 1.0), np.full((9, 3, 3), 200.0)):
        assert loaded.preprocess(np.uint8(pixels)).shape == (3, 64, 64)


def test_placeholder_names_count_as_none(tmp_path):
    family = FAMILIES["vit"]
    module = module_of(family)
    module.config.id2label = {place: f"LABEL_{place}" for place in range(5)}
    saved(family, tmp_path, module=module)

    assert camctl.load(f"transformers:{tmp_path}").class_names is None


def test_multi_label_heads_are_scored_by_sigmoid(tmp_path):
    family = FAMILIES["vit"]
    module = module_of(family)
    module.config.problem_type = "multi_label_classification"
    saved(family, tmp_path, module=module)

    assert camctl.load(f"transformers:{tmp_path}").score == "sigmoid"


def test_half_precision_weights_are_run_in_full_on_a_cpu(tmp_path):
    family = FAMILIES["vit"]
    saved(family, tmp_path, module=module_of(family).half())

    assert {p.dtype for p in camctl.load(f"transformers:{tmp_path}").module.parameters()} == {torch.float32}


def test_without_a_processor_the_familys_default_at_the_networks_size_is_used_and_told(vit):
    folder, _ = vit
    (folder / "preprocessor_config.json").unlink()
    loaded = camctl.load(f"transformers:{folder}")

    assert loaded.input_size == (64, 64)
    assert any("Preprocessing" in note for note in loaded.notes)
    assert logits(loaded).shape == (1, 5)


@pytest.mark.parametrize("channels", [1, 3, 5])
def test_a_network_gets_the_channels_that_it_was_built_for(tmp_path, channels):
    config = ViTConfig(
        hidden_size=24, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32, image_size=64, patch_size=8,
        num_channels=channels, id2label=dict(enumerate(NAMES)),
    )  # fmt: skip
    ViTForImageClassification(config).save_pretrained(tmp_path)
    model = camctl.load(f"transformers:{tmp_path}")
    bands = np.random.default_rng(0).integers(0, 256, (80, 64, 5)).astype(np.uint8)
    explanation = camctl.explain(model, bands if channels == 5 else bands[..., :3])
    assert model.bands == (5 if channels == 5 else 3)
    assert explanation.maps[0].grid == (8, 8)


def test_a_backbone_without_a_head_is_an_encoder_and_told_where_classes_are_asked_for(tmp_path):
    family = FAMILIES["vit"]
    saved(family, tmp_path, module=ViTModel(ViTConfig(**family.config)))

    assert camctl.load(f"transformers:{tmp_path}").output == "embedding"
    with pytest.raises(InputError, match=r"classifier.weight .* would be random"):
        camctl.load(f"transformers:{tmp_path}", output="logits")


def test_old_names_of_weights_are_read(vit, tmp_path):
    folder, net = vit
    old = {re.sub(r"^vit\.layers\.", "vit.encoder.layer.", key): value for key, value in net.state_dict().items()}
    old = {
        re.sub(r"attention\.([qkv])_proj", lambda m: f"attention.attention.{NEW_TO_OLD[m[1]]}", key): value
        for key, value in old.items()
    }
    renames = {"attention.o_proj": "attention.output.dense", "mlp.fc1": "intermediate.dense", "mlp.fc2": "output.dense"}
    for new, before in renames.items():
        old = {key.replace(new, before): value for key, value in old.items()}
    assert old.keys() != net.state_dict().keys()
    save_file({key: value.contiguous() for key, value in old.items()}, tmp_path / "old.safetensors")
    loaded = camctl.load(f"transformers:{folder}", tmp_path / "old.safetensors")

    assert loaded.notes == ()
    assert all(torch.equal(value, net.state_dict()[key]) for key, value in loaded.module.state_dict().items())


NEW_TO_OLD = {"q": "query", "k": "key", "v": "value"}


# ----------------------------------------------------------------------------------- random weights


def test_random_weights_follow_the_seed_and_nothing_else(vit):
    torch.manual_seed(3)
    before = torch.random.get_rng_state()
    one, same, other = (
        camctl.load(f"transformers:{vit[0]}", random_weights=True, seed=seed).module.state_dict() for seed in (1, 1, 2)
    )

    assert torch.equal(torch.random.get_rng_state(), before)
    assert all(torch.equal(one[key], same[key]) for key in one)
    assert not all(torch.equal(one[key], other[key]) for key in one)


@pytest.mark.parametrize("name", ["vit", "convnext", "convnextv2", "beit", "poolformer"])
def test_random_weights_leave_no_layer_at_zero(tmp_path, name):
    saved(FAMILIES[name], tmp_path)
    module = load(FAMILIES[name], tmp_path, random_weights=True).module

    silent = [key for key, p in module.named_parameters() if not key.endswith("bias") and p.abs().max() < 1e-3]
    assert silent == []


def test_a_familys_name_is_enough_for_random_weights():
    loaded = camctl.load("transformers:pvt_v2", random_weights=True)

    assert loaded.random_weights
    assert loaded.checkpoint is None
    assert logits(loaded).shape == (1, 1000)


def test_a_familys_name_without_random_weights_says_so():
    with pytest.raises(InputError, match="family") as raised:
        camctl.load("transformers:vit")

    assert "--random-weights" in raised.value.hint


# ------------------------------------------------------------------------------------- names


LOAD = """
import json, sys
import camctl
from camctl.errors import CamctlError

try:
    camctl.load(sys.argv[1])
except CamctlError as error:
    print(json.dumps({"kind": type(error).__name__, "message": error.message, "hint": error.hint}))
"""


def test_without_a_network_one_line_and_a_hint_that_works(tmp_path):
    with serving() as hub:
        pass  # nobody listens there any more
    told = hub.run(tmp_path, LOAD, "transformers:someone/pvt-v2-b0-of-mine")

    assert told["kind"] == "CamctlError"
    assert "'someone/pvt-v2-b0-of-mine' is not on this machine and could not be downloaded" in told["message"]
    assert "\n" not in told["message"]
    (family,) = re.findall(r"transformers:(\w+): --random-weights", told["hint"])
    assert family == "pvt_v2"
    assert camctl.load(f"transformers:{family}", random_weights=True).random_weights


def test_a_model_that_the_hub_does_not_have(tmp_path):
    with serving() as hub:
        nothing, near = (hub.run(tmp_path, LOAD, f"transformers:{name}") for name in ("someone/nothing", "vitt"))

    assert (nothing["kind"], near["kind"]) == ("InputError", "UnknownNameError")
    assert "no public model 'someone/nothing'" in nothing["message"]
    assert "Did you mean vit" in near["hint"]


@pytest.mark.parametrize("path", ["./nowhere", "/no/where/at/all", "~/nowhere-here", "a/b/c"])
def test_a_folder_that_is_not_there(path):
    with pytest.raises(InputError, match="There is no folder"):
        camctl.load(f"transformers:{path}")


def test_the_command_says_so_in_seconds_and_a_folder_works(vit, tmp_path):
    folder, _ = vit
    Image.fromarray(picture()).save(tmp_path / "a.png")
    nowhere = {"HF_HOME": str(tmp_path), "https_proxy": "http://127.0.0.1:9", "HTTPS_PROXY": "http://127.0.0.1:9"}
    words = [sys.executable, "-m", "camctl", "run", str(tmp_path / "a.png")]
    run = partial(subprocess.run, env=os.environ | nowhere, capture_output=True, text=True, check=False, timeout=60)
    failed = run([*words, "transformers:google/vit-base-patch16-224"])
    drawn = run([*words, f"transformers:{folder}", "--save-path", str(tmp_path / "map.png")])

    assert failed.returncode == 1
    assert "Traceback" not in failed.stderr
    assert "Retrying" not in failed.stderr
    assert "transformers:vit: --random-weights" in failed.stderr
    assert drawn.returncode == 0, drawn.stderr
    assert "100%" not in drawn.stderr
    assert (tmp_path / "map.png").exists()


def test_code_that_a_model_brings_is_not_run(vit, monkeypatch):
    folder, _ = vit
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "mine", "auto_map": {"AutoConfig": "mine.Config"}}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "mine.py").write_text("raise SystemExit('ran')")
    with pytest.raises(InputError, match="does not run"):
        camctl.load(f"transformers:{folder}")


def test_a_folder_that_holds_no_model(tmp_path):
    with pytest.raises(InputError, match="no model of transformers"):
        camctl.load(f"transformers:{tmp_path}")


def test_a_model_of_another_kind_names_the_families_that_will_do(tmp_path):
    from transformers import BertConfig

    BertConfig(hidden_size=8).save_pretrained(tmp_path)
    with pytest.raises(InputError, match="no image classifier") as raised:
        camctl.load(f"transformers:{tmp_path}")

    assert "vit" in raised.value.hint


# ------------------------------------------------------------------------------------- weights


def test_a_folder_without_weights_says_what_to_do(vit):
    folder, _ = vit
    (folder / "model.safetensors").unlink()
    with pytest.raises(InputError, match="no weights") as raised:
        camctl.load(f"transformers:{folder}")

    assert "--random-weights" in raised.value.hint
    assert camctl.load(f"transformers:{folder}", random_weights=True).random_weights


@pytest.mark.parametrize("suffix", ["safetensors", "bin", "pth"])
def test_a_checkpoint_file_replaces_the_folders_weights(vit, tmp_path, suffix):
    folder, _ = vit
    other = module_of(FAMILIES["vit"], seed=9)
    path = tmp_path / f"other.{suffix}"
    if suffix == "safetensors":
        save_file(other.state_dict(), path)
    else:
        torch.save({"model": other.state_dict()} if suffix == "pth" else other.state_dict(), path)
    loaded = camctl.load(f"transformers:{folder}", path)

    assert torch.equal(loaded.module.classifier.weight, other.classifier.weight)
    assert loaded.checkpoint.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert loaded.checkpoint.path == str(path)


class Evil:
    """Runs when it is unpickled."""

    def __reduce__(self):
        return os.mkdir, ("evil-was-here",)


@pytest.mark.parametrize("where", ["checkpoint", "folder"])
def test_a_file_that_runs_code_is_refused(vit, tmp_path, monkeypatch, where):
    monkeypatch.chdir(tmp_path)
    folder, net = vit
    content = {**net.state_dict(), "log": Evil()}
    if where == "folder":
        (folder / "model.safetensors").unlink()
        torch.save(content, folder / "pytorch_model.bin")
    else:
        torch.save(content, tmp_path / "evil.pth")
    with pytest.raises(InputError) as raised:
        camctl.load(f"transformers:{folder}", tmp_path / "evil.pth" if where == "checkpoint" else None)

    assert "\n" not in raised.value.message
    assert not (tmp_path / "evil-was-here").exists()


@pytest.mark.parametrize("content", [b"", b"<html>", None])
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_broken_checkpoints_end_in_one_line(vit, tmp_path, content, suffix):
    path = tmp_path / f"broken{suffix}"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError) as raised:
        camctl.load(f"transformers:{vit[0]}", path)

    assert "\n" not in raised.value.message


def test_broken_weights_in_a_folder_end_in_one_line(vit):
    folder, _ = vit
    (folder / "model.safetensors").write_bytes(b"cut")
    with pytest.raises(InputError) as raised:
        camctl.load(f"transformers:{folder}")

    assert "\n" not in raised.value.message


def test_weights_of_another_model_are_refused(vit, tmp_path):
    save_file({"a.b": torch.zeros(2)}, tmp_path / "other.safetensors")
    with pytest.raises(InputError, match="another model"):
        camctl.load(f"transformers:{vit[0]}", tmp_path / "other.safetensors")


def test_checkpoint_and_random_weights_exclude_each_other(vit, tmp_path):
    with pytest.raises(InputError, match="random weights"):
        camctl.load(f"transformers:{vit[0]}", tmp_path / "a.pth", random_weights=True)


# ------------------------------------------------------------------------------------- zero-shot


def test_the_score_is_the_likeness_to_each_text(clip):
    folder, net = clip
    loaded = load(FAMILIES["clip-zero-shot"], folder)
    inputs = loaded.preprocess(picture())[None]
    with quiet():
        words = AutoTokenizer.from_pretrained(folder)(["a cat", "a photo of a dog"], padding=True, return_tensors="pt")
    with torch.no_grad():
        expected = net(pixel_values=inputs, input_ids=words["input_ids"], attention_mask=words["attention_mask"])

    assert torch.allclose(logits(loaded), expected.logits_per_image, atol=1e-5)
    assert loaded.class_names == ("a cat", "a photo of a dog")
    assert loaded.score == "softmax"


def test_siglip_says_yes_or_no_to_each_text(tmp_path):
    family = FAMILIES["siglip-zero-shot"]
    net = saved(family, tmp_path)
    loaded = load(family, tmp_path)
    inputs = loaded.preprocess(picture())[None]
    with quiet():
        tokenizer = AutoTokenizer.from_pretrained(tmp_path)
        words = tokenizer(list(family.labels), padding="max_length", max_length=16, return_tensors="pt")
    with torch.no_grad():
        expected = net(pixel_values=inputs, input_ids=words["input_ids"]).logits_per_image

    assert torch.allclose(logits(loaded), expected, atol=1e-5)
    assert loaded.score == "sigmoid"


def test_siglip2_sees_the_same_patches_as_by_its_own_processor(tmp_path):
    family = FAMILIES["siglip2"]
    net = saved(family, tmp_path)
    loaded = load(family, tmp_path)
    with quiet():
        processor = AutoImageProcessor.from_pretrained(tmp_path, backend="torchvision")
    made = processor(images=torch.from_numpy(picture()).permute(2, 0, 1), return_tensors="pt")
    with torch.no_grad():
        expected = net(**made).logits

    assert torch.allclose(logits(loaded), expected, atol=1e-4)
    assert loaded.preprocess(picture()).shape == (3, 7 * 8, 9 * 8)


def test_without_texts_the_model_asks_for_them_and_the_hint_works(clip):
    folder, _ = clip
    with pytest.raises(InputError, match="texts") as raised:
        camctl.load(f"transformers:{folder}")

    given = shlex.split(raised.value.hint.partition("--labels ")[2])
    loaded = camctl.load(f"transformers:{folder}", labels=given[0] if len(given) == 1 else given)
    assert loaded.class_names == ("a photo of a cat", "a photo of a dog")


def test_a_text_can_be_the_target(clip):
    loaded = load(FAMILIES["clip-zero-shot"], clip[0])
    one, other = (camctl.explain(loaded, picture(), targets=text).maps[0] for text in loaded.class_names)

    assert one.target.label == "a cat"
    assert np.abs(one.raw - other.raw).max() > 1e-3 * np.abs(one.raw).max()


def test_a_real_tokenizer_of_clip_reads_the_texts(clip, tmp_path):
    folder, _ = clip
    for file in folder.glob("tokenizer*"):
        file.unlink()
    signs = "acdgot"
    vocab = [*signs, *(f"{sign}</w>" for sign in signs), "ca", "cat</w>", "<|startoftext|>", "<|endoftext|>"]
    config = json.loads((folder / "config.json").read_text())
    config["text_config"]["eos_token_id"] = len(vocab) - 1
    (folder / "config.json").write_text(json.dumps(config))
    (tmp_path / "vocab.json").write_text(json.dumps({word: place for place, word in enumerate(vocab)}))
    (tmp_path / "merges.txt").write_text("#version: 0.2\nc a\nca t</w>\n")
    with quiet():
        CLIPTokenizer(str(tmp_path / "vocab.json"), str(tmp_path / "merges.txt")).save_pretrained(folder)
    loaded = camctl.load(f"transformers:{folder}", labels=["cat", "dog"])

    assert logits(loaded).shape == (1, 2)
    assert logits(loaded)[0, 0] != logits(loaded)[0, 1]


def test_labels_rename_classes_that_are_fixed(vit):
    names = [f"renamed {name}" for name in NAMES]
    loaded = camctl.load(f"transformers:{vit[0]}", labels=names)

    assert loaded.class_names == tuple(names)
    with pytest.raises(InputError, match="takes no config options"):
        camctl.load(f"transformers:{vit[0]}", cfg_options={"other": 1})
    with pytest.raises(InputError, match=f"the model has {len(NAMES)} classes"):
        camctl.load(f"transformers:{vit[0]}", labels=["a"])


def test_without_a_tokenizer_one_line(clip):
    folder, _ = clip
    for file in folder.glob("tokenizer*"):
        file.unlink()
    with pytest.raises(InputError, match="tokenizer") as raised:
        load(FAMILIES["clip-zero-shot"], folder)

    assert "\n" not in raised.value.message


# ------------------------------------------------------------------------------------- adapters


def test_tokens_of_hiera_are_put_back_in_order():
    from camctl_transformers.hiera import Hiera
    from transformers.models.hiera.modeling_hiera import unroll

    rows, columns = 16, 24
    places = torch.arange(rows * columns, dtype=torch.float32).reshape(1, rows * columns, 1)
    tokens = unroll(places, (rows * 4, columns * 4), (4, 4), [[2, 2]] * 3)
    expected = places.reshape(1, 1, rows, columns)
    adapter = Hiera()
    assert adapter.to_grid(tokens[:, :-1], (rows * 4, columns * 4)) is None
    assert torch.equal(adapter.to_grid(tokens, (rows * 4, columns * 4)), expected)
    for _ in range(3):
        tokens = tokens.reshape(1, 4, -1, 1).max(1).values
        expected = torch.nn.functional.max_pool2d(expected, 2)
        assert torch.equal(adapter.to_grid(tokens, (rows * 4, columns * 4)), expected)


def test_an_early_layer_of_hiera_shows_the_picture_where_it_is(tmp_path):
    family = FAMILIES["hiera"]
    saved(family, tmp_path)
    loaded = load(family, tmp_path)
    with quiet(), torch.no_grad():
        own = loaded.module.hiera(
            pixel_values=loaded.preprocess(picture())[None], output_hidden_states=True
        ).reshaped_hidden_states[1][0]
    seen = {}
    block = loaded.module.hiera.encoder.stages[0].layers[-1]
    handle = block.register_forward_hook(lambda _module, _args, output: seen.update(tokens=output[0]))
    logits(loaded)
    handle.remove()
    from camctl_transformers.hiera import Hiera

    assert torch.allclose(Hiera().to_grid(seen["tokens"], (128, 128))[0].permute(1, 2, 0), own, atol=1e-5)


def test_adapters_know_their_own_and_nothing_else():
    from camctl_transformers.hiera import Hiera
    from camctl_transformers.perceiver import Perceiver

    nets = {name: module_of(FAMILIES[name]) for name in ("perceiver", "hiera", "vit")}
    known = {name: [kind for kind in (Hiera, Perceiver) if kind().matches(net)] for name, net in nets.items()}
    assert known == {"perceiver": [Perceiver], "hiera": [Hiera], "vit": []}
    with pytest.raises(InputError, match="PerceiverEncoder"):
        Perceiver().target_layers(nets["vit"])


def test_a_hiera_of_another_shape_is_left_to_the_probe():
    from dataclasses import replace

    from camctl_transformers.hiera import Hiera

    family = FAMILIES["hiera"]
    other = replace(family, config=family.config | {"num_query_pool": 2})
    assert not Hiera().matches(module_of(other))


# ------------------------------------------------------------------------------------- package


def test_nothing_heavy_is_imported_at_the_top():
    modules = ", ".join(f"camctl_transformers.{name}" for name in ("source", "hiera", "perceiver"))
    done = subprocess.run(
        [sys.executable, "-c", f"import {modules}, sys; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = {name.split(".")[0] for name in done.stdout.split()}
    assert "camctl_transformers" in loaded
    assert not loaded & {"torch", "torchvision", "transformers", "numpy", "PIL"}


def test_what_transformers_says_is_put_back_as_it_was():
    from transformers.utils import logging as words

    level = words.get_verbosity()
    with quiet():
        assert words.get_verbosity() != level
    assert words.get_verbosity() == level
    assert words.is_progress_bar_enabled()


def test_the_plugins_are_found_by_entry_point():
    from importlib.metadata import entry_points

    found = {point.name: point.load() for point in entry_points(group="camctl.sources")}
    assert found["transformers"] is Transformers
    names = {point.name for point in entry_points(group="camctl.adapters")}
    assert {"transformers-hiera", "transformers-perceiver"} <= names


def test_the_tests_tokenizer_reads_words():
    assert tokenizer_of()("a cat")["input_ids"] == [2, 4, 7, 3]


@pytest.mark.parametrize("name", ["not a model", "a b/c", "naïve", "x?y=1"])
def test_a_name_that_no_model_can_have_is_refused_without_the_network(name):
    with pytest.raises(UnknownNameError, match="There is no transformers model, folder or family named"):
        camctl.load(f"transformers:{name}")


# ------------------------------------------------------------------- weights as people have them


def test_a_wrappers_prefix_is_taken_off(vit, tmp_path):
    folder, _ = vit
    other = module_of(FAMILIES["vit"], seed=9)
    state = {f"model.{key}": value for key, value in other.state_dict().items()}
    torch.save({"state_dict": {**state, "criterion.weight": torch.ones(3)}}, tmp_path / "last.ckpt")
    loaded = camctl.load(f"transformers:{folder}", tmp_path / "last.ckpt")

    assert all(torch.equal(value, other.state_dict()[key]) for key, value in loaded.module.state_dict().items())
    assert [note for note in loaded.notes if "checkpoint" in note] == [
        "The prefix 'model.' of the checkpoint's names was left out.",
        "1 entry of the checkpoint is not used (criterion.weight).",
    ]


def adapter_of(folder, base, module, layer="", **settings):
    """Write an adapter of one layer and a new head for a model, as PEFT does; returns the merged weights."""
    name = next(key.removesuffix(".weight") for key in module.state_dict() if key.endswith("q_proj.weight"))
    layer = layer or name
    width = module.classifier.weight.shape[1]
    first, second, head = torch.randn(2, width), torch.randn(width, 2), torch.randn(2, width)
    folder.mkdir()
    config = {"peft_type": "LORA", "base_model_name_or_path": str(base), "r": 2, "lora_alpha": 6, **settings}
    (folder / "adapter_config.json").write_text(json.dumps(config))
    state = {f"{layer}.lora_A.weight": first, f"{layer}.lora_B.weight": second, "classifier.weight": head}
    state |= {"classifier.bias": torch.zeros(2)}
    save_file({f"base_model.model.{key}": value for key, value in state.items()}, folder / "adapter_model.safetensors")
    return name, module.state_dict()[f"{name}.weight"] + 3 * second @ first, head


@pytest.mark.parametrize("layer", ["", "vit.encoder.layer.0.attention.attention.query"], ids=["new", "old"])
def test_an_adapters_folder_is_merged_into_its_model(vit, tmp_path, layer):
    base, net = vit
    if layer and f"{layer}.weight" not in load_file(base / "model.safetensors"):
        pytest.skip("this version of transformers saves the new names")
    name, weight, head = adapter_of(tmp_path / "lora", base, net, layer)
    loaded = camctl.load(f"transformers:{tmp_path / 'lora'}")

    assert torch.allclose(loaded.module.get_submodule(name).weight, weight, atol=1e-4)
    assert torch.equal(loaded.module.classifier.weight, head)
    assert loaded.class_names is None
    assert any("LoRA of 1 layer" in note for note in loaded.notes)


def test_an_adapter_of_a_model_that_is_not_there_names_it(vit, tmp_path):
    adapter_of(tmp_path / "lora", "./nowhere", vit[1])
    adapter_of(tmp_path / "other", vit[0], vit[1], peft_type="IA3")
    for folder, says in (("lora", "adapter of PEFT for ./nowhere"), ("other", "adapter of PEFT")):
        with pytest.raises(InputError, match=says) as raised:
            camctl.load(f"transformers:{tmp_path / folder}")
        assert "merge_and_unload" in raised.value.hint
