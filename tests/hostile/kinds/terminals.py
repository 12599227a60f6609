"""Names and labels of others with escape sequences and line breaks, read through a terminal."""

from __future__ import annotations

from tests.hostile.case import ESCAPE, FORGED, Case, Lot
from tests.hostile.kinds.checkpoint_files import saved, state_of

ODD = (
    ESCAPE,
    f"x\n{FORGED}",
    f"x\r{FORGED}",
    "\x1b[5n",
    "\x1bc",
    "\x9b2J",
    "\x1b]8;;http://x/\x1b\\y",
    "a\x07b",
    "a\x08b",
    "\x7f",
    "\x85x",
    "\u2028x",
    "x\x0bx",
    "\x1b[35;7;5mx",
    "\x1b_Gx\x1b\\",
    "[bold]x[/bold]",
)


def _stream(lot: Lot, case: Case) -> Case:
    case.streams = lot.random.choice(("pty", "pty", "pipe"))
    return case


def _show(lot: Lot) -> list[str]:
    return lot.random.choice(
        ([], ["--save-path", "out.png"], ["--json"], ["--quiet"], ["--save-path", "out.png", "--verify"])
    )


def file_names(lot: Lot) -> Case:
    """Pictures, checkpoints and folders with odd names, some no UTF-8."""
    odd = lot.random.choice((*ODD, "\udcff", "a\udce9b"))
    picture, odd_picture = lot.copy("scene.png"), f"{odd}.png".replace("/", "_")
    lot.copy("scene.png", odd_picture)
    match lot.random.randrange(6):
        case 0:
            words = ["run", odd_picture, "demo:resnet", *_show(lot)]
        case 1:
            words = [
                "compare",
                odd_picture,
                "demo:resnet",
                "--method",
                "EigenCAM",
                "--save-path",
                lot.random.choice(("out.png", "out.html", "out.json", "out.svg")),
            ]
        case 2:
            words = ["run", picture, "demo:resnet", lot.write(f"{odd}.pth".replace("/", "_"), b"x"), *_show(lot)]
        case 3:
            words = ["run", picture, "demo:resnet", "--save-path", f"out{odd}.png".replace("/", "_")]
        case 4:
            words = ["run", f"{odd_picture}x", "demo:resnet"]
        case _:
            words = [
                "run",
                picture,
                "demo:resnet",
                "--save-path",
                "out.png",
                "--save-raw",
                f"out{odd}.npz".replace("/", "_"),
            ]
    return _stream(lot, Case(words=words, outputs=("*",)))


def labels(lot: Lot) -> Case:
    """Labels from the option, a file, or the checkpoint."""
    odd = lot.random.choice(ODD)
    picture = lot.copy("scene.png")
    match lot.random.randrange(3):
        case 0:
            more = ["--labels", *([odd] * 8)]
        case 1:
            more = ["--labels", lot.write("labels.txt", "\n".join([odd.replace("\n", " ")] * 8))]
        case _:
            content = {
                "state_dict": state_of(lot),
                "meta": {"dataset_meta": {"classes": [f"{odd}{n}" for n in range(8)]}},
            }
            more = [lot.write("weights.pth", saved(content))]
    if lot.random.random() < 0.3:
        return _stream(
            lot,
            Case(
                words=[
                    "compare",
                    picture,
                    "demo:resnet",
                    *more,
                    "--method",
                    "EigenCAM",
                    "--topk",
                    "2",
                    *lot.random.choice(
                        ([], ["--save-path", "out.png"], ["--save-path", "out.html"], ["--metrics", "drop"])
                    ),
                ]
            ),
        )
    return _stream(lot, Case(words=["run", picture, "demo:resnet", *more, *_show(lot)]))


def weights(lot: Lot) -> Case:
    """Names of weights that do not fit, which a message may quote."""
    odd = lot.random.choice(ODD)
    state = state_of(lot)
    state = (
        {f"{odd}{key}": value for key, value in state.items()}
        if lot.random.random() < 0.4
        else state | {odd: next(iter(state.values()))}
    )
    if lot.random.random() < 0.5:
        del state[next(iter(state))]
    return _stream(
        lot,
        Case(
            words=[
                "run",
                lot.copy("scene.png"),
                "demo:resnet",
                lot.write("weights.pth", saved(state)),
                "--save-path",
                "out.png",
            ]
        ),
    )


def words(lot: Lot) -> Case:
    """Odd words on the command line, which a message quotes."""
    odd = lot.random.choice(ODD)
    picture = lot.copy("scene.png")
    start = ["run", picture, "demo:resnet"]
    chosen = lot.random.choice((
        ["run", odd, "demo:resnet"], ["run", picture, odd], ["run", picture, f"demo:{odd}"],
        ["run", picture, f"{odd}:x"], [*start, odd], [*start, "--method", odd], [*start, "--target-category", odd],
        [*start, "--target-layers", odd], [*start, "--colormap", odd], [*start, "--device", odd], [odd],
        [*start, "--cfg-options", f"{odd}=1"], [*start, "--cfg-options", f"model={odd}"],
        [*start, "--method-options", f"{odd}=1"], [*start, "--adapter", odd], [*start, f"--{odd}"], ["methods", odd],
        ["metrics", odd], ["plugins", "check", odd], ["plugins", "new", f"out{odd}"], [*start, "--opacity", odd],
        ["compare", picture, "demo:resnet", "--rows", odd], ["compare", picture, "demo:resnet", "--smooth", odd],
        ["compare", picture, "demo:resnet", "--box", odd], ["compare", picture, "demo:resnet", "--model", f"{odd}@x"],
        ["layers", "demo:resnet", "--filter", odd], ["compare", f"{odd}*", "demo:resnet"],
    ))  # fmt: skip
    return _stream(lot, Case(words=chosen, outputs=("out*", "home/*")))


SORTS = {"file-names": file_names, "labels": labels, "weights": weights, "words": words}
