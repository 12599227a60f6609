"""Test camctl in environments that its metadata allows, one after the other, and write ENVIRONMENTS.md.

Ends with 1 if a test fails in one of them. An environment takes two to three minutes, and its packages a few gigabytes
in a temporary folder while it lasts. Where pyenv holds the Pythons, name them: PYENV_VERSION=3.11:3.12:3.13
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.environments.environment import build_wheels, copy_tests, run_tests
from tests.environments.recipes import RECIPES
from tests.environments.table import write


def main() -> int:
    """Run the environments named on the command line, or all."""
    names = [recipe.name for recipe in RECIPES]
    parser = argparse.ArgumentParser(
        prog="python -m tests.environments", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", choices=[*names, []], help=", ".join(names))
    chosen = parser.parse_args().names or names
    failed = 0
    with tempfile.TemporaryDirectory() as base:
        wheels = build_wheels(Path(base, "wheels"))
        checkout = Path(base, "checkout")
        copy_tests(checkout)
        for recipe in RECIPES:
            if recipe.name in chosen:
                print(f"== {recipe.name}", flush=True)  # noqa: T201
                with tempfile.TemporaryDirectory(dir=base) as folder:
                    outcome = run_tests(recipe, wheels, checkout, Path(folder))
                failed += outcome.failed
                page = write([outcome])
    print(page)  # noqa: T201
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
