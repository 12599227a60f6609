"""`--cfg-options` mean what they mean to mmengine."""

import random
from argparse import ArgumentParser

import pytest

from camctl.cli.parsing.assignments import parse_assignments
from camctl.errors import InputError

VALUES = [
    "1", "-1", "1.5", "1e-3", "nan2", "inf", "true", "False", "TRUE", "None", "none", "", "text", "a b", "'quoted'",
    '"quoted"', "1,2,3", "a,b", "[1,2]", "[a, b, c]", "(1,2)", "(1,)", "[]", "()", "[(1,2),(3,4)]",
    "[(1, 2, 3), [a, b], c]",
    "((1,2),[3,(4,5)])", "1,", ",1", "a=b", "x=1,2", "[None,true,1.0]", "(1", "[1,2", "1,2)", "[(1,2]", "1_000",
    "http://a.b/c,d",
    "[1],[2]", "(1),(2)", "[[1],[2]]", "0x10", " 7 ", "'[1,2]'", "[a,,b]", "(]", "](,", "1(,)2",
]  # fmt: skip


def by_mmengine(text):
    from mmengine.config import DictAction

    parser = ArgumentParser()
    parser.add_argument("--cfg-options", nargs="+", action=DictAction)
    return parser.parse_args(["--cfg-options", text]).cfg_options


def same(text):
    try:
        expected = by_mmengine(text)
    except (AssertionError, RecursionError):  # it says so itself, or never comes to an end
        with pytest.raises(InputError):
            parse_assignments([text])
        return
    # Written out, so that 1 and True and 1.0 are told apart, and nan is like nan.
    assert repr(parse_assignments([text])) == repr(expected)


@pytest.mark.parametrize("value", VALUES)
def test_value_is_read_as_mmengine_reads_it(value):
    same(f"model.head.x={value}")


def test_random_values_are_read_as_mmengine_reads_them():
    draw = random.Random(0)  # noqa: S311 - no secret
    for _ in range(2000):
        same("k=" + "".join(draw.choices("()[],,1a.'= ", k=draw.randrange(1, 10))))


def test_later_assignment_wins():
    assert parse_assignments(["a=1", "b=2", "a=3"]) == {"a": 3, "b": 2}


@pytest.mark.parametrize("text", ["model.head", "=3", ""])
def test_text_without_key_or_equals_sign_says_the_form(text):
    with pytest.raises(InputError, match="KEY=VALUE"):
        parse_assignments([text])


def test_brackets_that_do_not_close_name_the_option():
    with pytest.raises(InputError, match="brackets of --method-options 'a=\\[1,\\(2' do not close"):
        parse_assignments(["a=[1,(2"], option="--method-options")


@pytest.mark.parametrize("signs", ["[]", "()"])
def test_brackets_in_each_other_without_end_are_refused(signs):
    with pytest.raises(InputError, match="more than 50 brackets in each other"):
        parse_assignments([f"a={signs[0] * 5000}{signs[1] * 5000}"])


def test_brackets_that_somebody_may_write_are_read():
    assert parse_assignments([f"a={'[' * 20}1,2{']' * 20}"])["a"] != []
