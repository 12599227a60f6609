"""Models of timm's out of a hub, by the hub's own client, from a server on this machine."""

import hashlib
import http.server
import json
import threading
from functools import partial

import pytest
import timm
import torch
from safetensors.torch import save

from tests.tiny_hub import serving

CODE = """
import json, sys
import torch
import camctl
from camctl.errors import CamctlError

def load(words):
    told = []
    try:
        loaded = camctl.load(*words, progress=lambda *seen: told.append(seen))
    except CamctlError as error:
        return {"error": error.message, "hint": error.hint}
    with torch.no_grad():
        logits = loaded.forward(torch.ones(1, 3, 160, 160))
    names = loaded.class_names[:2] if loaded.class_names else None
    return {
        "logits": logits[0, :2].tolist(), "names": names, "sha256": loaded.checkpoint.sha256, "told": told,
        "notes": loaded.notes,
    }

print(json.dumps([load(words) for words in json.loads(sys.argv[1])]))
"""


def made(seed, **arguments):
    """A tiny model that no other seed draws, its first logits, and its weights as a file."""
    torch.manual_seed(seed)
    model = timm.create_model("test_resnet", **arguments).eval()
    with torch.no_grad():
        logits = model(torch.ones(1, 3, 160, 160))[0, :2].tolist()
    return logits, save(model.state_dict())


def config(*names):
    own = {"input_size": [3, 160, 160], "label_names": list(names), "num_classes": len(names)}
    return json.dumps({"architecture": "test_resnet", "num_classes": len(names), "pretrained_cfg": own}).encode()


def test_models_and_their_revisions_are_fetched_with_progress(tmp_path):
    first, second, published = made(1, num_classes=2), made(2, num_classes=2), made(3)
    with serving() as hub:
        hub.repositories["us/cats"] = {
            "main": {"config.json": config("cat", "dog"), "model.safetensors": first[1]},
            "v2": {"config.json": config("ant", "bee"), "model.safetensors": second[1]},
        }
        hub.repositories["timm/test_resnet.r160_in1k"] = {"main": {"model.safetensors": published[1]}}
        words = [
            ["timm:hf-hub:us/cats"],
            ["timm:hf-hub:us/cats@v2"],
            ["timm:test_resnet"],
            ["timm:hf-hub:us/cats@v3"],
            ["timm:hf-hub:us/none"],
        ]
        *loaded, revision, repository = hub.run(tmp_path, CODE, json.dumps(words))

    for one, (logits, file) in zip(loaded, (first, second, published), strict=True):
        assert one["logits"] == pytest.approx(logits, abs=1e-5)
        assert one["sha256"] == hashlib.sha256(file).hexdigest()
        assert one["told"][-1] == ["model.safetensors", len(file), len(file)]
        assert one["notes"] == []
    assert [one["names"] for one in loaded[:2]] == [["cat", "dog"], ["ant", "bee"]]
    assert "no revision 'v3'" in revision["error"]
    assert "no public model 'us/none'" in repository["error"]


def test_an_address_is_fetched_with_progress(load, tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    logits, file = made(4)
    (tmp_path / "net.safetensors").write_bytes(file)

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_args):
            """Quiet."""

    told = []
    with http.server.HTTPServer(("127.0.0.1", 0), partial(Handler, directory=tmp_path)) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        address = f"http://127.0.0.1:{server.server_port}/net.safetensors"
        loaded = load("test_resnet", address, progress=lambda *seen: told.append(seen))
        server.shutdown()
        thread.join()

    with torch.no_grad():
        assert loaded.forward(torch.ones(1, 3, 160, 160))[0, :2].tolist() == pytest.approx(logits, abs=1e-5)
    assert told[-1] == ("net.safetensors", len(file), len(file))
