"""Sound files that cases are made of, and the modules that are imported before the first fork."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import sys
from contextlib import suppress
from pathlib import Path

PRINTED = "printed"
"""File of what the sound commands printed."""


def make_base(folder: Path) -> list[str]:
    """Write the sound files into a folder; returns the modules that commands import."""
    import torch
    from PIL import Image

    torch.set_num_threads(1)
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
    """Run the usual commands once in a fork: for the raw maps, and for what is imported."""
    import mmpretrain.models  # noqa: F401

    record = folder / "modules.json"
    pid = os.fork()
    if not pid:
        code = 1
        try:
            _run_commands(folder)
            record.write_text(json.dumps(list(sys.modules)))
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(pid, 0)
    if status or not (folder / "maps.npz").exists():
        message = f"The sound commands fail:\n{(folder / PRINTED).read_text()}"
        raise SystemExit(message)
    return [str(name) for name in json.loads(record.read_text())]


def _run_commands(folder: Path) -> None:
    from camctl.cli import main

    picture, scratch = str(folder / "scene.png"), folder / "scratch"
    run = ["run", picture, "demo:resnet", "--save-path", f"{scratch}/a.png", "--quiet"]
    compare = ["compare", picture, "demo:resnet", "--method", "GradCAM", "EigenCAM", "--quiet", "--save-path"]
    figures = [f"{scratch}/g.{ending}" for ending in ("png", "svg", "json", "html")]
    printed = os.open(folder / PRINTED, os.O_CREAT | os.O_WRONLY)
    for number in (1, 2):
        os.dup2(printed, number)
    for words in (
        [*run, "--save-raw", str(folder / "maps.npz")],
        [*compare, *figures, "--metrics", "drop", "--sanity"],
        ["layers", "demo:vit"],
    ):
        try:
            main(words)
        except SystemExit as end:
            if end.code:
                raise


def import_all(modules: list[str]) -> None:
    """Import what commands import, without running any: a backward pass would leave threads that no fork survives."""
    for name in modules:
        if name.partition(".")[0] in {"pytest", "tests", "__main__", "antigravity", "this"}:
            continue
        with suppress(Exception):
            importlib.import_module(name)
