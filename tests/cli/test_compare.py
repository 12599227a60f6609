"""`camctl compare`, from the words of the command line to files, words and exit codes."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from camctl.files.raw_maps import load_raw

HERE = Path(__file__).parent
MODEL = "python:nets:cnn"
OTHER = "python:nets:other"


def size_of(path):
    """Width and height of a picture."""
    with Image.open(path) as picture:
        return picture.size


def test_one_command_draws_figure_report_manifest_and_numbers(camctl, photo, tmp_path):
    paths = [tmp_path / name for name in ("grid.png", "grid.svg", "report.html", "grid.json")]
    raw = tmp_path / "maps.npz"
    done = camctl("compare", photo, MODEL, "--target-category", "cat", 1, "--save-path", *paths, "--save-raw", raw)

    assert done.code == 0
    assert done.out.splitlines() == list(map(str, [*paths[:3], raw, paths[3]]))
    assert "12 maps (2 classes x 6 methods)" in done.err
    assert size_of(paths[0])[0] > 6 * 224
    assert "GradCAM++" in paths[1].read_text()
    assert "<html" in paths[2].read_text()
    manifest = json.loads(paths[3].read_text())
    assert manifest["axes"]["class"] == ["cat", "dog"]
    kept = load_raw(raw)
    assert [one.method for one in kept.maps] == [one["method"] for one in manifest["maps"]]
    assert kept.manifest["runs"][0]["versions"]["torch"]


def test_json_is_all_that_stands_on_stdout(camctl, photo):
    done = camctl("compare", photo, "python:nets:talkative", "--json", "--method", "GradCAM", "--timing")

    assert [one["method"] for one in done.json["maps"]] == ["GradCAM"]
    assert {one["what"] for one in done.json["spent"]} >= {"load", "forward", "backward", "methods"}


def test_without_a_terminal_and_a_path_nothing_stands_on_stdout(camctl, photo):
    done = camctl("compare", photo, MODEL)

    assert (done.code, done.out) == (0, "")
    assert "Nothing was saved. To keep it: --save-path grid.png report.html" in done.err


def test_quiet_says_nothing_but_prints_what_was_written(camctl, photo, tmp_path):
    done = camctl("compare", photo, MODEL, "--quiet", "--save-path", tmp_path / "a.png")

    assert (done.out, done.err) == (f"{tmp_path / 'a.png'}\n", "")


def test_models_come_in_a_row_with_their_checkpoints(camctl, photo, tmp_path):
    import torch
    from nets import cnn

    torch.save(cnn().state_dict(), tmp_path / "w@1.pth")
    done = camctl(
        "compare", photo, "--model", MODEL, f"{MODEL}@{tmp_path / 'w@1.pth'}", OTHER, "--method", "gradcam", "--json"
    )

    assert done.code == 0, done.err
    assert done.json["axes"]["model"] == [MODEL, f"{MODEL} (w@1.pth)", OTHER]
    first, second, third = done.json["maps"]
    assert first["target"] == second["target"] != third["target"]


def test_a_folder_and_a_pattern_are_pictures(camctl, picture, tmp_path):
    for name in ("b.png", "a.png", "c.jpg", "notes.txt"):
        (tmp_path / name).write_text("no picture") if name.endswith("txt") else picture.save(tmp_path / name)
    folder = camctl("compare", tmp_path, MODEL, "--method", "gradcam", "--json")
    pattern = camctl(
        "compare", tmp_path / "*.png", MODEL, "--image", tmp_path / "c.jpg", "--method", "gradcam", "--json"
    )

    assert folder.json["axes"]["image"] == ["a.png", "b.png", "c.jpg"]
    assert pattern.json["axes"]["image"] == ["a.png", "b.png", "c.jpg"]
    wide = camctl("compare", tmp_path / "*", MODEL, "--method", "gradcam", "--json")
    assert wide.json["axes"]["image"] == ["a.png", "b.png", "c.jpg"]


def test_smoothings_lie_side_by_side(camctl, photo):
    done = camctl("compare", photo, MODEL, "--method", "LayerCAM", "--smooth", "none", "eigen,aug", "both", "--json")

    assert done.json["axes"]["smoothing"] == ["no smoothing", "eigen-smooth", "aug-smooth", "eigen + aug"]
    assert [one["smoothing"] for one in done.json["maps"]] == ["none", "eigen", "aug", "both"]


def test_metrics_alone_are_all_and_rank_the_methods(camctl, photo):
    words = ("compare", photo, MODEL, "--method", "gradcam,layercam")
    done = camctl(*words, "--metrics", "--baselines", "--metric-options", "steps=4")

    assert done.code == 0
    assert "mean rank" in done.err
    assert "insertion ↑" in done.err.lower()
    assert "Centre" in done.err
    assert "agreement between methods" in done.err


def test_metrics_by_name_measure_no_more(camctl, photo):
    done = camctl("compare", photo, MODEL, "--metrics", "drop", "coverage", "--method", "gradcam", "--json")

    assert set(done.json["maps"][0]["figures"]) == {"drop", "coverage"}
    assert [one["method"] for one in done.json["standings"]] == ["GradCAM"]


def test_figures_stand_under_the_maps_however_the_metric_was_spelt(camctl, photo, tmp_path):
    words = ("compare", photo, MODEL, "--method", "gradcam,layercam", "--save-path", tmp_path / "grid.svg")
    done = camctl(*words, "--metrics", "camctl[coverage]", "DROP")

    assert done.code == 0
    drawn = (tmp_path / "grid.svg").read_text()
    assert "coverage\u00a00." in drawn
    assert "drop\u00a0" in drawn


def test_a_box_brings_its_metrics(camctl, photo):
    done = camctl(
        "compare", photo, MODEL, "--metrics", "pointing", "energy", "--box", "cat=0,0,64,48", "--box", "30,20,33,23",
        "--target-category", "cat", "dog", "--method", "gradcam", "--json",
    )  # fmt: skip

    cat, dog = (one["figures"] for one in done.json["maps"])
    assert cat == {"pointing": 1.0, "energy": pytest.approx(1)}
    assert dog["energy"] < 0.1


def test_a_mask_brings_the_metrics_of_a_box(camctl, photo, tmp_path):
    left = np.zeros((48, 64), np.uint8)
    left[:, :32] = 1
    Image.fromarray(left).save(tmp_path / "left.png")
    words = ("compare", photo, MODEL, "--metrics", "pointing", "energy", "iou", "--method", "gradcam", "--json")
    masked = camctl(*words, "--target-category", "cat", "--mask", f"cat={tmp_path / 'left.png'}")
    boxed = camctl(*words, "--target-category", "cat", "--box", "0,0,32,48")

    assert masked.code == 0, masked.err
    assert masked.json["maps"][0]["figures"] == boxed.json["maps"][0]["figures"]


def test_axes_can_be_turned(camctl, photo, tmp_path):
    words = ("compare", photo, MODEL, "--topk=2", "--method", "gradcam,layercam,hirescam", "--quiet")
    camctl(*words, "--save-path", tmp_path / "wide.png")
    done = camctl(*words, "--columns", "classes", "--save-path", tmp_path / "tall.png")

    assert done.code == 0
    wide, tall = (size_of(tmp_path / name) for name in ("wide.png", "tall.png"))
    assert wide[0] > tall[0]
    assert wide[1] < tall[1]


def test_a_number_of_columns_puts_the_others_below(camctl, photo, tmp_path):
    words = ("compare", photo, MODEL, "--topk=2", "--method", "gradcam,layercam,hirescam,cam", "--quiet")
    sizes = []
    for name, columns in (("one.png", ["1"]), ("two.png", ["class,method", "2"]), ("all.png", [])):
        path = tmp_path / name
        done = camctl(*words, *(["--columns", *columns] if columns else []), "--save-path", path)
        assert done.code == 0, done.err
        sizes.append(size_of(path))
    widths, heights = zip(*sizes, strict=True)
    assert list(widths) == sorted(widths)
    assert list(heights) == sorted(heights, reverse=True)


def test_a_model_that_fails_leaves_its_row_and_ends_with_one(camctl, photo, tmp_path):
    done = camctl(
        "compare", photo, "--model", MODEL, "python:nets:hard_to_please", "--method", "gradcam",
        "--save-path", tmp_path / "grid.svg",
    )  # fmt: skip

    assert done.code == 1
    assert "no map of python:nets:hard_to_please: " in done.err
    assert "no model today" in done.err
    words = " ".join(re.findall(r"<text[^>]*>([^<]*)", (tmp_path / "grid.svg").read_text()))
    assert "no model today (nets.py, line " in done.err
    assert "no model today" in words


def test_a_method_that_cannot_work_is_said_and_costs_no_exit_code(camctl, photo):
    done = camctl("compare", photo, "python:nets:plain", "--method", "gradcam", "fullgrad", "--quiet")

    assert done.code == 0
    assert "FullGrad cannot work on this model" in done.err


def test_a_worthless_map_ends_a_strict_comparison_with_four(camctl, photo):
    words = ("compare", photo, MODEL, "--method", "gradcam", "--target-layers", "pool", "blocks.4.bn")
    done, strict = camctl(*words), camctl(*words, "--strict")

    assert (done.code, strict.code) == (0, 4)
    assert "single-cell: GradCAM" in done.err
    assert "1 worthless" in done.err


# ---------------------------------------------------------------------------------------- baseline


def test_maps_that_have_not_changed_pass_the_baseline(camctl, photo, tmp_path):
    words = ("compare", photo, MODEL, "--target-category", "cat")
    camctl(*words, "--save-raw", tmp_path / "old.npz")
    done = camctl(*words, "--baseline", tmp_path / "old.npz")

    assert done.code == 0
    assert done.err.count("1.000") == 6


def test_a_map_that_left_its_predecessor_ends_with_five(camctl, photo, tmp_path):
    words = ("compare", photo, "--target-category", "cat", "--method", "gradcam", "--model")
    camctl(*words, MODEL, "--save-raw", tmp_path / "old.npz")
    done = camctl(*words, OTHER, "--baseline", tmp_path / "old.npz", "--json")
    loose = camctl(*words, OTHER, "--baseline", tmp_path / "old.npz", "--min-correlation", "-1", "--quiet")

    (told,) = done.json["baseline"]["maps"]
    assert done.code == 5
    assert told["under"]
    assert told["correlation"] < 0.9
    assert loose.code == 0


def test_checkpoints_and_pictures_of_one_name_keep_their_own_predecessors(camctl, photo, picture, tmp_path):
    import torch
    from nets import cnn, other

    for name, build in (("a", cnn), ("b", other)):
        (tmp_path / name).mkdir()
        torch.save(build().state_dict(), tmp_path / name / "best.pth")
    (tmp_path / "more").mkdir()
    picture.rotate(90).save(tmp_path / "more" / photo.name)
    models = [f"{MODEL}@{tmp_path / name / 'best.pth'}" for name in "ab"]
    words = ("compare", photo, "--image", tmp_path / "more" / photo.name, "--model", *models)
    words += ("--method", "gradcam", "layercam", "--target-category", "cat")
    camctl(*words, "--save-raw", tmp_path / "old.npz")
    done = camctl(*words, "--baseline", tmp_path / "old.npz", "--json")

    assert done.code == 0
    assert done.json["axes"]["model"] == [f"{MODEL} (a/best.pth)", f"{MODEL} (b/best.pth)"]
    told = done.json["baseline"]["maps"]
    assert len(told) == 8
    assert {round(one["correlation"], 6) for one in told if one["correlation"] is not None} == {1.0}


def test_a_full_standard_output_is_one_line(photo):
    environment = os.environ | {"PYTHONPATH": str(HERE)}
    command = [sys.executable, "-m", "camctl", "compare", str(photo), MODEL, "--method", "gradcam", "--json"]
    if not Path("/dev/full").exists():
        pytest.skip("this system has no disk that is always full")
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, env=environment, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert "error: Standard output cannot be written: the disk is full." in done.stderr
    assert "Traceback" not in done.stderr


def test_maps_of_run_are_a_baseline_too(camctl, photo, tmp_path):
    camctl("run", photo, MODEL, "--target-category", "cat", "--save-raw", tmp_path / "old.npz")
    done = camctl(
        "compare", photo, MODEL, "--target-category", "cat", "--method", "gradcam", "layercam",
        "--baseline", tmp_path / "old.npz",
    )  # fmt: skip

    assert done.code == 5  # LayerCAM has no predecessor
    assert "new" in done.err


def test_a_baseline_of_something_else_is_refused_after_all_is_saved(camctl, photo, tmp_path):
    camctl("compare", photo, MODEL, "--target-category", "cat", "--save-raw", tmp_path / "old.npz")
    words = ("compare", photo, MODEL, "--target-category", "dog", "--baseline", tmp_path / "old.npz")
    done = camctl(*words, "--save-path", tmp_path / "grid.png")

    assert done.code == 2
    assert done.out == f"{tmp_path / 'grid.png'}\n"
    assert size_of(tmp_path / "grid.png")[0] > 224
    assert {drift["correlation"] for drift in camctl(*words, "--json").json["baseline"]["maps"]} == {None}
    assert "None of these maps is in the --baseline" in done.err


def test_the_baseline_is_not_replaced_by_the_maps_that_are_compared_with_it(camctl, photo, tmp_path):
    kept = tmp_path / "kept.npz"
    words = ("compare", photo, "--target-category", "cat", "--method", "gradcam", "--save-raw", kept)
    camctl(*words, MODEL)
    before = kept.read_bytes()

    done = camctl(*words, "--model", OTHER, "--baseline", kept)

    assert done.code == 2
    assert "is the baseline, which would be lost" in done.err
    assert kept.read_bytes() == before


# ---------------------------------------------------------------------------------------- terminal


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are Unix's")
@pytest.mark.parametrize(("flag", "drawn"), [((), True), (("--no-preview",), False)])
def test_an_interactive_terminal_shows_the_grid(photo, flag, *, drawn):
    import pty

    main, side = pty.openpty()
    environment = os.environ | {"PYTHONPATH": str(HERE), "TERM": "xterm-256color", "COLUMNS": "100", "LINES": "40"}
    environment.pop("NO_COLOR", None)
    process = subprocess.Popen(
        [sys.executable, "-m", "camctl", "compare", str(photo), MODEL, "--method", "gradcam,layercam", *flag],
        stdin=subprocess.DEVNULL, stdout=side, stderr=subprocess.PIPE, env=environment,
    )  # fmt: skip
    os.close(side)
    shown = b""
    while True:
        try:
            part = os.read(main, 65536)
        except OSError:
            break
        if not part:
            break
        shown += part
    said = process.communicate()[1].decode()
    os.close(main)

    assert process.returncode == 0, said
    assert ("▀" in shown.decode()) is drawn
    assert ("LayerCAM" in shown.decode()) is drawn


# --------------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("words", "error", "hint"),
    [
        (("--smooth", "lots"), "no smoothing named 'lots'", "none, eigen, aug, both"),
        (("--rows", "colour"), "no axis named 'colour'", "--rows takes: image, model"),
        (("--metrics", "beauty"), "no metric named 'beauty'", "camctl metrics"),
        (("--metrics", "pointing"), "where the object is", "--box X0,Y0,X1,Y1"),
        (("--metric-options", "steps=1"), "None of the metrics", ""),
        (("--box", "1,2,3"), "not of the form [CLASS=]X0,Y0,X1,Y1", "--box 10,20,90,80"),
        (("--box", "9,9,1,1"), "has no area", "--box 10,20,90,80"),
        (("--mask", "nowhere.png"), "There is no picture 'nowhere.png'", "has a name like it"),
        (("--mask", "cat=a.png", "--mask", "cat=b.png"), "two masks for the class 'cat'", "--mask CLASS=FILE"),
        (("--save-path", "grid.tiff"), "ending '.tiff'", ".svg"),
        (("--save-path", "grids/"), "is a folder", "grids/grid.png"),
        (("--baseline", "nowhere.npz"), "There is no file", "--save-raw FILE.npz"),
        (("--model", "@weights.pth"), "needs a model before its @", "MODEL@CHECKPOINT"),
        (("--target-layers", "auto:0"), "asks for no layers", "auto:4"),
        (("--topk", "1", "--target-category", "cat"), "both say which classes", "Give one"),
        (("--topk", "200"), "1200 maps", "camctl run"),
        (("--method", "gradcan"), "no method named 'gradcan'", "gradcam"),
        (("--rows", "class", "--columns", "class", "--topk", "2"), "named twice", "once"),
        (("--columns", "0"), "no number of columns", "--columns 3"),
        (("--columns", "2", "3"), "no number of columns", "--columns 3"),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, tuple) else None,
)
def test_wrong_words_are_one_line_and_a_hint(camctl, photo, words, error, hint):
    done = camctl("compare", photo, MODEL, *words)

    assert done.code == 2, done.err
    assert done.out == ""
    said = done.err.splitlines()
    assert len(said) == 2, said
    assert error in said[0]
    assert hint in said[1]


def test_no_model_is_asked_for_by_name(camctl, photo):
    done = camctl("compare", photo)

    assert done.code == 2
    assert "No model was named." in done.err


def test_a_box_for_several_pictures_is_refused(camctl, photo):
    shutil.copy(photo, photo.with_name("other.png"))
    done = camctl("compare", photo.parent, MODEL, "--box", "0,0,5,5", "--metrics", "energy")

    assert done.code == 2
    assert "--box is for one picture, and there are 2." in done.err


def test_a_picture_of_the_comparison_is_never_overwritten(camctl, photo):
    before = photo.read_bytes()
    done = camctl("compare", photo, MODEL, "--save-path", photo)

    assert done.code == 2
    assert photo.read_bytes() == before


def test_a_folder_without_pictures_is_refused(camctl, tmp_path):
    done = camctl("compare", tmp_path, MODEL)

    assert done.code == 2
    assert "holds no pictures" in done.err


def test_a_folder_whose_folders_hold_the_pictures_is_answered_with_their_pattern(camctl, photo, tmp_path):
    inner = tmp_path / "photos" / "cat"
    inner.mkdir(parents=True)
    Path(inner / "a.png").write_bytes(Path(photo).read_bytes())
    done = camctl("compare", tmp_path / "photos", "demo:resnet")
    assert done.code == 2
    assert f"Its folders hold some: '{tmp_path}/photos/*/*.png'" in done.err


def test_a_grid_of_many_cells_goes_on_over_pages(camctl, photo, tmp_path):
    with Image.open(photo) as picture:
        pixels = np.asarray(picture)
    for number in range(40):
        Image.fromarray(np.roll(pixels, number, 1)).save(tmp_path / f"p{number:02}.png")
    photo.unlink()
    done = camctl(
        "compare", tmp_path, MODEL, "--save-path", tmp_path / "out" / "grid.webp", "--tile", 448, "--quiet",
    )  # fmt: skip

    assert done.code == 0
    written = done.out.splitlines()
    assert len(written) > 1
    assert all(max(size_of(Path(path))) <= 16383 for path in written)


def test_sanity_is_told_in_terminal_figure_report_and_json(camctl, photo, tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "150")
    asked = ("compare", photo, MODEL, "--method", "GradCAM", "EigenCAM", "--sanity")
    done = camctl(*asked, "--save-path", tmp_path / "grid.png", tmp_path / "grid.pdf", tmp_path / "report.html")

    assert done.code == 0
    names = ["grid.png", "grid-sanity.png", "grid.pdf", "grid-sanity.pdf", "report.html"]
    assert done.out.splitlines() == [str(tmp_path / name) for name in names]
    heading = next(line for line in done.err.splitlines() if line.split()[:2] == ["method", "head"])
    assert "another picture" in heading
    lines = {line.split()[0]: line for line in done.err.splitlines() if line.strip()}
    assert "too few to tell" in lines["GradCAM"]
    assert "1.00 / 1.00" in lines["EigenCAM"]
    assert "does not see the class" in lines["EigenCAM"]
    assert "hint: Whether a method sees the class takes 3 pictures to decide" in done.err
    assert "What remains when weights are random" in (tmp_path / "report.html").read_text()
    (told,) = camctl(*asked, "--json").json["sanity"]
    assert [row["mark"] for row in told["rows"]] == ["too few to tell", "does not see the class"]


def test_a_narrow_window_tells_the_rank_correlation_alone(camctl, photo, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    done = camctl("compare", photo, MODEL, "--method", "EigenCAM", "--sanity")

    told = next(line for line in done.err.splitlines() if line.split()[:1] == ["EigenCAM"])
    assert " 1.00 " in told
    assert "/" not in told
    assert "structural similarity" not in done.err


def test_a_model_that_cannot_be_copied_has_no_sanity_in_one_line(camctl, photo):
    done = camctl("compare", photo, "python:nets:locked", "--sanity")

    assert done.code == 2
    assert "cannot be copied" in done.err
    assert "Leave out: --sanity" in done.err


def test_the_figure_of_the_sanity_is_never_written_over_a_picture(camctl, photo):
    mine = photo.rename(photo.with_name("grid-sanity.png"))
    before = mine.read_bytes()
    done = camctl("compare", mine, MODEL, "--sanity", "--save-path", mine.with_name("grid.png"))

    assert done.code == 2
    assert "would be lost" in done.err
    assert mine.read_bytes() == before


def test_beyond_a_dozen_pictures_a_results_folder_is_proposed(camctl, photo, tmp_path):
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(13):
        (folder / f"{number}.png").write_bytes(photo.read_bytes())
    done = camctl("compare", folder, MODEL, "--save-path", tmp_path / "grid.png")
    assert done.code == 0
    assert f"camctl run {folder} {MODEL} --save-path out" in done.err
    few = camctl("compare", folder / "1.png", folder / "2.png", MODEL, "--save-path", tmp_path / "few.png")
    assert "--save-path out" not in few.err
