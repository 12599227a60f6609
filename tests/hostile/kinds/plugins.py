"""Plugins: methods, metrics, adapters and sources that raise, return, print and break anything; broken metadata."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from tests.hostile.case import ESCAPE, FORGED, Case, Lot
from tests.hostile.kinds.plugin_answers import (
    ANSWERS,
    EFFECTS,
    EVIDENCE,
    FIGURES,
    GRIDS,
    LAYERS,
    MODEL_EFFECTS,
    RAISES,
    TOKENS,
    TOP,
)

if TYPE_CHECKING:
    from random import Random


ODD_POINTS = ("bad:plugin", "bad", "", ":", "bad:a.b", "os.system:x y", ESCAPE)


def _fill(text: str) -> str:
    return text.format(escape=ESCAPE, forged=FORGED) if "{" in text else text


def _install(lot: Lot, kind: str, body: str, *, name: str = "bad") -> None:
    top = TOP.format(escape=ESCAPE)
    lot.write("site/bad.py", top + body)
    lot.write("site/bad-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: bad\nVersion: 1.0\n")
    lot.write("site/bad-1.0.dist-info/entry_points.txt", f"[camctl.{kind}s]\n{name} = bad:plugin\n")


def _case(lot: Lot, words: list[str]) -> Case:
    streams = lot.random.choice(("pipe", "pipe", "pipe", "pty"))
    return Case(
        words=words, path=("site",), code_allowed=True, outputs=("out*", "home/*", "*__pycache__*"), streams=streams
    )


def _words(lot: Lot, *more: str) -> list[str]:
    picture = lot.copy("scene.png")
    if lot.random.random() < 0.5:
        return ["run", picture, "demo:resnet", "--save-path", "out.png", *more]
    return ["compare", picture, "demo:resnet", "--save-path", "out.png", *more]


def methods(lot: Lot) -> Case:
    """A method that raises, returns or does anything."""
    random = lot.random
    effect = _fill(
        random.choice((random.choice(RAISES), random.choice(EFFECTS), random.choice(MODEL_EFFECTS), "pass", "pass"))
    )
    answer = _fill(random.choice(EVIDENCE)) if random.random() < 0.6 or effect == "pass" else "g * a"
    needs = random.choice(
        (
            '{"activations", "gradients"}',
            '{"activations", "gradients"}',
            '{"activations", "gradients", "replay"}',
            '{"activations", "gradients", "rescoring"}',
        )
    )
    more = random.choice(
        (
            "",
            "",
            ', reduction="none"',
            ', reduction="principal"',
            ", signed=False",
            ", cannot=lambda m: 5",
            f", cannot=lambda m: {ESCAPE!r}",
            ", cannot=lambda m: 1 / 0",
            f", remarks=({ESCAPE!r},)",
        )
    )
    _install(
        lot,
        "method",
        f'\n@method(name="Bad", summary="x", paper="x", needs={needs}{more})\ndef plugin(capture):\n'
        f"    a, g = capture.activations, capture.gradients\n    {effect}\n    return {answer}\n",
    )
    return _case(
        lot,
        _words(
            lot,
            "--method",
            *random.choice((("Bad",), ("Bad", "GradCAM"), ("GradCAM", "Bad"))),
            *random.choice(((), (), ("--json",), ("--verify",))),
        ),
    )


def metrics(lot: Lot) -> Case:
    """A metric that raises, returns or does anything."""
    random = lot.random
    effect = _fill(
        random.choice(
            (
                random.choice(RAISES),
                random.choice(EFFECTS),
                "pass",
                "pass",
                "case.values.zero_()",
                "case.raw.resize_(0)",
            )
        )
    )
    answer = _fill(random.choice(FIGURES)) if random.random() < 0.6 or effect == "pass" else "0.5"
    better = random.choice(("higher", "lower", "neither"))
    _install(
        lot,
        "metric",
        f'\n@metric(name="Bad", summary="x", paper="x", better="{better}")\n'
        f"def plugin(case):\n    {effect}\n    return {answer}\n",
    )
    words = [
        "compare",
        lot.copy("scene.png"),
        "demo:resnet",
        "--method",
        "GradCAM",
        "EigenCAM",
        "--metrics",
        "bad",
        "--save-path",
        random.choice(("out.png", "out.html", "out.json")),
    ]
    return _case(lot, [*words, *random.choice(((), ("--json",)))])


def adapters(lot: Lot) -> Case:
    """An adapter whose every answer may be anything."""
    random = lot.random
    parts = {
        "matches": random.choice(("return True", "return True", "return 'x'", "return None", "return torch.ones(2)")),
        "target_layers": f"return {_fill(random.choice(LAYERS)) if random.random() < 0.6 else ['backbone.layer4']}",
        "extra_tokens": f"return {random.choice(TOKENS) if random.random() < 0.3 else 0}",
        "to_grid": f"return {random.choice(GRIDS) if random.random() < 0.5 else None}",
    }
    if random.random() < 0.4:
        parts[random.choice(list(parts))] = _fill(random.choice((random.choice(RAISES), random.choice(EFFECTS))))
    _install(
        lot,
        "adapter",
        f"""
