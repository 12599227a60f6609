"""Paths: long, odd, closed, linked to themselves, pipes, huge files, outputs that are inputs."""

from __future__ import annotations

import json
import os
from pathlib import Path

from tests.hostile.case import ESCAPE, FORGED, Case, Lot
from tests.hostile.kinds.configs import SOUND

ODD = (
    "x" * 300, "x" * 5000, "d/" * 3000 + "x", "a\0b", "~nobody/x", "~no_such_user/x", "~", "~/", "", " ", ".", "..",
    "/", "//", "/dev/null", "/dev/full", "/dev/zero", "/dev/stdin", "/dev/fd/0", "/dev/fd/99",
    "/proc/self/mem", "/proc/self/environ", "/proc/1/root/x", "/sys/kernel/x", "missing/x", "scene.png/x",
    "scene.png/", ESCAPE, f"a\n{FORGED}", "\udcff", "日本", "-", "--", "-x", "a:b", "C:\\x", "file:///etc/hostname",
    "http://",
    "*", "[", "?", "**/*", "loop", "loop/x", "pipe", "closed/x", "closed", "sparse", "folder", "dangling", "con.png",
    "x.png/../scene.png",
)  # fmt: skip


def _furnish(lot: Lot) -> None:
    """Links to themselves, a pipe that nobody feeds, a closed folder, a sparse file of 40 GB."""
    folder = lot.folder
    (folder / "loop").symlink_to("loop")
    (folder / "dangling").symlink_to("nowhere/at/all")
    os.mkfifo(folder / "pipe")
    (folder / "folder").mkdir()
    (folder / "closed").mkdir()
    (folder / "closed" / "x").write_text("x")
    (folder / "closed").chmod(0)
    with (folder / "sparse").open("wb") as file:
        file.truncate(40 << 30)


SPECIAL = ("pipe", "sparse", "loop", "dangling", "folder", "closed/x")


def _odd(lot: Lot, ending: str) -> str:
    odd = lot.random.choice(ODD)
    if ending and lot.random.random() < 0.5 and odd in {"pipe", "sparse", "loop", "dangling"}:
        Path(lot.folder / f"{odd}{ending}").symlink_to(odd)
        return odd + ending
    return odd if lot.random.random() < 0.6 else odd + ending


def inputs(lot: Lot) -> Case:
    """An odd path where an input is expected."""
    _furnish(lot)
    picture = lot.copy("scene.png")
    save = ["--save-path", "out.png"]
    match lot.random.randrange(8):
        case 0:
            words = ["run", _odd(lot, ".png"), "demo:resnet", *save]
        case 1:
            words = ["run", picture, _odd(lot, ".py"), "--random-weights", *save]
        case 2:
            words = ["run", picture, "demo:resnet", _odd(lot, ".pth"), *save]
        case 3:
            words = ["compare", picture, "demo:resnet", "--method", "EigenCAM", "--baseline", _odd(lot, ".npz"), *save]
        case 4:
            words = ["run", picture, "demo:resnet", "--labels", _odd(lot, ".txt"), *save]
        case 5:
            words = [
                "compare",
                picture,
                "demo:resnet",
                "--method",
                "EigenCAM",
                "--metrics",
                "iou",
                "--mask",
                _odd(lot, ".png"),
                *save,
            ]
        case 6:
            words = ["compare", _odd(lot, ""), "demo:resnet", "--method", "EigenCAM", *save]
        case _:
            words = ["layers", f"python:{_odd(lot, '')}"]
    return Case(words=words, unprivileged=True, code_allowed=False)


def outputs(lot: Lot) -> Case:
    """An odd path where an output is expected."""
    _furnish(lot)
    picture = lot.copy("scene.png")
    option = lot.random.choice(("--save-path", "--save-path", "--save-raw"))
    path = _odd(lot, ".npz" if option == "--save-raw" else lot.random.choice((".png", ".jpg", ".html", "")))
    command = lot.random.choice(
        (["run", picture, "demo:resnet"], ["compare", picture, "demo:resnet", "--method", "EigenCAM"])
    )
    names_another = (
        path.startswith(("/", "scene.png", "closed/", "~/", "~n")) or "../" in path or path in {"closed", "~"}
    )
    outputs = () if names_another else ("*",)
    return Case(words=[*command, f"{option}={path}"], unprivileged=True, outputs=(*outputs, "home/*"))


def special_inputs(lot: Lot) -> Case:
    """A pipe that nobody feeds, 40 GB of nothing, a link to itself or to nothing, with the ending of an input."""
    _furnish(lot)
    picture, special = lot.copy("scene.png"), lot.random.choice(SPECIAL)
    role = lot.random.choice(("picture", "mask", "checkpoint", "labels", "baseline", "config"))
    ending = {"picture": ".png", "mask": ".png", "labels": ".txt", "baseline": ".npz", "config": ".json"}
    path = f"special{ending.get(role, '.pth')}"
    (lot.folder / path).symlink_to(special)
    compare = ["compare", picture, "demo:resnet", "--method", "EigenCAM"]
    words = {
        "picture": ["run", path, "demo:resnet"],
        "mask": [*compare, "--metrics", "iou", "--mask", path],
        "checkpoint": ["run", picture, "demo:resnet", path],
        "labels": ["run", picture, "demo:resnet", "--labels", path],
        "baseline": [*compare, "--baseline", path],
        "config": ["run", picture, path, "--random-weights"],
    }[role]
    return Case(words=[*words, "--save-path", "out.png"], unprivileged=True, expected="refused")


