"""`camctl run`, from the words of the command line to files, words and exit codes."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

HERE = Path(__file__).parent
MODEL = "python:nets:cnn"
ENVIRONMENT = os.environ | {"PYTHONPATH": os.pathsep.join((str(HERE), os.environ.get("PYTHONPATH", "")))}


def test_summary_tells_scores_layer_verdict_and_that_nothing_was_saved(camctl, photo):
    done = camctl("run", photo, MODEL)

    assert done.code == 0
    assert done.out == ""
    assert "hen[1]" in done.err
    assert "target layer blocks.4, chosen by probe, grid 6 x 8" in done.err
    assert "GradCAM" in done.err
    assert " ok " in done.err
    assert "Nothing was saved. To keep the map: --save-path cam.png" in done.err


def test_json_is_all_that_stands_on_stdout(camctl, photo):
    done = camctl("run", photo, "python:nets:talkative", "--json", "--topk", 2)

    assert done.err == "" or "made by hand" in done.err
    assert [len(done.json["maps"]), len(done.json["predictions"])] == [2, 4]
    first = done.json["maps"][0]
    assert first["method"] == "GradCAM"
    assert first["grid"] == [6, 8]
    assert first["layers"] == ["blocks.4"]
    assert first["verdict"] == "ok"
    assert first["path"] is None
    assert set(first["target"]) == {"index", "label", "score"}
    assert done.json["versions"]["camctl"]


def test_lists_take_several_values_after_one_flag(camctl, photo):
    done = camctl(
        "run", photo, MODEL, "--target-category", "dog", 2, "--method", "layercam,xgradcam", "EigenCAM",
        "--target-layers", "blocks.3.bn", "blocks.4.bn", "--json",
    )  # fmt: skip

    assert [one["target"]["label"] for one in done.json["maps"]] == ["dog"] * 3 + ["cow, ox"] * 3
    assert [one["method"] for one in done.json["maps"]] == ["LayerCAM", "XGradCAM", "EigenCAM"] * 2
    assert done.json["maps"][0]["layers"] == ["blocks.3.bn", "blocks.4.bn"]
    assert done.json["maps"][0]["chosen_by"] == "you"


def test_pattern_names_layers(camctl, photo):
    done = camctl("run", photo, MODEL, "--target-layers", "blocks.*.bn", "--json", "--aggregate", "max")

    assert done.json["maps"][0]["layers"] == [f"blocks.{number}.bn" for number in range(5)]


def test_one_map_is_saved_in_the_file_named(camctl, photo, tmp_path):
    done = camctl("run", photo, MODEL, "--save-path", tmp_path / "new" / "cam.webp", "--json")

    assert done.json["maps"][0]["path"] == str(tmp_path / "new" / "cam.webp")
    with Image.open(tmp_path / "new" / "cam.webp") as picture:
        assert picture.size == (224, 168)  # of a view of 64 x 48 pixels


@pytest.mark.parametrize("folder", ["maps/", "maps"])
def test_several_maps_are_saved_in_a_folder(camctl, photo, tmp_path, folder):
    done = camctl("run", photo, MODEL, "--topk", 2, "--method", "gradcam++", "--save-path", f"{tmp_path}/{folder}")

    names = sorted(path.name for path in (tmp_path / "maps").iterdir())
    assert done.code == 0
    assert len(names) == 2
    assert all(name.startswith("photo_") and name.endswith("gradcam++.png") for name in names)
    assert str(tmp_path / "maps" / names[0]) in done.err


def test_one_map_in_an_existing_folder_is_given_a_name(camctl, photo, tmp_path):
    (tmp_path / "maps.d").mkdir()

    camctl("run", photo, MODEL, "--save-path", tmp_path / "maps.d", "--quiet")

    assert len(list((tmp_path / "maps.d").glob("photo_*_gradcam.png"))) == 1


def test_raw_numbers_are_kept_with_what_made_them(camctl, photo, tmp_path):
    done = camctl("run", photo, MODEL, "--save-raw", tmp_path / "raw.npz")

    with np.load(tmp_path / "raw.npz", allow_pickle=False) as raw:
        assert raw["raw_0"].shape == (6, 8)
        assert raw["values_0"].shape == (48, 64)
    assert "Nothing was saved" not in done.err


@pytest.mark.parametrize("flag", ["--eigen-smooth", "--eigen_smooth", "--aug-smooth", "--aug_smooth", "--vit-like"])
def test_switches_of_the_old_tool_are_taken_in_their_spellings(camctl, photo, flag):
    assert camctl("run", photo, MODEL, flag, "--num-extra-tokens", "0", "--device", "cpu").code == 0


def test_preview_shows_the_layers_and_stops(camctl, photo):
    done = camctl("run", photo, MODEL, "--preview-model", "--save-path", photo.parent / "cam.png")

    assert done.code == 0
    assert "blocks.4.bn" in done.out
    assert "● default" in done.out
    assert not (photo.parent / "cam.png").exists()


def test_quiet_says_nothing(camctl, photo, tmp_path):
    done = camctl("run", photo, MODEL, "--quiet", "--save-path", tmp_path / "cam.png")

    assert (done.code, done.out, done.err) == (0, "", "")


def test_random_weights_are_said_on_every_map(camctl, photo):
    done = camctl("run", photo, MODEL, "--random-weights", "--method", "gradcam", "layercam")

    assert done.err.count("(random weights)") == 2


def test_worthless_map_is_drawn_with_its_verdict_and_strict_ends_with_four(camctl, photo, tmp_path):
    path = tmp_path / "cam.png"
    words = ("run", photo, "python:nets:sick", "--target-layers", "blocks.4.bn", "--target-category", 0)
    lenient, strict = camctl(*words, "--save-path", path), camctl(*words, "--save-path", path, "--strict")

    assert (lenient.code, strict.code) == (0, 4)
    assert "not-finite: GradCAM of cat." in strict.err
    assert "hint: " in strict.err
    assert path.exists()


def test_json_of_scores_that_are_no_numbers_is_json(camctl, photo):
    done = camctl("run", photo, "python:nets:sick", "--target-layers", "blocks.4.bn", "--json")

    assert None in [one["score"] for one in done.json["predictions"]]


def test_write_that_fails_half_way_leaves_no_file_and_ends_with_one(photo, tmp_path):
    # A limit of a few kilobytes a file does what a full disk does, in the middle of the write.
    limited = "import resource, runpy; resource.setrlimit(resource.RLIMIT_FSIZE, (1024, 1024)); import sys; "
    limited += "sys.dont_write_bytecode = True; runpy.run_module('camctl', run_name='__main__')"
    words = ("run", photo, MODEL, "--save-path", tmp_path / "out" / "cam.png", "--quiet")
    done = subprocess.run(
        [sys.executable, "-c", limited, *words], env=ENVIRONMENT, capture_output=True, text=True, check=False
    )

    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [photo]


def test_a_class_is_told_from_others_and_said_to_be(camctl, photo, tmp_path):
    arguments = ("run", photo, MODEL, "--target-category", "dog", "--versus", "hen[1]", "cow")
    done = camctl(*arguments, "--save-path", f"{tmp_path}/")

    assert done.code == 0
    assert "dog vs hen[1] and cow" in done.err
    assert "A vs B: what speaks for A rather than B, and the probability of A if only A and B were possible" in done.err
    assert [path.name for path in tmp_path.glob("*dog-vs*")] == ["photo_dog-vs-hen-1-and-cow_gradcam.png"]
    target = camctl(*arguments, "--versus-strength", 0.6, "--json").json["maps"][0]["target"]
    assert [one["label"] for one in target["versus"]] == ["hen[1]", "cow, ox"]
    assert target["strength"] == 0.6


def test_versus_alone_takes_the_nearest_classes(camctl, photo):
    done = camctl("run", photo, MODEL, "--json", "--versus")

    assert len(done.json["maps"][0]["target"]["versus"]) == 3


def test_labels_name_the_classes(camctl, photo, tmp_path):
    names = [f"class number {number}" for number in range(4)]
    file = tmp_path / "names.txt"
    file.write_text("\n".join(names) + "\n")
    for given in ([file], [",".join(names)], names):
        done = camctl("run", photo, MODEL, "--json", "--labels", *given)
        assert done.json["predictions"][0]["label"] in names
    file.write_bytes(b"\xff\xfe\x00")
    assert "cannot be read" in camctl("run", photo, MODEL, "--labels", file).err
    file.write_text("\n")
    assert "holds no labels" in camctl("run", photo, MODEL, "--labels", file).err


def test_bands_and_range_of_a_deep_picture_are_read_and_said(camctl, tmp_path):
    deep = np.linspace(0, 4095, 64 * 64).reshape(64, 64).astype(np.uint16)
    Image.fromarray(deep).save(tmp_path / "deep.png")
    guessed = camctl("run", tmp_path / "deep.png", "demo:resnet", "--no-preview")
    assert guessed.code == 0
    assert "white 4095. To set them: --range 0:65535" in guessed.err
    told = camctl("run", tmp_path / "deep.png", "demo:resnet", "--no-preview", "--range", "0:4095", "--bands", "1")
    assert "deep.png' holds" not in told.err
    wrong = camctl("run", tmp_path / "deep.png", "demo:resnet", "--bands", "4")
    assert wrong.code == 2
    assert "has 1 band, and band 4 is asked for" in wrong.err


def test_a_run_of_a_layer_can_be_asked_for(camctl, photo):
    wrong = camctl("run", photo, "demo:resnet", "--call", "2")
    assert wrong.code == 2
    assert "runs once in a pass, and run 2 is asked for" in wrong.err


def test_of_all_methods_those_that_cannot_work_here_cost_a_line_each(camctl, photo, tmp_path):
    done = camctl("run", photo, MODEL, "--method", "fast", "--save-path", tmp_path / "maps")

    assert done.code == 0
    assert "RefineCAM multiplies the maps of several layers, and is given one layer. It is left out." in done.err
    assert len(list((tmp_path / "maps").iterdir())) >= 10
    named = camctl("run", photo, MODEL, "--method", "fast", "RefineCAM", "--save-path", tmp_path / "others")
    assert (named.code, (tmp_path / "others").exists()) == (2, False)
    assert "RefineCAM multiplies" in named.err


def test_what_is_drawn_is_told_before_each_map_and_then_the_passes_of_it(photo):
    import camctl as library

    steps = []
    library.explain("demo:resnet", photo, methods=["GradCAM", "ReciproCAM"], progress=lambda *step: steps.append(step))
    assert steps[:2] == [("GradCAM", 0, 2), ("ReciproCAM", 1, 2)]
    passes = steps[2:]
    assert "once a place" in passes[0][0]
    assert [total for _, _, total in passes] == [196] * len(passes)
    done = [count for _, count, _ in passes]
    assert done == sorted(done)
    assert (done[0], done[-1]) == (0, 195)


@pytest.mark.parametrize(("typed", "first"), [("terier", "terrier"), ("goldn retriver", "golden retriever")])
def test_an_unknown_class_is_answered_by_classes_with_words_spelt_like_it(camctl, photo, typed, first):
    done = camctl("run", photo, "imagenet:lite0", "--random-weights", "--target-category", typed)

    nearest = done.err.partition("The nearest of 1000: ")[2].split("; ")
    assert done.code == 2
    assert first in nearest[0].lower()
    assert typed.split()[-1][:3] in nearest[-1].lower()


def test_an_overlay_carries_a_caption_and_evidence_against_the_class(camctl, photo, tmp_path):
    from PIL import Image

    plain, said, signed = (tmp_path / name for name in ("plain.png", "said.png", "signed.png"))
    assert camctl("run", photo, "demo:resnet", "--save-path", plain, "--quiet").code == 0
    assert camctl("run", photo, "demo:resnet", "--caption", "--save-path", said, "--quiet").code == 0
    assert camctl("run", photo, "demo:resnet", "--signed", "--save-path", signed, "--quiet").code == 0
    with Image.open(plain) as one, Image.open(said) as other, Image.open(signed) as third:
        assert other.width == one.width
        assert other.height > one.height
        assert other.crop((0, 0, *one.size)).tobytes() == one.tobytes()
        assert third.size == one.size
        assert third.tobytes() != one.tobytes()
