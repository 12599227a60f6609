"""Wrong words: refused in two lines, before torch loads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.cli.test_startup import fresh

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MODEL = "python:nets:cnn"


@pytest.mark.parametrize(
    ("words", "says", "hint"),
    [
        (("--topk", 0), "--topk", "camctl run --help"),
        (("--topk", "many"), "--topk", "camctl run --help"),
        (("--opacity", 2), "--opacity 2.0 is out of range", "from 0 to 1"),
        (("--opacity", "nan"), "--opacity nan is out of range", "from 0 to 1"),
        (("--versus", "dog", "--versus-strength", "nan"), "--versus-strength nan is out of range", "of 0 or more"),
        (("--num-extra-tokens", -1), "--num-extra-tokens", "camctl run --help"),
        (("--aggregate", "sum"), "'sum' is not one of", "camctl run --help"),
        (("--seed", 10**30), "--seed", "camctl run --help"),
        (("--nonsense",), "No such option", "camctl run --help"),
        (("--target-category",), "--target-category needs at least one value", "camctl run --help"),
        (("one", "two"), "unexpected extra argument", "camctl run --help"),
        (("--method", ""), "--method names no method", "camctl methods"),
        (("--method", "gradcan"), "There is no method named 'gradcan'", "Did you mean gradcam"),
        (("--method-options", "temperature=abc"), "has an option 'temperature'", "Leave the option out"),
        (("--colormap", "rainbow"), "There is no colormap named 'rainbow'", "viridis"),
        (("--adapter", ""), "There is no adapter named ''", "Choose from"),
        (("--device", "cuda:x"), "'cuda:x' is not a device", "cpu"),
        (("--device", "cuda:99"), "no", "--device auto"),
    ],
)
def test_wrong_option_is_refused_in_two_lines(
    refuses: Callable[..., Any], photo: Path, words: tuple[object, ...], says: str, hint: str
) -> None:
    said = refuses("run", photo, MODEL, *words)

    assert says in said.error
    assert hint in said.hint


@pytest.mark.parametrize("value", ["nan", "1.5", "-2"])
def test_correlation_that_is_none_is_refused(refuses: Callable[..., Any], photo: Path, value: str) -> None:
    said = refuses("compare", photo, MODEL, f"--min-correlation={value}")

    assert said.error.endswith("is out of range.")
    assert said.hint == "Give a number from -1 to 1."


@pytest.mark.parametrize(
    ("method", "option", "says"),
    [
        ("scorecam", "batch_size=abc", "is 'abc'; expected a whole number."),
        ("scorecam", "batch_size=2.5", "is 2.5; expected a whole number."),
        ("scorecam", "batch_size=None", "is None; expected a whole number."),
        ("scorecam", "batch_size=0", "batch_size must be 1 or more"),
        ("finercam", "alpha=abc", "is 'abc'; expected a number."),
        ("finercam", "comparison_categories=1", "is 1; expected a list such as [1,2,3]."),
        ("finercam", "comparison_categories=[1,x]", "expected a list such as [1,2,3]."),
        ("kpca-cam", "gamma=abc", "is 'abc'; expected a number."),
        ("sess", "smooth=1", "is 1; expected true or false."),
        ("randomcam", "seed=-1", "seed must be 0 or more"),
    ],
)
def test_option_of_a_method_is_refused_for_its_kind(
    refuses: Callable[..., Any], photo: Path, method: str, option: str, says: str
) -> None:
    said = refuses("run", photo, MODEL, "--method", method, "--method-options", option)

    assert says in said.error


@pytest.mark.parametrize("json", [(), ("--json",)])
@pytest.mark.parametrize(
    "words",
    [
        ("nonsense",),
        ("--nonsense",),
        ("run",),
        ("layers",),
        ("methods", "a", "b"),
        ("layers", "demo:vit", "--depth", "0"),
    ],
)
def test_wrong_command_is_refused_in_two_lines(
    refuses: Callable[..., Any], words: tuple[str, ...], json: tuple[str, ...]
) -> None:
    assert "--help" in refuses(*words, *(json if words[0] in {"run", "layers"} else ())).hint


def test_list_that_swallows_the_arguments_is_explained_by_a_hint_that_works(
    refuses: Callable[..., Any], camctl: Callable[..., Any], photo: Path
) -> None:
    said = refuses("run", "--target-category", "cat", photo, MODEL)

    assert said.error == "Missing argument 'IMAGE'."
    assert "after a --" in said.hint
    assert camctl("run", "--quiet", "--target-category", "cat", "--", photo, MODEL).code == 0


def test_preview_keeps_the_promise_of_json(camctl: Callable[..., Any], photo: Path) -> None:
    assert camctl("run", photo, MODEL, "--preview-model", "--json").json["layers"]


def test_more_classes_than_there_are_gives_all_of_them(camctl: Callable[..., Any], photo: Path) -> None:
    assert len(camctl("run", photo, MODEL, "--topk", 5000, "--json").json["maps"]) == 4


def test_one_method_under_several_names_is_drawn_once(camctl: Callable[..., Any], photo: Path) -> None:
    done = camctl("run", photo, MODEL, "--method", "gradcam", "GradCAM,grad-cam", "--json")

    assert [one["method"] for one in done.json["maps"]] == ["GradCAM"]


@pytest.mark.parametrize(
    "words",
    [
        ("run",),
        ("run", "photo.png", "demo:vit", "--no-such-option"),
        ("run", "photo.png", "demo:vit", "--method", ""),
        ("run", "photo.png", "demo:vit", "--method", "scorecam", "--method-options", "batch_size=abc"),
        ("run", "photo.png", "demo:vit", "--save-path", "photo.png"),
        ("run", "photo.png", "demo:vit", "--save-path", ""),
        ("run", "photo.png", ""),
        ("run", "photo.png", "demo:"),
        ("run", "--target-category", "cat", "photo.png", "demo:vit"),
        ("run", "cut.png", "demo:vit"),
    ],
)
def test_mistake_surfaces_before_torch_loads(photo: Path, words: tuple[str, ...]) -> None:
    (photo.parent / "cut.png").write_bytes(photo.read_bytes()[:-200])

    done = fresh(*words)

    *said, loaded = done.stderr.splitlines()
    assert done.returncode == 2
    assert [line.split(": ")[0] for line in said] == ["error", "hint"]
    assert "torch" not in loaded.split()
    assert done.stdout == ""
