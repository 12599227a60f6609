"""From logits to classes, and from what users write to classes."""

import pytest
import torch

from camctl.engine.output import OutputReader
from camctl.engine.predictions import Predictions, choose
from camctl.errors import InputError, UnknownNameError
from camctl.values.class_search import holding, nearest
from camctl.values.request import Classes
from tests.models import TinyCnn, loaded

NAMES = ("tabby, tabby cat", "tiger cat", "Greater Swiss Mountain dog", "crane", "crane")


def classes(logits=(0.0, 3.0, 1.0, -1.0, 2.0), names=NAMES, score="softmax"):
    return Predictions(torch.tensor(logits), names, score)


def reader(forward, **fields):
    return OutputReader(loaded(TinyCnn(), forward=forward, **fields))


@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        (2, 2),
        ("2", 2),
        ("tiger cat", 1),
        ("TIGER CAT", 1),
        ("tabby", 0),
        ("tabby cat", 0),
        (" tabby, tabby cat ", 0),
        ("greater swiss mountain dog", 2),
    ],
)
def test_a_class_is_found_by_index_name_or_part_of_a_name(wanted, index):
    assert classes().find(wanted).index == index


def test_a_near_miss_is_suggested():
    with pytest.raises(UnknownNameError) as raised:
        classes().find("tigercat")
    assert "tiger cat" in raised.value.hint


def test_a_word_inside_a_name_is_suggested():
    with pytest.raises(InputError) as raised:
        classes().find("mountain")
    assert "Greater Swiss Mountain dog" in raised.value.hint


@pytest.mark.parametrize(
    ("word", "order"),
    [
        (["cat"], [3, 5, 2, 4, 1]),
        (["CAT", "big"], [5]),
        (["fish"], [8, 4, 6]),
        (["cat fish"], []),
        (["big cat"], [5]),
        (["..."], []),
    ],
    ids=str,
)
def test_classes_that_hold_a_word_whole_come_before_those_that_hold_it_as_a_part(word, order):
    names = [
        "dog", "education", "catamaran", "tiger cat", "Catfish", "big cat", "starfish", "coho, salmon",
        "fish (any)",
    ]  # fmt: skip
    assert holding(word, names) == order


def test_whole_words_are_nearer_than_parts_and_those_nearer_than_spellings():
    names = ["vacation", "category", "cut", "wild cat", "tractor", "lynx", "bat"]
    assert [names[index] for index in nearest("Cat", names)][:3] == ["wild cat", "category", "vacation"]
    assert set(nearest("cat", names)[3:]) <= {names.index("cut"), names.index("bat")}


def test_a_name_of_several_classes_lists_their_indices():
    with pytest.raises(InputError, match=r"3 \(crane\), 4 \(crane\)"):
        classes().find("crane")


@pytest.mark.parametrize("index", [5, 999, -1, "-1", "5"])
def test_an_index_out_of_range_says_how_many_classes_there_are(index):
    with pytest.raises(InputError, match="has 5") as raised:
        classes().find(index)
    assert "0 to 4" in raised.value.hint


def test_a_name_is_refused_where_nobody_knows_names():
    with pytest.raises(InputError, match="class names are not known"):
        classes(names=None).find("tabby")


def test_names_that_do_not_fit_the_logits_are_not_used():
    assert classes(names=("one", "two")).target(1).label == "1"


def test_the_best_classes_come_first():
    assert [target.index for target in classes().top(3)] == [1, 4, 2]
    assert [target.index for target in choose(classes(), Classes(topk=2))] == [1, 4]


def test_classes_asked_for_come_in_that_order_once_each():
    assert [target.index for target in choose(classes(), Classes(names=["tabby", 1, 0]))] == [0, 1]


def test_softmax_scores_sum_to_one_and_sigmoid_scores_stand_alone():
    assert float(classes().scores.sum()) == pytest.approx(1)
    sigmoid = classes(score="sigmoid")
    assert sigmoid.target(1).score == pytest.approx(1 / (1 + 2.718281828**-3))


def test_one_logit_speaks_for_class_one_and_against_class_zero():
    forward = reader(lambda _inputs: torch.tensor([[2.0], [-1.0]]), class_names=("tumour",))
    logits = forward(torch.zeros(2, 3, 4, 4))
    assert logits.tolist() == [[-2.0, 2.0], [1.0, -1.0]]
    found = classes(logits[0].tolist(), names=("tumour",), score=forward.score)
    assert [found.target(index).label for index in (0, 1)] == ["not tumour", "tumour"]
    assert found.target(1).score == pytest.approx(1 / (1 + 2.718281828**-2))
    assert found.target(0).score + found.target(1).score == pytest.approx(1)


@pytest.mark.parametrize("output", [torch.zeros(2, 3), torch.zeros(1, 0), torch.zeros(1, 3, dtype=int), None])
def test_what_is_no_table_of_scores_is_no_classifier(output):
    with pytest.raises(InputError, match="a classifier returns class scores"):
        reader(lambda _inputs: output)(torch.zeros(1, 3, 4, 4))


def test_nan_logits_come_last():
    assert [target.index for target in classes((float("nan"), 1.0, 2.0, 0.0, -1.0)).top(5)] == [2, 1, 3, 4, 0]


def test_a_model_that_writes_over_its_input_leaves_ours_alone():
    inputs = torch.ones(1, 5)
    assert reader(lambda x: x.mul_(3))(inputs).tolist() == [[3.0] * 5]
    assert inputs.tolist() == [[1.0] * 5]


def test_a_few_classes_are_listed_where_one_is_not_found():
    with pytest.raises(UnknownNameError) as raised:
        classes().find("qqqqq")
    assert "tiger cat; Greater Swiss Mountain dog" in raised.value.hint


def test_a_score_below_a_threshold_is_written_with_the_digits_that_tell_them_apart():
    with pytest.raises(InputError, match=r"No class scores above 1: the best, tiger cat, has 0\.99\d+"):
        choose(classes(logits=(0.0, 9.0, 0.0, -1.0, 0.0)), Classes(threshold=1.0))
