"""Standard streams that are closed, full or broken; encodings, widths, a current folder that is gone."""

from __future__ import annotations

from tests.hostile.case import Case, Lot

COMMANDS = (
    ["--help"], ["--version"], ["methods"], ["methods", "gradcam"], ["metrics"], ["plugins"], ["plugins", "--json"],
    [], ["nope"], ["run"], ["run", "--help"], ["layers", "demo:resnet"], ["layers", "demo:resnet", "--json"],
    ["run", "missing.png", "demo:resnet"],
    ["run", "scene.png", "demo:resnet", "--save-path", "out.png"], ["run", "scene.png", "demo:resnet", "--json"],
    ["run", "scene.png", "demo:resnet"],
    ["compare", "scene.png", "demo:resnet", "--method", "EigenCAM", "--save-path", "out.png"],
    ["compare", "scene.png", "demo:resnet", "--method", "EigenCAM", "--json"],
)  # fmt: skip


def _case(lot: Lot, *, real: float = 0.06, **fields: object) -> Case:
    lot.copy("scene.png")
    return Case(words=list(lot.random.choice(COMMANDS)), real=lot.random.random() < real, **fields)


def closed(lot: Lot) -> Case:
    """Streams that are closed from the start."""
    return _case(lot, streams=lot.random.choice(("closed-out", "closed-err", "closed-both", "closed-in")))


def full(lot: Lot) -> Case:
    """Streams on a disk that is full."""
    return _case(lot, streams=lot.random.choice(("full-out", "full-out", "full-err")))


def broken(lot: Lot) -> Case:
    """Pipes that nobody reads."""
    return _case(lot, streams=lot.random.choice(("broken-out", "broken-out", "broken-err")))


def narrow(lot: Lot) -> Case:
    """Odd widths of the terminal and odd settings of the environment."""
    random = lot.random
    value = random.choice(("999999999999", "0", "-1", "1", "3", "x", "", "1e9", "9" * 30, "80\n", "1000000"))
    name = random.choice(
        (
            "COLUMNS",
            "COLUMNS",
            "LINES",
            "TERM",
            "TERM",
            "PYTHONWARNINGS",
            "NO_COLOR",
            "FORCE_COLOR",
            "TZ",
            "TMPDIR",
            "TORCH_HOME",
            "HOME",
            "XDG_CACHE_HOME",
            "OMP_NUM_THREADS",
            "MPLCONFIGDIR",
            "TERMINAL_WIDTH",
            "_TYPER_COMPLETE_ARGS",
        )
    )
    return _case(lot, environment={name: value}, streams=random.choice(("pipe", "pty")), real=0.1)


def ascii_only(lot: Lot) -> Case:
    """A machine that knows ASCII alone."""
    variables = {"LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    case = _case(lot, streams="ascii", environment=variables, real=0.15)
    if lot.random.random() < 0.4:
        name = lot.random.choice(("é.png", "日本.png", "\udcff.png"))
        lot.copy("scene.png", name)
        case.words = [
            "run",
            name,
            "demo:resnet",
            *lot.random.choice(
                (["--json"], ["--labels", "é,ü,日,本,☠,a,b,c", "--save-path", "out.png"], ["--save-path", "out/"])
            ),
        ]
    return case


def gone(lot: Lot) -> Case:
    """A current folder that is not there any more."""
    case = _case(lot, real=0.1, gone=True)
    case.words = [
        str(lot.folder / word) if word.endswith("scene.png") and lot.random.random() < 0.7 else word
        for word in case.words
    ]
    if lot.random.random() < 0.2:
        case.words = ["layers", "python:net:make"]
    return case


SORTS = {"closed": closed, "full": full, "broken": broken, "narrow": narrow, "ascii": ascii_only, "gone": gone}
