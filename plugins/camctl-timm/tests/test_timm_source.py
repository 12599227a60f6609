import ast
import hashlib
import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import camctl_timm
import numpy as np
import pytest
import timm
import torch
from camctl_timm import checkpoints, source
from camctl_timm.labels import class_names
from safetensors.torch import save_file

from camctl import registry
from camctl.errors import CamctlError, InputError, UnknownNameError
from tests.tiny_hub import serving

PACKAGE = Path(camctl_timm.__file__).parent
HEAVY = {"huggingface_hub", "numpy", "PIL", "safetensors", "timm", "torch"}


def trained(name="test_resnet", seed=3, **arguments):
    """A model whose weights are not what any other test draws."""
    torch.manual_seed(seed)
    model = timm.create_model(name, **arguments).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.01 * torch.randn_like(parameter))
    return model


def answers(model, edge=160):
    """Logits for one noise."""
    noise = torch.randn(1, 3, edge, edge, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        return model(noise)


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


# ------------------------------------------------------------------------------------- the package


def test_camctl_finds_the_source_by_its_entry_point():
    loaded = registry.pick("source", "timm")

    assert (loaded.found.distribution, loaded.found.name) == ("camctl-timm", "timm")
    assert "timm:NAME" in loaded.plugin.summary


@pytest.mark.parametrize("path", sorted(PACKAGE.glob("*.py")), ids=lambda path: path.stem)
def test_a_module_imports_the_contract_alone_and_nothing_heavy_at_its_top(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    top = [node for node in tree.body if isinstance(node, (ast.Import, ast.ImportFrom))]
    names = {(node.module or "") if isinstance(node, ast.ImportFrom) else node.names[0].name for node in top}
    everywhere = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}

    assert not {name.split(".")[0] for name in names} & HEAVY
    ours = {name for name in everywhere if (name or "").startswith("camctl.")}
    assert {".".join(name.split(".")[:2]) for name in ours} <= {"camctl.plugin", "camctl.kit", "camctl.errors"}


def test_listing_the_source_imports_no_torch():
    code = "import sys, camctl_timm.source; sys.exit(1 if {'torch', 'timm', 'numpy'} & set(sys.modules) else 0)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# ------------------------------------------------------------------------------------------- names


def test_a_misspelt_name_is_answered_with_near_ones(load):
    with pytest.raises(UnknownNameError) as told:
        load("resnet5")

    assert "Did you mean" in told.value.hint
    assert "resnet50" in told.value.hint


def test_a_name_like_no_other_is_not_answered_with_a_thousand(load):
    with pytest.raises(UnknownNameError) as told:
        load("qqqqqqqqqqq")

    assert len(told.value.hint) < 200


def test_an_unknown_tag_is_answered_with_the_tags_there_are(load):
    with pytest.raises(UnknownNameError, match="resnet18") as told:
        load("resnet18.nobody")

    assert "a1_in1k" in told.value.hint


def test_a_tag_may_be_named_and_case_does_not_matter(load):
    loaded = load("Test_ResNet.R160_in1k")

    assert loaded.name == "timm:Test_ResNet.R160_in1k"
    assert loaded.module.pretrained_cfg["tag"] == "r160_in1k"


def test_a_hubs_name_without_its_place_is_told_how_to_write_it(load):
    with pytest.raises(InputError) as told:
        load("timm/resnet18.a1_in1k")

    assert "timm:hf-hub:timm/resnet18.a1_in1k" in told.value.hint


def test_a_backbone_without_a_head_ends_in_one_line(load):
    with pytest.raises(InputError, match="features, not classes") as told:
        load("vit_tiny_patch16_dinov3_qkvb")

    assert "num_classes" in told.value.hint


def test_a_backbone_is_given_a_head_by_an_option(load):
    loaded = load("vit_tiny_patch16_dinov3_qkvb", cfg_options={"num_classes": 5, "img_size": 64})

    assert loaded.input_size == (64, 64)
    assert loaded.forward(torch.zeros(1, 3, 64, 64)).shape == (1, 5)


def test_a_wrong_option_ends_in_one_line(load):
    with pytest.raises(InputError, match="nonsense") as told:
        load("test_resnet", cfg_options={"nonsense": 1})

    assert "\n" not in told.value.message


@pytest.mark.parametrize("options", [{"num_classes": "abc"}, {"num_classes": -3}, {"in_chans": 0}], ids=str)
def test_a_number_that_no_model_can_have_is_refused(load, options):
    (name,) = options
    with pytest.raises(InputError, match=name):
        load("test_resnet", random_weights=True, cfg_options=options)


# ------------------------------------------------------------------------------------- checkpoints


def test_safetensors_are_loaded_and_their_hash_is_kept(load, tmp_path):
    model, file = trained(), tmp_path / "ours.safetensors"
    save_file(model.state_dict(), file)

    loaded = load("test_resnet", str(file))

    assert torch.equal(loaded.forward(torch.ones(1, 3, 160, 160)), model(torch.ones(1, 3, 160, 160)))
    assert (loaded.checkpoint.path, loaded.checkpoint.sha256) == (str(file), sha256(file))
    assert not loaded.random_weights
    assert loaded.notes == ()


def test_a_checkpoint_may_stand_behind_the_name(load, tmp_path):
    model, file = trained(), tmp_path / "ours.safetensors"
    save_file(model.state_dict(), file)

    loaded = load(f"test_resnet@{file}")

    assert torch.equal(answers(loaded.forward), answers(model))
    with pytest.raises(InputError, match="Two checkpoints"):
        load(f"test_resnet@{file}", str(file))


def test_the_moving_average_in_a_training_checkpoint_is_taken(load, tmp_path):
    model, other, file = trained(), trained(seed=4), tmp_path / "last.pth.tar"
    wrapped = {f"module.{key}": value for key, value in model.state_dict().items()}
    torch.save({"epoch": 3, "state_dict": other.state_dict(), "state_dict_ema": wrapped}, file)

    loaded = load("test_resnet", str(file))

    assert torch.equal(answers(loaded.forward), answers(model))


def test_a_head_of_another_size_comes_with_the_checkpoint(load, tmp_path):
    model, file = trained(num_classes=7), tmp_path / "seven.safetensors"
    save_file(model.state_dict(), file)

    loaded = load("test_resnet", str(file))

    assert torch.equal(answers(loaded.forward), answers(model))
    assert loaded.class_names is None


def test_weights_in_the_layout_of_the_first_authors_are_converted(load, tmp_path):
    model, file = trained("test_vit"), tmp_path / "clip.safetensors"
    torch.nn.init.zeros_(model.head.bias)
    # As OpenCLIP names them: the trunk is timm's, and a projection stands for the head.
    state = {f"visual.trunk.{key}": value for key, value in model.state_dict().items() if not key.startswith("head")}
    save_file({**state, "visual.head.proj.weight": model.head.weight.detach(), "logit_scale": torch.ones(1)}, file)

    loaded = load("test_vit", str(file))

    assert torch.equal(answers(loaded.forward), answers(model))
    assert loaded.notes == ()


def test_a_checkpoint_of_another_model_is_refused(load, tmp_path):
    file = tmp_path / "vit.safetensors"
    save_file(trained("test_vit").state_dict(), file)

    with pytest.raises(InputError, match="another model"):
        load("test_resnet", str(file))


def test_what_a_checkpoint_lacks_is_named(load, tmp_path):
    state, file = trained().state_dict(), tmp_path / "part.safetensors"
    del state["layer4.0.bn2.weight"]
    save_file({**state, "ema.decay": torch.zeros(1)}, file)

    with pytest.raises(InputError, match=r"1 of \d+ weights is not in it \(layer4.0.bn2.weight") as told:
        load("test_resnet", str(file))
    assert "ema.decay" in told.value.message


class Payload:
    def __reduce__(self):
        return print, ("ran",)


def test_code_in_a_checkpoint_is_refused_unless_trusted(load, tmp_path, capsys):
    model, file = trained(), tmp_path / "evil.pth"
    torch.save({"state_dict": model.state_dict(), "extra": Payload()}, file, pickle_module=pickle)

    with pytest.raises(InputError, match="to be run") as told:
        load("test_resnet", str(file))
    assert "--trust-checkpoint" in told.value.hint
    assert "ran" not in capsys.readouterr().out

    loaded = load("test_resnet", str(file), trust_checkpoint=True)
    assert torch.equal(answers(loaded.forward), answers(model))


@pytest.mark.parametrize("suffix", ["pth", "safetensors"])
def test_a_broken_file_ends_in_one_line(load, tmp_path, suffix):
    file = tmp_path / f"broken.{suffix}"
    file.write_bytes(b"not a checkpoint at all")

    with pytest.raises(InputError, match="not a readable checkpoint"):
        load("test_resnet", str(file))


def test_jaxs_arrays_are_left_to_timm_which_says_what_they_lack(load, tmp_path):
    np.savez(tmp_path / "flax.npz", **{"some/kernel": np.zeros(3)})

    with pytest.raises(InputError, match="do not fit timm:test_vit") as told:
        load("test_vit", str(tmp_path / "flax.npz"))
    assert "\n" not in told.value.message


def test_a_missing_file_and_two_wishes_at_once_end_in_one_line(load, tmp_path):
    with pytest.raises(InputError, match="There is no checkpoint file"):
        load("test_resnet", str(tmp_path / "nowhere.pth"))
    with pytest.raises(InputError, match="random weights"):
        load("test_resnet", str(tmp_path / "nowhere.pth"), random_weights=True)


# ----------------------------------------------------------------------------- the hub and folders


def test_published_weights_come_from_the_hubs_cache_without_a_network(load, cache):
    model = trained()
    snapshot = cache("timm/test_resnet.r160_in1k", model__safetensors=lambda path: save_file(model.state_dict(), path))

    loaded = load("test_resnet", random_weights=False)

    assert torch.equal(answers(loaded.forward), answers(model))
    assert loaded.checkpoint.path == "model.safetensors"
    assert loaded.checkpoint.sha256 == sha256(snapshot / "model.safetensors")
    assert "state_dict" not in loaded.module.pretrained_cfg


def test_a_hubs_model_brings_its_config_and_class_names(load, cache):
    model = trained("test_vit", num_classes=2)
    config = {
        "architecture": "test_vit",
        "num_classes": 2,
        "pretrained_cfg": {
            "input_size": [3, 160, 160],
            "fixed_input_size": True,
            "mean": [0.1, 0.2, 0.3],
            "std": [0.5, 0.6, 0.7],
            "label_names": ["cat", "dog"],
            "num_classes": 2,
        },
    }
    cache(
        "us/cats",
        config__json=lambda path: path.write_text(json.dumps(config)),
        model__safetensors=lambda path: save_file(model.state_dict(), path),
    )

    loaded = load("hf-hub:us/cats", random_weights=False)

    assert torch.equal(answers(loaded.forward), answers(model))
    assert loaded.class_names == ("cat", "dog")
    black = loaded.preprocess(np.zeros((10, 20, 3), np.uint8))
    assert torch.allclose(black[:, 0, 0], torch.tensor([-0.1 / 0.5, -0.2 / 0.6, -0.3 / 0.7]))


def test_a_hubs_model_of_another_library_is_told_from_timms(load, cache):
    cache("us/bert", config__json=lambda path: path.write_text(json.dumps({"model_type": "vit"})))

    with pytest.raises(InputError, match="no model of timm's") as told:
        load("hf-hub:us/bert")
    assert "transformers:" in told.value.hint


def test_a_folder_that_timm_saved_is_loaded(load, tmp_path):
    model = trained(num_classes=3)
    timm.models.save_for_hf(
        model, tmp_path / "ours", model_config={"label_names": ["a", "b", "c"]}, safe_serialization=True
    )

    loaded = load(f"local-dir:{tmp_path / 'ours'}", random_weights=False)

    assert torch.equal(answers(loaded.forward), answers(model))
    assert loaded.class_names == ("a", "b", "c")
    assert loaded.checkpoint.sha256 == sha256(tmp_path / "ours" / "model.safetensors")


@pytest.mark.parametrize(
    ("reference", "way_out"), [("test_resnet", "--random-weights"), ("hf-hub:us/cats", "local-dir:")]
)
def test_a_download_without_a_network_ends_in_one_line(load, cache, reference, way_out):
    with pytest.raises(CamctlError, match="is not on this machine") as told:
        load(reference, random_weights=False)

    assert "\n" not in told.value.message
    assert way_out in told.value.hint
    assert told.value.exit_code == 1


def test_no_network_is_told_at_once(tmp_path):
    with serving() as hub:
        pass  # nobody listens there any more
    code = """
import json
from camctl.errors import CamctlError
from camctl.kit.hub import hub_file
try:
    hub_file("us/cats", "config.json")
except CamctlError as error:
    print(json.dumps(error.message))
"""
    message = hub.run(tmp_path, code)

    assert message.startswith("'us/cats' is not on this machine and could not be downloaded from the hub: ")
    assert "Connection refused" in message


def test_the_command_ends_in_a_message_and_a_hint_when_offline(tmp_path, pixels):
    from PIL import Image

    Image.fromarray(pixels).save(tmp_path / "picture.png")
    done = subprocess.run(
        [sys.executable, "-m", "camctl", "run", str(tmp_path / "picture.png"), "timm:test_resnet"],
        env=os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert "is not on this machine" in done.stderr
    assert "--random-weights" in done.stderr
    assert "Traceback" not in done.stderr


def test_random_weights_ask_for_no_file(load, monkeypatch):
    def never(*_args):
        pytest.fail("asked for a file")

    monkeypatch.setattr(source, "hub_file", never)
    monkeypatch.setattr(source, "fetch", never)
    monkeypatch.setattr(checkpoints, "read", never)

    assert load("test_resnet").checkpoint is None


# ------------------------------------------------------------------------------ pictures and names


@pytest.mark.parametrize("name", ["test_vit", "test_resnet"])
def test_the_preprocessing_is_that_of_timms_own_data_config(load, pixels, name):
    from PIL import Image

    loaded = load(name)
    config = timm.data.resolve_data_config({}, model=loaded.module)
    theirs = timm.data.create_transform(**config, is_training=False)(Image.fromarray(pixels))

    ours = loaded.preprocess(pixels)
    assert ours.dtype == torch.float32
    assert torch.equal(ours, theirs)
    assert loaded.input_size == ours.shape[1:] == config["input_size"][1:]


def test_the_input_size_may_be_set_for_nets_of_any_size_and_of_a_fixed_one(load, pixels):
    for name in ("test_vit", "test_resnet"):
        loaded = load(name, cfg_options={"img_size": [96, 128]})

        assert loaded.input_size == (96, 128)
        assert loaded.forward(loaded.preprocess(pixels)[None]).shape == (1, 1000)


@pytest.mark.parametrize("channels", [1, 3, 5])
def test_a_network_gets_the_channels_that_it_was_built_for(load, pixels, channels):
    model = load("test_resnet", random_weights=True, cfg_options={"in_chans": channels})
    picture = pixels if channels < 5 else pixels[..., [0, 1, 2, 0, 1]]
    inputs = model.preprocess(picture)
    assert inputs.shape[0] == channels
    assert model.bands == (5 if channels == 5 else 3)
    assert model.forward(inputs[None]).shape[0] == 1


def test_a_grey_network_sees_the_luma(load):
    model = load("test_resnet", random_weights=True, cfg_options={"in_chans": 1})
    seen = model.preprocess(np.full((200, 200, 3), (200, 100, 50), np.uint8))
    wanted = (round(0.299 * 200 + 0.587 * 100 + 0.114 * 50) / 255 - 0.5) / 0.5  # its config's
    assert seen.mean().item() == pytest.approx(wanted, abs=1e-3)


def test_imagenets_names_stand_in_the_models_order(load):
    names = load("test_resnet").class_names

    assert len(names) == 1000
    assert names[0].startswith("tench")
    assert names[281].startswith("tabby")
    assert names[-1].startswith("toilet tissue")


@pytest.mark.parametrize("classes", [11221, 11821, 21841, 21842, 21843])
def test_the_larger_imagenets_are_told_by_their_size(classes):
    assert len(class_names({}, classes)) == classes


def test_microsofts_22k_begins_with_imagenet_1k():
    assert class_names({}, 21842)[:1000] != class_names({}, 21841)[:1000]
    assert class_names({}, 21842)[281].startswith("tabby")


def test_classes_that_nobody_knows_have_no_names():
    assert class_names({"label_names": ["cat", "dog"]}, 512) is None


# ---------------------------------------------------------------------------------- random weights


def test_the_seed_decides_the_weights_and_nothing_else_is_touched(load):
    before = torch.random.get_rng_state()
    same, again, other = (load("test_convnext", seed=seed) for seed in (0, 0, 1))

    assert torch.equal(torch.random.get_rng_state(), before)
    assert torch.equal(answers(same.forward), answers(again.forward))
    assert not torch.equal(answers(same.forward), answers(other.forward))
    assert same.random_weights


@pytest.mark.parametrize("name", ["test_resnet", "test_convnext", "test_nfnet", "test_vit", "cait_xxs24_224"])
def test_no_layer_is_silent_by_its_initialisation(load, name):
    module = load(name).module

    largest = {key: float(value.detach().abs().max()) for key, value in module.named_parameters()}
    silent = [key for key, value in largest.items() if value < 1e-3 and not key.endswith(("bias", "token"))]
    assert silent == []


def test_batch_norms_know_what_they_are_given(load):
    """Untrained statistics let the logits of a ResNet grow by orders of magnitude."""
    loaded = load("test_resnet")

    assert not loaded.module.training
    assert 0.01 < float(answers(loaded.forward).std()) < 10
    assert float(loaded.module.layer4[0].bn1.running_mean.abs().max()) > 0


# ------------------------------------------------------------------- never a random weight without a word


def test_a_missing_buffer_leaves_the_trained_head_in_its_place(load, tmp_path):
    model, file = trained(num_classes=3), tmp_path / "part.pth"
    state = model.state_dict()
    name = next(key for key in state if key.endswith("running_var"))
    del state[name]
    torch.save(state, file)

    loaded = load("test_resnet", str(file))

    assert loaded.notes == (f"The checkpoint lacks 1 buffer, which keeps its initial values ({name}).",)
    head = next(key for key in reversed(list(state)) if key.endswith("weight"))
    assert torch.equal(loaded.module.state_dict()[head], state[head])


@pytest.mark.parametrize("options", [{}, {"num_classes": 3}])
@pytest.mark.parametrize("prefix", ["model.", "module.", "net.backbone."])
def test_a_wrappers_prefix_is_no_reason_for_a_random_head(load, tmp_path, options, prefix):
    model, file = trained(num_classes=3), tmp_path / "wrapped.ckpt"
    torch.save({"state_dict": {f"{prefix}{key}": value for key, value in model.state_dict().items()}}, file)

    loaded = load("test_resnet", str(file), cfg_options=options)

    assert torch.equal(answers(loaded.forward), answers(model))
    assert loaded.notes == (f"The prefix '{prefix}' of the checkpoint's names was left out.",)


@pytest.mark.parametrize("name", ["test_resnet", "test_convnext", "test_vit"])
def test_a_checkpoint_without_its_head_is_refused(load, tmp_path, name):
    model, file = trained(name), tmp_path / "body.pth"
    head = model.pretrained_cfg["classifier"]
    torch.save({key: value for key, value in model.state_dict().items() if not key.startswith(f"{head}.")}, file)

    for options in ({}, {"num_classes": 3}):
        with pytest.raises(InputError, match="would be random"):
            load(name, str(file), cfg_options=options)


def test_another_number_of_classes_than_the_checkpoints_is_refused(load, tmp_path):
    file = tmp_path / "three.pth"
    torch.save(trained(num_classes=3).state_dict(), file)

    with pytest.raises(InputError, match="The head has 5 classes in timm:test_resnet, 3 in the checkpoint") as told:
        load("test_resnet", str(file), cfg_options={"num_classes": 5})
    assert "num_classes=3" in told.value.hint


def test_published_weights_keep_no_random_head_for_other_classes(load, tmp_path):
    model = trained("test_convnext")
    timm.models.save_for_hf(model, tmp_path / "ours", safe_serialization=True)
    with pytest.raises(InputError, match="The head has 7 classes"):
        load(f"local-dir:{tmp_path / 'ours'}", random_weights=False, cfg_options={"num_classes": 7})


def test_plain_weights_are_taken_if_they_are_asked_for(load, tmp_path):
    model, other, file = trained(), trained(seed=4), tmp_path / "last.pth.tar"
    torch.save({"state_dict": other.state_dict(), "state_dict_ema": model.state_dict()}, file)

    assert torch.equal(answers(load("test_resnet", str(file), weights="plain").forward), answers(other))


def test_class_names_of_a_checkpoint_are_used(load, tmp_path):
    file = tmp_path / "named.pth"
    torch.save(
        {"state_dict": trained(num_classes=3).state_dict(), "class_to_idx": {"ant": 0, "bee": 1, "wasp": 2}}, file
    )

    assert load("test_resnet", str(file)).class_names == ("ant", "bee", "wasp")


def test_the_network_that_the_weights_fit_is_named(load, tmp_path):
    file = tmp_path / "other.pth"
    torch.save(timm.create_model("resnet14t", num_classes=3).state_dict(), file)

    with pytest.raises(InputError) as told:
        load("resnet10t", str(file))
    assert told.value.hint == "The weights fit timm:resnet14t."


def test_names_that_a_shell_offers_are_those_that_timm_lists():
    assert set(source.Timm().names()) == set(timm.list_models())
