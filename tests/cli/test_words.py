"""Options that take several values after one flag."""

import pytest

from camctl.cli.app import respell, spread
from camctl.errors import InputError

FLAGS = {"--method": True, "--target-category": True, "--topk": False}


@pytest.mark.parametrize(
    ("given", "spelt"),
    [
        ("--method A B", "--method=A --method=B"),
        ("photo.jpg demo:vit --method A B --topk 2", "photo.jpg demo:vit --method=A --method=B --topk 2"),
        ("--method A --method B", "--method=A --method=B"),
        ("--method=A photo.jpg", "--method=A photo.jpg"),
        ("--method A B -- photo.jpg demo:vit", "--method=A --method=B -- photo.jpg demo:vit"),
        ("--target-category 238 281 --method A", "--target-category=238 --target-category=281 --method=A"),
        ("--target-category -1", "--target-category=-1"),
        ("-- --method A B", "-- --method A B"),
        ("", ""),
    ],
)
def test_values_in_a_row_are_spread_over_the_flag(given, spelt):
    assert spread(given.split(), FLAGS) == spelt.split()


def test_value_with_an_equals_sign_keeps_it():
    assert spread(["--method", "a=b=c"], FLAGS) == ["--method=a=b=c"]


@pytest.mark.parametrize("given", ["--method", "--method --quiet", "--method -- photo.jpg"])
def test_flag_without_a_value_is_a_usage_error(given):
    with pytest.raises(InputError, match="--method needs at least one value"):
        spread(given.split(), FLAGS)


def test_underscores_are_read_as_dashes_in_known_flags_only():
    known = {"--aug-smooth", "--save-path"}

    assert respell(["--aug_smooth", "--save_path=a_b", "my_file", "--no_such"], known) == [
        "--aug-smooth",
        "--save-path=a_b",
        "my_file",
        "--no_such",
    ]
    assert respell(["--", "--aug_smooth"], known) == ["--", "--aug_smooth"]
