"""Models of transformers out of a hub, by the hub's own client, from a server on this machine."""

import hashlib
import io
import json
import os

import numpy as np
import pytest
import torch
from transformers_families import FAMILIES
from transformers_making import module_of, saved
from transformers_sweep import picture

import camctl
from camctl.errors import InputError
from tests.tiny_hub import files_in, serving

CODE = """
import json, sys
import numpy as np
import torch
import camctl
from camctl.errors import CamctlError

pixels = np.load(sys.argv[2])

def load(reference, options):
    told = []
    try:
        loaded = camctl.load(reference, progress=lambda *seen: told.append(seen), **options)
    except CamctlError as error:
        return {"error": error.message, "hint": error.hint}
    with torch.no_grad():
        logits = loaded.forward(loaded.preprocess(pixels)[None])
    return {
        "logits": logits[0].tolist(), "size": loaded.input_size, "sha256": loaded.checkpoint.sha256, "told": told,
        "notes": loaded.notes,
    }

print(json.dumps([load(*each) for each in json.loads(sys.argv[1])]))
"""


def here(folder):
    """What the same folder gives when it is loaded from this machine."""
    loaded = camctl.load(f"transformers:{folder}")
    with torch.no_grad():
        return loaded.forward(loaded.preprocess(picture())[None])[0].tolist()


def as_pickle(content):
    stream = io.BytesIO()
    torch.save(content, stream)
    return stream.getvalue()


def test_models_and_their_revisions_are_fetched_with_progress(tmp_path):
    family = FAMILIES["vit"]
    saved(family, tmp_path / "one")
    saved(family, tmp_path / "two", module=module_of(family, seed=9))
    # The other revision's processor differs as well.
    file = tmp_path / "two" / "preprocessor_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"image_mean": [0.1, 0.2, 0.3]}))
    module_of(family, seed=5).save_pretrained(tmp_path / "shards", max_shard_size="20KB")
    shards = sorted((tmp_path / "shards").glob("*-of-*.safetensors"))
    assert len(shards) > 1
    np.save(tmp_path / "pixels.npy", picture())
    first, second = files_in(tmp_path / "one"), files_in(tmp_path / "two")
    processor = {"preprocessor_config.json": first["preprocessor_config.json"]}
    with serving() as hub:
        hub.repositories["us/vit"] = {"main": first, "v2": second}
        hub.repositories["us/shards"] = {"main": files_in(tmp_path / "shards") | processor}
        calls = [["transformers:us/vit", {}], ["transformers:us/vit@v2", {}], ["transformers:us/shards", {}]]
        calls += [["transformers:us/vit@v3", {}], ["transformers:us/none", {}]]
        one, two, three, revision, repository = hub.run(
            tmp_path / "home", CODE, json.dumps(calls), tmp_path / "pixels.npy"
        )

    (tmp_path / "shards" / "preprocessor_config.json").write_bytes(processor["preprocessor_config.json"])
    for told, name in ((one, "one"), (two, "two"), (three, "shards")):
        assert told["logits"] == pytest.approx(here(tmp_path / name), abs=1e-5), name
        assert told["notes"] == []
    size = len(first["model.safetensors"])
    assert one["told"][-1] == ["model.safetensors", size, size]
    assert one["sha256"] == hashlib.sha256(first["model.safetensors"]).hexdigest()
    assert two["sha256"] == hashlib.sha256(second["model.safetensors"]).hexdigest()
    assert {name for name, _, _ in three["told"]} > {shard.name for shard in shards}
    assert three["sha256"] == hashlib.sha256(b"".join(shard.read_bytes() for shard in shards)).hexdigest()
    assert "no revision 'v3'" in revision["error"]
    assert "no public model 'us/none'" in repository["error"]


def test_trust_reads_what_else_a_hubs_file_holds(tmp_path):
    saved(FAMILIES["vit"], tmp_path / "vit")
    np.save(tmp_path / "pixels.npy", picture())
    content = files_in(tmp_path / "vit")
    state = module_of(FAMILIES["vit"]).state_dict()
    pickled = as_pickle({"state_dict": state, "join": os.path.join})
    content = {name: data for name, data in content.items() if name != "model.safetensors"}
    with serving() as hub:
        hub.repositories["us/vit"] = {"main": content | {"pytorch_model.bin": pickled}}
        calls = [["transformers:us/vit", {}], ["transformers:us/vit", {"trust_checkpoint": True}]]
        refused, read = hub.run(tmp_path / "home", CODE, json.dumps(calls), tmp_path / "pixels.npy")

    assert "was refused" in refused["error"]
    assert "--trust-checkpoint" in refused["hint"]
    assert read["sha256"] == hashlib.sha256(pickled).hexdigest()
    assert read["notes"] == []


def test_trust_reads_what_else_a_checkpoint_holds(tmp_path):
    saved(FAMILIES["vit"], tmp_path / "vit")
    other = module_of(FAMILIES["vit"], seed=9)
    path = tmp_path / "other.pth"
    path.write_bytes(as_pickle({"model": other.state_dict(), "join": os.path.join}))
    with pytest.raises(InputError, match="was refused") as raised:
        camctl.load(f"transformers:{tmp_path / 'vit'}", path)
    loaded = camctl.load(f"transformers:{tmp_path / 'vit'}", path, trust_checkpoint=True)

    assert "--trust-checkpoint" in raised.value.hint
    assert torch.equal(loaded.module.classifier.weight, other.classifier.weight)


def test_a_head_of_another_size_is_told_by_its_classes(tmp_path):
    saved(FAMILIES["vit"], tmp_path / "vit")
    state = module_of(FAMILIES["vit"]).state_dict()
    wide = {key: torch.zeros(7, *value.shape[1:]) if "classifier" in key else value for key, value in state.items()}
    torch.save(wide, tmp_path / "wide.pth")
    with pytest.raises(InputError, match="The head has 5 classes in the configuration, 7 in the checkpoint") as raised:
        camctl.load(f"transformers:{tmp_path / 'vit'}", tmp_path / "wide.pth")

    assert "num_labels to 7" in raised.value.hint


@pytest.mark.parametrize("reference", ["us/vit@", "@v2"])
def test_half_a_revision_is_told(reference):
    with pytest.raises(InputError, match="names no revision") as raised:
        camctl.load(f"transformers:{reference}")

    assert "NAME@REVISION" in raised.value.hint
