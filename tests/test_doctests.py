"""The examples in the docstrings of the public interface run."""

import doctest
from importlib import import_module

import pytest

import camctl

MODULES = (
    "errors",
    "pipeline.check.model_check",
    "pipeline.compare",
    "pipeline.explain",
    "pipeline.load",
    "pipeline.scene",
    "plugin.questions",
    "values.axis",
    "values.cam",
    "values.comparison",
    "values.request",
)
CALLS = ("check", "compare", "explain", "load", "survey")
VALUES = ("Classes", "Evaluation", "Family")


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_run(name):
    results = doctest.testmod(import_module(f"camctl.{name}"))
    assert results.attempted
    assert not results.failed


@pytest.mark.parametrize("name", [*CALLS, *VALUES])
def test_what_users_call_has_an_example(name):
    public = getattr(camctl, name)
    assert f">>> {name}" in public.__doc__ or f"camctl.{name}(" in public.__doc__
    assert "Parameters\n    ----------" in public.__doc__


def test_everything_public_is_there_and_documented():
    for name in camctl.__all__:
        assert getattr(camctl, name) if name == "__version__" else getattr(camctl, name).__doc__