class plugin:
    summary = {random.choice(('"x"', repr(ESCAPE), "None", "5"))}
    def matches(self, model): {parts["matches"]}
    def target_layers(self, model): {parts["target_layers"]}
    def extra_tokens(self, model): {parts["extra_tokens"]}
    def to_grid(self, output, input_size): {parts["to_grid"]}
""",
    )
    words = ["layers", "demo:resnet"] if random.random() < 0.2 else _words(lot, "--method", "GradCAM")
    return _case(lot, [*words, *random.choice(((), ("--adapter", "bad")))])


def sources(lot: Lot) -> Case:
    """A source that returns anything."""
    random = lot.random
    effect = _fill(random.choice((random.choice(RAISES), random.choice(EFFECTS)))) if random.random() < 0.4 else "pass"
    _install(
        lot,
        "source",
        f"""
from dataclasses import replace
class plugin(Source):
    summary = "x"
    def load(self, reference, checkpoint, device, options):
        from camctl.pipeline.load import load
        loaded = load("demo:resnet")
        {effect}
        return {_fill(random.choice(ANSWERS))}
""",
    )
    words = _words(lot, "--method", "GradCAM")
    return _case(
        lot,
        [*("bad:x" if word == "demo:resnet" else word for word in words)]
        if random.random() < 0.85
        else ["layers", "bad:x", "--json"],
    )


def at_import(lot: Lot) -> Case:
    """A plugin that breaks when it is imported, or that is none."""
    random = lot.random
    body = random.choice(
        (
            f"\n{_fill(random.choice(RAISES))}\n",
            f"\n{_fill(random.choice(EFFECTS))}\nplugin = 5\n",
            "\nplugin = None\n",
            "\nclass plugin:\n    def __init__(self): raise Mute\n",
            "\nclass plugin:\n    def __getattr__(self, n): 1 / 0\n",
            "\nplugin = type('x', (), {'__class__': property(lambda s: 1 / 0)})()\n",
        )
    )
    _install(lot, random.choice(("method", "metric", "adapter", "source")), body)
    words = random.choice(
        (
            ["plugins"],
            ["plugins", "--json"],
            ["methods"],
            ["methods", "bad"],
            ["metrics", "bad"],
            ["plugins", "check", "bad"],
            _words(lot, "--method", "bad"),
            ["layers", "bad:x"],
        )
    )
    return _case(lot, words)


def metadata(lot: Lot) -> Case:
    """Metadata of packages that is missing, a pipe, very long, or of odd names."""
    random = lot.random
    info = "site/bad-1.0.dist-info"
    lot.write("site/bad.py", "plugin = 5\n")
    lot.write(f"{info}/METADATA", "Name: bad\n")
    points = lot.folder / info / "entry_points.txt"
    match random.randrange(10):
        case 0:
            (lot.folder / info / "METADATA").unlink()
            points.write_text("[camctl.methods]\nbad = bad:plugin\n")
        case 1:
            os.mkfifo(points)
        case 2:
            points.mkdir()
        case 3:
            points.symlink_to("entry_points.txt")
        case 4:
            folders = random.choice(
                ((f"{_name(random).replace('/', '_')[:200]}-1",), ("bad-2.0", "bad-", "-1", "BAD-1"))
            )
            for name in folders:
                lot.write(f"site/{name}.dist-info/entry_points.txt", "[camctl.methods]\nbad = bad:plugin\n")
        case _:
            points.write_bytes(_entry_points(random))
    words = random.choice(
        (["plugins"], ["methods"], ["plugins", "--json"], ["methods", "bad"], _words(lot, "--method", "GradCAM"))
    )
    return _case(lot, words)


def _entry_points(random: Random) -> bytes:
    """Draw the contents of a file of entry points: many, odd names, odd values, broken, huge, binary."""
    spellings = ("gradcam", "GradCAM", "Grad_CAM", "grad cam", "GRADCAM", "demo", "a\0b", "\u202eb")
    texts = (
        "[camctl.methods]\n" + "".join(f"m{number} = bad:plugin\n" for number in range(10_000)),
        "[camctl.adapters]\n" + "".join(f"{'m' * (n % 50)}{n} = bad:x{n}\n" for n in range(10_000)),
        f"[camctl.methods]\n{_name(random)} = {random.choice(ODD_POINTS)}\n",
        f"[camctl.methods]\n{_name(random)} = {random.choice(ODD_POINTS)}\n",
        "[camctl.methods]\n" + "".join(f"{name} = bad:plugin\n" for name in random.sample(spellings, 4)),
        "[camctl.methods]\n" + "x" * (8 << 20) + " = bad:plugin\n",
        "[camctl.methods]\na = b:c\na = d:e\n",
        "[camctl.methods]\n[camctl.methods]\n",
        "[camctl.methods",
        "x = y\n",
        "%(x)s = y\n" * 9,
    )
    return random.choice((*(text.encode() for text in texts), b"\xff\xfe", b"\0" * 1000))


def _name(random: Random) -> str:
    return random.choice(
        (ESCAPE.replace("\x9b", ""), "x" * 5000, "é", "a b", "[bold]", "a[b]", "..", "%(x)s", "GradCAM", "-", "a\tb")
    )


SORTS = {
    "methods": methods,
    "metrics": metrics,
    "adapters": adapters,
    "sources": sources,
    "at-import": at_import,
    "metadata": metadata,
}
