"""The bounds in camctl's metadata are those that the environments were tested with."""

from __future__ import annotations

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from tests.environments.recipes import PROJECTS, RECIPES, ROOT, SLOW, metadata, requirements
from tests.environments.table import read

OUTCOMES = {outcome.name: outcome for outcome in read()}
REQUIREMENTS = [requirement for line in requirements() if not (requirement := Requirement(line)).marker]


@pytest.mark.parametrize("requirement", REQUIREMENTS, ids=str)
def test_lower_bound_was_tested(requirement: Requirement) -> None:
    (bound,) = (Version(spec.version) for spec in requirement.specifier if spec.operator == ">=")
    tested = Version(OUTCOMES["lowest"].versions[requirement.name])
    assert tested.release[: len(bound.release)] == bound.release


def test_packages_agree_on_the_lower_bound_of_a_requirement_that_they_share() -> None:
    names = [requirement.name for requirement in REQUIREMENTS]
    assert sorted(set(names)) == sorted(names)


def test_the_two_ends_of_what_is_allowed_were_tested() -> None:
    assert {"lowest", "newest"} <= OUTCOMES.keys()


@pytest.mark.parametrize("name", OUTCOMES)
def test_every_test_passed(name: str) -> None:
    assert OUTCOMES[name].passed > 0
    assert OUTCOMES[name].failed == 0


@pytest.mark.parametrize("name", OUTCOMES)
def test_environment_holds_what_its_recipe_says(name: str) -> None:
    (recipe,) = (recipe for recipe in RECIPES if recipe.name == name)
    versions = OUTCOMES[name].versions
    assert versions["python"].startswith(f"{recipe.python}.")
    assert all(Requirement(pin).specifier.contains(versions[Requirement(pin).name]) for pin in recipe.pins)


@pytest.mark.parametrize(
    "project", [metadata(folder)["project"] for folder in PROJECTS], ids=lambda table: table["name"]
)
def test_lowest_python_was_tested(project: dict[str, str]) -> None:
    (bound,) = SpecifierSet(project["requires-python"])
    assert (bound.operator, bound.version) == (">=", RECIPES[0].python)


@pytest.mark.parametrize("test", sorted({*SLOW, *(test for recipe in RECIPES for test in recipe.tests)}))
def test_file_of_the_quick_tests_exists(test: str) -> None:
    assert (ROOT / test.partition("::")[0]).exists()