def special_outputs(lot: Lot) -> Case:
    """An output that is a pipe nobody reads, a full device, a link to itself, or in a closed folder."""
    _furnish(lot)
    picture, special = lot.copy("scene.png"), lot.random.choice(("pipe", "loop", "closed/y", "folder", "/dev/full"))
    raw = lot.random.random() < 0.4
    path = f"out.{'npz' if raw else lot.random.choice(('png', 'jpg', 'html', 'json', 'svg', 'pdf'))}"
    (lot.folder / path).symlink_to(special)
    command = ["compare", picture, "demo:resnet", "--method", "EigenCAM"]
    expected = "any" if special == "folder" else "refused"
    return Case(words=[*command, "--save-raw" if raw else "--save-path", path], unprivileged=True, expected=expected)


def chosen_names(lot: Lot) -> Case:
    """Names that camctl chooses, in a folder where the user has files of those names."""
    picture = lot.copy("scene.png")
    names = [f"scene_{label}_gradcam.png" for label in ("cat", "dog", "car", "flower", "house", "fish")]
    (lot.folder / "out").mkdir()
    mine = [lot.copy("scene.png", f"out/{name}") for name in names]
    words = ["run", picture, "demo:resnet", "--method", "GradCAM", "--topk", str(lot.random.choice((1, 2, 8)))]
    return Case(words=[*words, "--save-path", "out/"], inputs=(picture, *mine))


def over_inputs(lot: Lot) -> Case:
    """An output that is an input, by name, by link, by inode, by another spelling."""
    random, folder = lot.random, lot.folder
    picture, labels = lot.copy("scene.png"), lot.write("labels.txt", "\n".join("abcdefgh"))
    checkpoint, config = lot.copy("resnet.pth"), lot.write("cfg.json", json.dumps(SOUND))
    before, python = (
        lot.copy("maps.npz", "before.npz"),
        lot.write(
            "net.py",
            "from torch import nn\ndef make():\n    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), "
            "nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 3))\n",
        ),
    )
    mask = lot.copy("scene.png", "mask.png")
    victim = random.choice((picture, checkpoint, config, labels, before, python, mask))
    ending = Path(victim).suffix
    target = {
        0: victim,
        1: f"./{victim}",
        2: str(folder / victim),
        3: f"folder/../{victim}",
        4: f"soft{ending}",
        5: f"hard{ending}",
    }[random.randrange(6)]
    (folder / "folder").mkdir()
    (folder / f"soft{ending}").symlink_to(victim)
    os.link(folder / victim, folder / f"hard{ending}")
    option = "--save-raw" if ending == ".npz" else "--save-path"
    model = {config: ["cfg.json", "--random-weights"], python: ["python:net:make"]}.get(
        victim, ["demo:resnet", checkpoint]
    )
    compare = [
        "compare",
        picture,
        *model,
        "--method",
        "EigenCAM",
        "--mask",
        mask,
        "--metrics",
        "iou",
        "--labels",
        labels,
    ]
    words = [*compare, "--baseline", before] if victim == before else compare
    if random.random() < 0.3 and victim not in (before, mask):
        words = ["run", picture, *model, "--labels", labels]
    if model[0] != "demo:resnet":
        words = [word for word in words if word not in {"--labels", labels}]
    return Case(words=[*words, option, target], outputs=("home/*",), code_allowed=True)


def pages(lot: Lot) -> Case:
    """Numbered pages of a figure beside a user's own pictures of those names."""
    picture, models = lot.copy("scene.png"), ["--model", "demo:resnet", "demo:vit"]
    # A page for each model: the cheapest figure of several.
    mine = [lot.copy("scene.png", f"out-sanity-{number}.png") for number in (1, 2)]
    words = ["compare", picture, *models, "--method", "EigenCAM", "--sanity", "--save-path", "out.png"]
    return Case(words=words, inputs=(picture, *mine))


def modes(lot: Lot) -> Case:
    """An output that is there already: of mode 0600, write-protected, or a link."""
    picture, random = lot.copy("scene.png"), lot.random
    name, option = random.choice(
        (
            ("out.png", "--save-path"),
            ("out.npz", "--save-raw"),
            ("out.html", "--save-path"),
            ("out.json", "--save-path"),
        )
    )
    place = lot.folder / name
    if random.random() < 0.4:
        (lot.folder / "out-target").write_bytes(b"old")
        (lot.folder / "out-target").chmod(random.choice((0o600, 0o640)))
        place.symlink_to("out-target")
    else:
        place.write_bytes(b"old")
        place.chmod(random.choice((0o600, 0o600, 0o640, 0o666, 0o755)))
    command = (
        ["compare", picture, "demo:resnet", "--method", "EigenCAM"]
        if name.endswith(("html", "json"))
        else ["run", picture, "demo:resnet"]
    )
    return Case(words=[*command, option, name])


SORTS = {
    "inputs": inputs, "outputs": outputs, "special-inputs": special_inputs, "special-outputs": special_outputs,
    "over-inputs": over_inputs, "chosen-names": chosen_names, "pages": pages, "modes": modes,
}  # fmt: skip
