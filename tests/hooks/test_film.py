"""`camctl review` of a training: a line an epoch, and the film."""

import json
import shutil

import numpy as np
import pytest
import torch
from PIL import Image

import camctl
from camctl.cli import main
from camctl.results.epochs import epochs, folder_of
from tests.hooks.trainings import Net, made_pictures


@pytest.fixture(scope="module")
def training(tmp_path_factory):
    """Three epochs of four pictures, by networks whose weights differ."""
    folder = tmp_path_factory.mktemp("training")
    pictures = made_pictures(folder / "watched")
    for epoch in (2, 4, 10):
        torch.manual_seed(epoch)
        out = folder_of(folder / "cams", epoch)
        camctl.explain_dataset(Net(), str(pictures), out, targets="label", methods="GradCAM", workers=0)
    return folder / "cams"


@pytest.fixture
def review(capsys):
    def call(*words):
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(["review", *map(str, words)])
        out, err = capsys.readouterr()
        return ended.value.code or 0, out, err

    return call


def test_a_training_is_told_epoch_by_epoch_in_the_order_of_their_numbers(training, review):
    code, out, _ = review(training)
    assert code == 0
    assert [line.split()[:2] for line in out.splitlines()[2:]] == [["2", "4"], ["4", "4"], ["10", "4"]]


def test_json_has_the_review_of_every_epoch(training, review):
    code, out, _ = review(training, "--json")
    told = json.loads(out)["training"]
    assert (code, [each["epoch"] for each in told]) == (0, [2, 4, 10])
    assert all(each["pictures"] == 4 and each["complete"] for each in told)


@pytest.mark.parametrize("ending", ["webp", "gif", "png"])
def test_a_film_has_a_frame_an_epoch_with_the_maps_of_that_epoch(training, review, tmp_path, ending):
    film = tmp_path / f"film.{ending}"
    code, _, err = review(training, "--save-path", film)
    assert (code, str(film) in err) == (0, True)
    with Image.open(film) as picture:
        assert picture.n_frames == 3
        frames = []
        for number in range(3):
            picture.seek(number)
            frames.append(np.asarray(picture.convert("RGB"), float))
    drawn = [np.asarray(Image.fromarray(_map(training, epoch)).resize((192, 192), Image.Resampling.LANCZOS), float)
             for epoch in (2, 4, 10)]  # fmt: skip
    places = [frame[38:230, 8:200] for frame in frames]  # the first tile
    apart = [[np.abs(place - one).mean() for one in drawn] for place in places]
    assert [row.index(min(row)) for row in apart] == [0, 1, 2]
    assert max(apart[number][number] for number in range(3)) < 8


def _map(training, epoch):
    results = camctl.open_results(epochs(training)[epoch])
    return next(results.cams([0])).overlay()


def test_an_epoch_is_a_results_folder_like_any_other(training, review):
    code, out, _ = review(folder_of(training, 4))
    assert (code, "Net" in out) == (0, True)


def test_a_picture_that_is_gone_leaves_its_place_empty(training, review, tmp_path):
    pictures = shutil.copytree(training.parent / "watched", tmp_path / "watched")
    for epoch in (1, 2):
        camctl.explain_dataset(Net(), str(pictures), folder_of(tmp_path / "cams", epoch), workers=0)
    (pictures / "cat" / "0.png").write_bytes(b"nothing")
    code, _, _ = review(tmp_path / "cams", "--save-path", tmp_path / "film.webp")
    assert code == 0
    with Image.open(tmp_path / "film.webp") as film:
        assert film.n_frames == 2


def test_an_epoch_that_was_cut_off_is_left_out(training, review, tmp_path):
    cams = shutil.copytree(training, tmp_path / "cams")
    folder = shutil.copytree(folder_of(cams, 4), folder_of(cams, 11))
    shutil.rmtree(f"{folder}/maps")
    (cams / "epoch-0012").mkdir()
    code, out, _ = review(cams)
    assert (code, len(out.splitlines())) == (0, 5)


@pytest.mark.parametrize(
    ("words", "told"), [(["--save-path", "film.html"], ".webp"), (["--worst", "3"], "Name the epoch")]
)
def test_what_is_for_a_data_set_alone_is_refused_with_the_way_out(training, review, words, told):
    code, _, err = review(training, *words)
    assert (code, told in err) == (2, True)
