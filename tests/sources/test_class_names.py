"""Class names as people keep them, and how a class is found by them."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

import camctl
from camctl.errors import InputError
from camctl.kit.class_names import as_names, names_in
from camctl.kit.data_sets import imagenet_names, imagenet_wnids, names_of, synonyms
from camctl.kit.name_files import given_names, names_beside, read_names

INSECTS = ("ant", "bee", "wasp")


@pytest.mark.parametrize(
    "kept",
    [
        list(INSECTS),
        INSECTS,
        np.array(INSECTS),
        {0: "ant", 1: "bee", 2: "wasp"},
        {"2": "wasp", "0": "ant", "1": "bee"},
        {"wasp": 2, "ant": 0, "bee": 1},
        {"0": ["n02219486", "ant"], "1": ["n02206856", "bee"], "2": ["n02212062", "wasp"]},
        [{"id": 7, "name": "wasp"}, {"id": 1, "name": "ant"}, {"id": 3, "name": "bee"}],
        {"id2label": {"0": "ant", "1": "bee", "2": "wasp"}, "model_type": "vit"},
        {"path": "data", "nc": 3, "names": list(INSECTS)},
        {"categories": [{"id": 1, "name": "ant"}, {"id": 2, "name": "bee"}, {"id": 3, "name": "wasp"}]},
    ],
    ids=str,
)
def test_names_are_read_from_everything_in_which_people_keep_them(kept):
    assert (as_names(kept) or names_in(kept)) == INSECTS


@pytest.mark.parametrize(
    "kept",
    [None, 3, "ant", [], {}, [1, 2], {0: "ant", 2: "bee"}, {"ant": 0, "bee": 0}, {0: 1}, {"ant": "bee"}, torch.ones(2)],
)
def test_what_holds_no_names_has_none(kept):
    assert as_names(kept) is None
    assert names_in(kept) is None


def test_names_that_are_digits_are_names():
    assert as_names({"1": 0, "10": 1, "2": 2}) == ("1", "10", "2")


def test_a_dict_that_holds_itself_has_no_names():
    kept: dict[str, object] = {}
    kept["classes"] = kept

    assert as_names(kept) is None
    assert names_in(kept) is None


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.txt", "ant\nbee\nwasp\n"),
        ("a.names", "\ufeffant\r\nbee\r\nwasp"),
        ("a.txt", "0 ant\n1 bee\n2 wasp\n"),
        ("a.txt", "2: wasp\n0: ant\n1: bee"),
        ("a.txt", "n02219486 ant\nn02206856 bee\nn02212062 wasp"),
        ("a.csv", "ant\nbee\nwasp"),
        ("a.csv", "ant,bee,wasp"),
        ("a.csv", "name\nant\nbee\nwasp"),
        ("a.csv", "id,name\n2,wasp\n0,ant\n1,bee"),
        ("a.csv", "class_name,wnid\nant,n02219486\nbee,n02206856\nwasp,n02212062"),
        ("a.csv", "0,ant\n1,bee\n2,wasp"),
        ("a.json", json.dumps(INSECTS)),
        ("a.json", json.dumps({"ant": 0, "bee": 1, "wasp": 2})),
        ("a.yaml", "nc: 3\nnames:\n  0: ant\n  1: bee\n  2: wasp\n"),
    ],
)
def test_files_of_names_are_read_in_every_usual_form(tmp_path, name, text):
    file = tmp_path / name
    file.write_text(text, encoding="utf-8", newline="")

    assert read_names(file) == INSECTS


def test_names_with_commas_and_numbers_of_their_own_stay_whole(tmp_path):
    file = tmp_path / "a.txt"
    file.write_text("tench, Tinca tinca\n3 of clubs\n007\n")

    assert read_names(file) == ("tench, Tinca tinca", "3 of clubs", "007")


@pytest.mark.parametrize("text", [b"\xff\xfe\x00", b"", b"[" * 200_000, b'{"a": "b"}'])
def test_a_file_without_names_is_refused_in_one_line(tmp_path, text):
    file = tmp_path / "a.json"
    file.write_bytes(text)

    with pytest.raises(InputError, match=r"labels"):
        read_names(file)


def test_a_data_set_a_file_and_texts_can_be_given(tmp_path):
    file = tmp_path / "insects.json"
    file.write_text(json.dumps({"ant": 0, "bee": 1, "wasp": 2}))

    assert given_names(str(file)) == given_names("ant, bee,wasp") == given_names(INSECTS) == INSECTS
    assert given_names("ImageNet")[281] == "tabby, tabby cat"
    assert given_names("coco")[:3] == ("person", "bicycle", "car")
    assert len(names_of("coco")) == 80


def test_names_beside_a_checkpoint_are_those_of_its_own_file_first(tmp_path):
    checkpoint = tmp_path / "net.pth"
    checkpoint.touch()
    assert names_beside(str(checkpoint)) is None

    (tmp_path / "classes.txt").write_text("a\nb\n")
    assert names_beside(str(checkpoint)) == (tmp_path / "classes.txt", ("a", "b"))

    (tmp_path / "net.json").write_text('["c", "d"]')
    assert names_beside(str(checkpoint)) == (tmp_path / "net.json", ("c", "d"))


# ------------------------------------------------------------------------------------------ ImageNet


def test_wordnet_numbers_are_those_of_imagenets_classes_in_their_order():
    numbers = imagenet_wnids()

    assert list(numbers) == sorted(set(numbers))
    assert len(numbers) == 1000
    assert (numbers[0], numbers[281], numbers[999]) == ("n01440764", "n02123045", "n15075141")


def test_timm_has_the_same_wordnet_numbers():
    timm = pytest.importorskip("timm.data.imagenet_info")

    assert tuple(timm.ImageNetInfo("imagenet-1k").label_names()) == imagenet_wnids()


def test_torchvisions_names_are_known_as_imagenets_and_others_are_not():
    from torchvision.models import ResNet18_Weights

    short = ResNet18_Weights.DEFAULT.meta["categories"]

    assert "tabby cat" in synonyms(short)[281]
    assert "n02123045" in synonyms(short)[281]
    assert synonyms(imagenet_names())
    assert synonyms([f"class {index}" for index in range(1000)]) == ()
    assert synonyms(INSECTS) == ()


class Thousand(torch.nn.Module):
    """A network of 1000 classes that all have the same weights."""

    input_size = (32, 32)

    def __init__(self, names=None):
        super().__init__()
        self.body, self.head = torch.nn.Conv2d(3, 4, 3, 8, 1), torch.nn.Linear(4, 1000)
        if names:
            self.class_names = names

    def forward(self, x):
        return self.head(self.body(x).relu().mean((2, 3)))


CODE = """
import torch
from tests.sources.test_class_names import Thousand
def bare():
    torch.manual_seed(0)
    return Thousand()
