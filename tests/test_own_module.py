"""A module of the user's own in a notebook: what `camctl.load` and `camctl.explain` take, and how they speak."""

import re

import numpy as np
import pytest
import torch
from torch import nn

import camctl
from camctl.errors import InputError

PIXELS = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
OPTION = re.compile(r"(?<!\w)--[a-z]")


class TwoHeads(nn.Module):
    input_size, mean, std = (64, 64), (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.body = nn.Sequential(nn.Conv2d(3, 8, 8, 8), nn.ReLU())
        self.age, self.kind = nn.Linear(8, 8), nn.Linear(8, 3)

    def forward(self, x):
        features = self.body(x).mean((2, 3))
        return {"age": self.age(features), "kind": self.kind(features)}


class Years(TwoHeads):
    output = "values"

    def forward(self, x):
        return {"years": self.age(self.body(x).mean((2, 3)))[:, :1]}


def test_a_module_is_loaded_with_a_head_and_labels():
    model = camctl.load(TwoHeads(), head="kind", labels=["a", "b", "c"])
    found = camctl.explain(model, PIXELS, targets="b")
    assert (found.output.head, found.maps[0].target.label) == ("kind", "b")


@pytest.mark.parametrize("labels", [{0: "a", 1: "b", 2: "c"}, {"b": 1, "a": 0, "c": 2}, np.array(["a", "b", "c"])])
def test_labels_are_taken_in_every_form_in_which_people_keep_them(labels):
    assert camctl.load(TwoHeads(), labels=labels).class_names == ("a", "b", "c")


def test_the_scores_are_those_of_the_head_that_was_asked_for():
    module = TwoHeads().eval()
    model = camctl.load(module, head="kind", output="logits")
    found = camctl.explain(model, PIXELS)
    expected = module(model.preprocess(PIXELS)[None])["kind"].softmax(1).max()
    assert found.predictions[0].score == pytest.approx(expected.item(), abs=1e-6)
    assert found.output.decided_by == "you"


def test_a_loaded_model_is_given_another_head():
    model = camctl.load(TwoHeads())
    assert camctl.explain(camctl.load(model, head="kind"), PIXELS).output.head == "kind"


def test_a_module_in_train_mode_stays_as_it_was():
    module = TwoHeads().train()
    camctl.load(module, labels=["a", "b", "c"])
    assert module.training


@pytest.mark.parametrize(
    "keywords",
    [
        {"checkpoint": "x.pth"},
        {"device": "cuda"},
        {"random_weights": True},
        {"weights": "ema"},
        {"cfg_options": {"a": 1}},
    ],
)
def test_what_would_change_a_module_is_refused_by_its_name(keywords):
    with pytest.raises(InputError, match="would change it") as caught:
        camctl.load(TwoHeads(), **keywords)
    assert next(iter(keywords)) in str(caught.value)


@pytest.mark.parametrize("other", [{"weight": torch.zeros(1)}, 5, None])
def test_what_is_no_model_is_named(other):
    with pytest.raises(InputError, match=f"A {type(other).__name__} is no model"):
        camctl.explain(other, PIXELS)


def test_labels_that_are_no_names_are_refused():
    with pytest.raises(InputError, match="no class names: a list"):
        camctl.load(TwoHeads(), labels=[1, 2, 3])


def test_notes_printed_in_python_name_keywords_and_no_options():
    notes = camctl.explain(TwoHeads(), PIXELS).notes
    assert any("camctl.load(model, head='kind')" in str(note) for note in notes)
    assert not OPTION.search(repr(notes) + "".join(map(str, notes)))


def test_errors_in_python_name_keywords_and_no_options():
    with pytest.raises(InputError) as caught:
        camctl.explain(TwoHeads(), PIXELS, targets="zebra")
    (hint,) = caught.value.__notes__
    assert "camctl.load(model, head='kind', labels=FILE)" in hint
    assert not OPTION.search(hint)


def test_an_unknown_class_of_a_named_head_names_the_other_head():
    model = camctl.load(TwoHeads(), labels=["a", "b", "c"])
    with pytest.raises(InputError, match="There is no class named 'zebra'") as caught:
        camctl.explain(model, PIXELS, targets="zebra")
    assert "For another head (age 1x8): --head age --labels FILE" in caught.value.hint


def test_an_index_beyond_a_head_names_the_head():
    with pytest.raises(InputError, match="There is no class 9: the head age has 8"):
        camctl.explain(TwoHeads(), PIXELS, targets=9)


def test_a_wrong_number_of_labels_names_the_heads():
    with pytest.raises(
        InputError, match=r"4 labels were given, and the head age has 8 classes \(of age 1x8, kind 1x3"
    ) as caught:
        camctl.load(TwoHeads(), labels=["a", "b", "c", "d"])
    assert "--head kind --labels" in caught.value.hint


def test_one_label_is_counted_as_one():
    with pytest.raises(InputError, match="1 label was given"):
        camctl.load(TwoHeads(), labels=["a"])


def test_a_value_is_called_after_the_head_that_holds_it():
    found = camctl.explain(Years(), PIXELS, targets="years:down")
    assert (found.maps[0].target.title, found.predictions[0].label) == ("years down", "years")


def test_an_unknown_value_is_answered_with_those_there_are():
    with pytest.raises(InputError, match="There is no value named 'foo'") as caught:
        camctl.explain(Years(), PIXELS, targets="foo")
    assert caught.value.hint.endswith("--target-category years:up")
    with pytest.raises(InputError, match="There is no value 3"):
        camctl.explain(Years(), PIXELS, targets=3)
