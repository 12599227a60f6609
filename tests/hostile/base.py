"""Sound files that cases are made of, and the modules that are imported before the first fork."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

_LIST_MODULES = """
import json, sys
from camctl.cli import main
for words in json.loads(sys.argv[1]):
    try:
        main(words)
    except SystemExit:
        pass
print("MODULES", json.dumps([name for name in sys.modules if "." in name or not name.startswith("_")]))
"""


def make_base(folder: Path) -> list[str]:
    """Write the sound files into a folder; returns the modules that commands import."""
    import torch
    from PIL import Image

    from camctl.demo.scenes import render, scene
    from camctl.sources.demo import FOLDER

    folder.mkdir(parents=True, exist_ok=True)
    Image.fromarray(render(scene(3, 2), 96)).save(folder / "scene.png")
    shutil.copyfile(FOLDER / "resnet.pth", folder / "resnet.pth")
    content = torch.load(folder / "resnet.pth", weights_only=True)
    state = content.get("state_dict", content)
    torch.save(dict(state), folder / "old.pth", _use_new_zipfile_serialization=False)
    with suppress(ImportError):
        from safetensors.torch import save_file

        save_file({name: value.contiguous() for name, value in state.items()}, folder / "resnet.safetensors")
    torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), folder / "script.pt")
    return _warm(folder)


def _warm(folder: Path) -> list[str]:
    """Run the usual commands once, in a process of its own: for the raw maps, and for what is imported."""
    picture = str(folder / "scene.png")
    with tempfile.TemporaryDirectory() as scratch:
        run = ["run", picture, "demo:resnet", "--save-path", f"{scratch}/a.png", "--quiet"]
        compare = ["compare", picture, "demo:resnet", "--method", "GradCAM", "EigenCAM", "--quiet", "--save-path"]
        commands = [
            [*run, "--save-raw", str(folder / "maps.npz")],
            [*run, "--json"],
            [*compare, f"{scratch}/g.png", f"{scratch}/g.svg", f"{scratch}/g.json", "--metrics", "drop", "--sanity"],
            [*compare, f"{scratch}/g.html"],
            ["layers", "demo:vit"],
        ]
        done = subprocess.run(
            [sys.executable, "-c", _LIST_MODULES, json.dumps(commands)],
            env=os.environ | {"HOME": scratch},
            capture_output=True,
            text=True,
            check=False,
        )
    last = done.stdout.rpartition("MODULES ")[2]
    if not last or not (folder / "maps.npz").exists():
        message = f"The sound commands fail:\n{done.stdout[-2000:]}{done.stderr[-3000:]}"
        raise SystemExit(message)
    return [str(name) for name in json.loads(last)]


def import_all(modules: list[str]) -> None:
    """Import what commands import, without running any: a backward pass would leave threads that no fork survives."""
    import torch

    from camctl.sources.quick_import import import_models

    torch.set_num_threads(1)
    with suppress(RuntimeError):
        torch.set_num_interop_threads(1)
    import_models()
    for name in modules:
        if name.partition(".")[0] in {"pytest", "tests", "__main__", "antigravity", "this"}:
            continue
        with suppress(Exception):
            importlib.import_module(name)