"""

SKY = np.full((32, 32, 3), 120, np.uint8)


@pytest.fixture
def bare(tmp_path, monkeypatch):
    (tmp_path / "thousand_nets.py").write_text(CODE)
    monkeypatch.chdir(tmp_path)
    return "python:thousand_nets:bare"


@pytest.mark.parametrize("name", ["tabby", "Tabby Cat", "n02123045", "tabby, tabby cat"])
def test_a_class_is_found_by_its_synonyms_and_wordnet_number(bare, name):
    model = camctl.load(bare, labels="imagenet")

    assert camctl.explain(model, SKY, targets=name).maps[0].target.index == 281


def test_a_name_that_means_two_classes_is_refused_and_its_wordnet_number_is_not(bare):
    model = camctl.load(bare, labels="imagenet")

    with pytest.raises(InputError, match="134"):
        camctl.explain(model, SKY, targets="crane")
    assert camctl.explain(model, SKY, targets=imagenet_wnids()[517]).maps[0].target.index == 517


def test_a_thousand_classes_without_names_are_imagenets_and_that_is_said(bare):
    found = camctl.explain(bare, SKY, targets=["tabby", "n02123045", 282])

    assert [cam.target.label for cam in found.maps] == ["tabby, tabby cat", "tiger cat"]
    assert any("ImageNet's 1000" in note for note in found.notes)
    assert not any(
        "ImageNet's 1000" in note for note in camctl.explain(camctl.load(bare, labels="imagenet"), SKY).notes
    )


def test_names_next_to_a_checkpoint_are_used_and_said_if_they_fit(bare, tmp_path):
    module = camctl.load(bare).module
    file = tmp_path / "net.pth"
    torch.save(module.state_dict(), file)
    (tmp_path / "classes.txt").write_text("\n".join(f"thing {index}" for index in range(1000)))

    loaded = camctl.load(bare, file)
    assert loaded.class_names is not None
    assert loaded.class_names[7] == "thing 7"
    assert "classes.txt" in loaded.notes[-1]

    Path(tmp_path / "classes.txt").write_text("a\nb\n")
    loaded = camctl.load(bare, file)
    assert loaded.class_names is None
    assert "2 names" in loaded.notes[-1]
