"""Nonsense for each option of each command."""

from __future__ import annotations

from functools import lru_cache
from importlib import import_module
from inspect import signature
from typing import TYPE_CHECKING, get_args

from tests.hostile.case import ESCAPE, FORGED, Case, Lot

if TYPE_CHECKING:
    from random import Random

NONSENSE = (
    "", " ", "-", "--", "---", "-1", "0", "1", "3", "nan", "-nan", "inf", "-inf", "1e309", "1e-400", "0x10", "1_0",
    "\uff19", "9" * 25, "9" * 5000, "٣", "½", "1,2,3,4",
    "x" * 1000, "x" * 100_000, "é", "日本語", "\udcff\udcfe", "a\ud800", ESCAPE, f"a\n{FORGED}", "\t", "\r", "%s%n",
    "{}", "{0}", "[bold]x[/bold]", "[/]", "[link=x]y[/]", "../../x", "/", ".",
    "*", "?", "[", "[]", "**", "[a-", "a,b", ",", ",,,", "=", "a=", "=b", "a=1", "a=b=c", ":", "::", "a:b", "a:b:c",
    "@", "a@b", "a+b", "+", "|", "auto", "auto:", "auto:0", "auto:-1",
    "auto:99999999999999999999", "auto:4", "all", "none", "None", "true", "$HOME", "`x`", "\\", "'", '"', "con",
    "0,0,0,0", "nan,nan,nan,nan", "1,1,9999999,9999999", "-5,-5,5,5", "cat=1,2,3,4",
    "-inf,0,inf,5", "1,2,3", "cpu", "cuda", "cuda:99", "meta", "mps", "cpu:5", "xla", "cuda:-1", "vulkan",
    "privateuseone",
    "x" * 5000, "x/" * 2500, "a\0b", "\0", "a=\0", "a=\ud800", "[" * 5000, "a=" + "[" * 5000 + "]" * 5000,
    "a=" + "(" * 60 + "1" + ")" * 60, "a=[1],[2]", "a=" + "1," * 20_000, "a=1,[2,(3", f"{'a.' * 3000}b=1", "\u202ex",
)  # fmt: skip
PLAUSIBLE = {
    "--target-category": ("cat", "dog", "0", "7", "99"), "--topk": ("1", "2", "8", "9", "1000000"),
    "--versus": ("dog", "auto:1", "auto:99", "0"), "--versus-strength": ("0", "-1", "1e30"),
    "--target-layers": ("backbone.layer4", "backbone.layer3", "auto:2", "backbone.*",
    "backbone.layer4+backbone.layer3", "head.fc", "backbone", ""),
    "--method": ("GradCAM", "EigenCAM", "fast", "nope", "camctl[gradcam]"),
    "--cfg-options": ("model.head.topk=[1,(2,3)]", "model.backbone.depth=x"),
    "--method-options": ("n=3", "seed=1"), "--aggregate": ("mean", "max", "product"),
    "--canvas": ("view", "original"), "--colormap": ("jet", "viridis", "nope"), "--opacity": ("0", "1", "0.5"),
    "--device": ("cpu",), "--labels": ("a,b,c,d,e,f,g,h", "a,b"), "--seed": ("0", "4294967295", "4294967296"),
    "--adapter": ("cnn", "vit", "t2t"), "--num-extra-tokens": ("0", "1", "196", "195"),
    "--smooth": ("none", "eigen"), "--metrics": ("drop", "coverage", "pointing"), "--box": ("10,10,50,50",),
    "--mask": ("scene.png",), "--min-correlation": ("-1", "1"), "--rows": ("method", "class"),
    "--columns": ("image", "layer"), "--scale": ("shared", "own"), "--theme": ("dark",),
    "--tile": ("16", "64", "20000"), "--depth": ("0", "1"), "--filter": ("*", "*norm*", "["),
    "--save-path": ("out.png", "out.webp", "out.html", "out.json", "out.svg", "out/"), "--save-raw": ("out.npz",),
    "--image": ("scene.png",), "--model": ("demo:vit", "demo:resnet@x"),
}  # fmt: skip
SLOW = {"--check", "--sanity", "--aug-smooth"}


@lru_cache(maxsize=1)
def commands() -> dict[str, list[tuple[str, bool]]]:
    """Command -> its options, and whether each is a flag."""
    from typer.models import OptionInfo

    from camctl.cli.app import COMMANDS
    from camctl.cli.parsing.groups import command

    found = {}
    for name in ("run", "compare", "layers"):
        function = getattr(import_module(f"camctl.cli.commands.{COMMANDS[name]}"), name)
        parameters = signature(command(function)).parameters.items()
        declared = [(f"--{each.replace('_', '-')}", *get_args(parameter.annotation)) for each, parameter in parameters]
        found[name] = [
            (flag, kind is bool)
            for flag, kind, declaration in declared
            if isinstance(declaration, OptionInfo) and flag not in SLOW
        ]
    return found


def _given(random: Random, option: str, *, flag: bool) -> list[str]:
    if flag:
        return [option]
    pool = PLAUSIBLE.get(option, ()) if random.random() < 0.3 else NONSENSE
    value = random.choice(pool or NONSENSE)
    return [f"{option}={value}"] if random.random() < 0.5 else [option, value]


def _case(lot: Lot, command: str, most: int) -> Case:
    picture = lot.copy("scene.png")
    start = {
        "run": [picture, "demo:resnet"],
        "compare": [picture, "demo:resnet", "--method", "EigenCAM"],
        "layers": ["demo:resnet"],
    }[command]
    words = [command, *start]
    for option, flag in lot.random.sample(commands()[command], lot.random.randint(1, most)):
        words += _given(lot.random, option, flag=flag)
    if command != "layers" and not any("--save-path" in word for word in words):
        words += ["--save-path", "out.png"]
    # Whatever was named as an output is one, and what it is called is no matter here.
    return Case(
        words=words,
        outputs=("*",) if any(word.startswith(("--save", "out")) for word in words) else (),
        code_allowed=False,
    )


def run(lot: Lot) -> Case:
    """`camctl run` with one to three odd options."""
    return _case(lot, "run", 3)


def compare(lot: Lot) -> Case:
    """`camctl compare` with one to three odd options."""
    return _case(lot, "compare", 3)


def layers(lot: Lot) -> Case:
    """`camctl layers` with one or two odd options."""
    return _case(lot, "layers", 2)


def lists(lot: Lot) -> Case:
    """The listing commands and the top level with odd words."""
    random = lot.random
    start = random.choice(
        (
            ["methods"],
            ["metrics"],
            ["plugins"],
            ["plugins", "check"],
            [],
            ["--version"],
            ["demo"],
            ["--help"],
            ["run", "--help"],
        )
    )
    words = [*start, *(random.choice(NONSENSE) for _ in range(random.choice((1, 1, 2))))]
    if start in (["plugins", "check"], ["demo"]):
        words.insert(len(start), "--nope" if random.random() < 0.5 else "\x1bx")
    return Case(words=words, outputs=("*",) if start == ["demo"] else ())


SORTS = {"run": run, "compare": compare, "layers": layers, "lists": lists}
