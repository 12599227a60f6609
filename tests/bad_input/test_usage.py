"""Wrong words: refused in two lines, before torch loads."""

import shlex

import pytest

from tests.cli.test_startup import fresh

MODEL = "python:nets:cnn"


@pytest.mark.parametrize(
    ("words", "says", "hint"),
    [
        (("--topk", 0), "--topk takes a number of 1 or more.", "camctl run --help"),
        (("--topk", "many"), "--topk takes a whole number.", "camctl run --help"),
        (("--opacity", 2), "--opacity 2.0 is out of range", "from 0 to 1"),
        (("--opacity", "nan"), "--opacity nan is out of range", "from 0 to 1"),
        (("--versus", "dog", "--versus-strength", "nan"), "--versus-strength nan is out of range", "of 0 or more"),
        (("--num-extra-tokens", -1), "--num-extra-tokens", "camctl run --help"),
        (("--aggregate", "sum"), "There is no aggregate named 'sum'.", "camctl run --help"),
        (("--canvas", "orignal"), "There is no canvas named 'orignal'.", "Did you mean original? --canvas takes: "),
        (("--seed", 10**30), "--seed", "camctl run --help"),
        (("--nonsense",), "No such option", "camctl run --help"),
        (("--target-category",), "--target-category needs at least one value", "camctl run --help"),
        (("one", "two"), "unexpected extra argument", "camctl run --help"),
        (("--method", ""), "--method names no method", "camctl methods"),
        (("--method", "seeed"), "There is no method named 'seeed'", "Did you mean seed"),
        (("--method", "gradcan"), "There is no method named 'gradcan'", "Did you mean gradcam"),
        (("--method-options", "temperature=abc"), "has an option 'temperature'", "Leave the option out"),
        (("--colormap", "rainbov"), "There is no colormap named 'rainbov'", "Did you mean rainbow"),
        (("--adapter", ""), "There is no adapter named ''", "Choose from"),
        (("--device", "cuda:x"), "'cuda:x' is not a device", "cpu"),
        (("--device", "cuda:99"), "no", "--device auto"),
        (("--versus", "yak"), "There is no class named 'yak'.", ""),
        (("--versus", "hen[1]"), "The class 'hen[1]' cannot be contrasted with itself.", ""),
        (("--versus", "auto:0"), "'auto:0' asks for no class.", ""),
        (("--versus-strength", "2"), "--versus-strength is the weight of a contrast", ""),
        (("--versus", "dog", "--method", "CAM"), "CAM uses the head's weights for one class", ""),
        (("--labels", "a,b"), "2 labels were given, and the model has", ""),
        (("--labels", "a,,b"), "Label 2 of 3 is empty.", ""),
        (("--labels", "nosuch.txt"), "There is no file of labels 'nosuch.txt'.", ""),
    ],
)
def test_wrong_option_is_refused_in_two_lines(refuses, photo, words, says, hint):
    said = refuses("run", photo, MODEL, *words)

    assert says in said.error
    assert hint in said.hint


@pytest.mark.parametrize("value", ["nan", "1.5", "-2"])
def test_correlation_that_is_none_is_refused(refuses, photo, value):
    said = refuses("compare", photo, MODEL, f"--min-correlation={value}")

    assert said.error.endswith("is out of range.")
    assert said.hint == "Give a number from -1 to 1."


@pytest.mark.parametrize(
    ("method", "option", "says"),
    [
        ("scorecam", "batch_size=abc", "is 'abc'; expected a whole number."),
        ("scorecam", "batch_size=2.5", "is 2.5; expected a whole number."),
        ("ablationcam", "batch_size=None", "is None; expected a whole number."),
        ("scorecam", "batch_size=0", "batch_size must be 1 or more"),
        ("finercam", "alpha=abc", "is 'abc'; expected a number."),
        ("finercam", "comparison_categories=1", "is 1; expected a list such as [1,2,3]."),
        ("finercam", "comparison_categories=[1,x]", "expected a list such as [1,2,3]."),
        ("kpca-cam", "gamma=abc", "is 'abc'; expected a number."),
        ("sess", "smooth=1", "is 1; expected true or false."),
        ("randomcam", "seed=-1", "seed must be 0 or more"),
    ],
)
def test_option_of_a_method_is_refused_for_its_kind(refuses, photo, method, option, says):
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
def test_wrong_command_is_refused_in_two_lines(refuses, words, json):
    assert "--help" in refuses(*words, *(json if words[0] in {"run", "layers"} else ())).hint


def test_list_that_swallows_the_arguments_is_explained_by_a_hint_that_works(refuses, camctl, photo):
    said = refuses("run", "--target-category", "cat", photo, MODEL)

    assert said.error == "Missing argument 'IMAGE|DATA'."
    assert "after a --" in said.hint
    assert "camctl run IMAGE MODEL [CHECKPOINT], such as: camctl run photo.jpg imagenet:lite0." in said.hint
    assert camctl("run", "--quiet", "--target-category", "cat", "--", photo, MODEL).code == 0


def test_preview_keeps_the_promise_of_json(camctl, photo):
    assert camctl("run", photo, MODEL, "--preview-model", "--json").json["layers"]


def test_more_classes_than_there_are_gives_all_of_them(camctl, photo):
    assert len(camctl("run", photo, MODEL, "--topk", 5000, "--json").json["maps"]) == 4


def test_one_method_under_several_names_is_drawn_once(camctl, photo):
    done = camctl("run", photo, MODEL, "--method", "gradcam", "GradCAM,grad-cam", "--json")

    assert [one["method"] for one in done.json["maps"]] == ["GradCAM"]


@pytest.mark.parametrize(
    "words",
    [
        "run",
        "run photo.png demo:vit --no-such-option",
        "run photo.png demo:vit --method ''",
        "run photo.png demo:vit --method gradcan",
        "run photo.png demo:vit --method scorecam --method-options batch_size=abc",
        "run photo.png demo:vit --method-options a",
        "run photo.png demo:vit --method-options a=1",
        "run photo.png demo:vit --cfg-options 'a=(1,2'",
        "run photo.png demo:vit --opacity 7",
        "run photo.png demo:vit --colormap rainbows",
        "run photo.png demo:vit --adapter nobody",
        "run photo.png demo:vit --save-path photo.png",
        "run photo.png demo:vit --save-path ''",
        "run photo.png demo:vit --save-path cam.exe",
        "run photo.png demo:vit --save-path cam.png --topk 3",
        "run photo.png demo:vit --save-raw cam.png",
        "run photo.png demo:vit --target-category 3 --topk 2",
        "run photo.png ''",
        "run photo.png demo:",
        "run photo.png timmy:resnet50",
        "run --target-category cat photo.png demo:vit",
        "run cut.png demo:vit",
        "run no-such-photo.jpg demo:vit",
        "layers demo:vit --image no-such-photo.jpg",
        "layers demo:vit --depth 0",
    ],
)
def test_mistake_surfaces_before_torch_loads(photo, words):
    (photo.parent / "cut.png").write_bytes(photo.read_bytes()[:-200])

    done = fresh(*shlex.split(words))

    *said, loaded = done.stderr.splitlines()
    assert done.returncode == 2
    assert [line.split(": ")[0] for line in said] == ["error", "hint"]
    assert "torch" not in loaded.split()
    assert done.stdout == ""
