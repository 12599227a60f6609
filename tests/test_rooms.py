"""The rooms of the house, and who may import whom; nobody imports upwards or sideways between plugins."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import camctl

HOUSE = Path(camctl.__file__).parent

CONTRACT = {"plugin", "errors"}
VALUES = CONTRACT | {"results", "picture", "pixels"}
ALLOWED = {
    "plugin": {"errors"},
    "errors": set(),
    "results": {"errors", "picture", "render"},
    "picture": {"errors", "pixels"},
    "pixels": {"errors"},
    "comparison": {"errors", "picture", "plugin", "render", "results", "ranking"},
    "ranking": {"comparison", "results"},
    "discovery": {"plugin"},
    "custody": CONTRACT | {"discovery"},
    "registry": CONTRACT | {"custody", "discovery"},
    "versions": {"discovery"},
    "plugin_options": CONTRACT,
    "engine": VALUES,
    "render": VALUES | {"comparison", "ranking"},
    "methods": CONTRACT,
    "metrics": CONTRACT,
    "adapters": CONTRACT,
    "sources": CONTRACT,
    "pipeline": VALUES
    | {"comparison", "ranking", "engine", "render", "discovery", "registry", "versions", "plugin_options"},
    # The training script mends T2T as the source does.
    "demo": VALUES | {"comparison", "pipeline", "render", "sources"},
    "testing": VALUES | {"demo", "discovery", "engine", "pipeline", "registry"},
    "cli": VALUES
    | {"testing", "comparison", "ranking", "pipeline", "render", "discovery", "registry", "versions", "demo"},
    "__init__": {"pipeline"},
    "__main__": {"cli"},
}

LIGHT = {"typer", "rich", "entrypoints"}
"""Third parties that may be imported at the top of what a listing of plugins loads."""

LISTED = (
    "plugin",
    "errors.py",
    "discovery.py",
    "custody.py",
    "registry.py",
    "versions.py",
    "results.py",
    "__init__.py",
    "cli",
    "methods",
    "metrics",
)

WHEN_COMPUTED = {"methods/bridge.py", "methods/stage.py"}
"""Loaded by `library.py` when a method of the package grad-cam is computed, and by no listing."""


def modules():
    return sorted(path.relative_to(HOUSE) for path in HOUSE.rglob("*.py") if "models" not in path.parts)


def imports(path, *, top_only=False):
    tree = ast.parse((HOUSE / path).read_text(encoding="utf-8"))
    skipped = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            skipped |= {id(inner) for inner in ast.walk(node)}
        if top_only and isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            skipped |= {id(inner) for inner in ast.walk(node)}
    for node in ast.walk(tree):
        if top_only and id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module == "camctl":
            yield from (f"camctl.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            yield node.module


def room_of(path):
    return path.parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", modules(), ids=str)
def test_a_module_imports_only_from_rooms_below_its_own(path):
    room = room_of(path)
    for name in imports(path):
        if not name.startswith("camctl."):
            continue
        other = name.split(".")[1]
        if other.startswith("__"):
            continue
        assert other == room or other in ALLOWED[room], f"{path} imports {name}"


@pytest.mark.parametrize(
    "path", [path for path in modules() if path.parts[0] in LISTED and path.as_posix() not in WHEN_COMPUTED], ids=str
)
def test_what_a_listing_loads_imports_nothing_heavy_at_its_top(path):
    for name in imports(path, top_only=True):
        package = name.split(".")[0]
        assert package in sys.stdlib_module_names | LIGHT | {"camctl"}, f"{path} imports {name}"


@pytest.mark.parametrize("path", sorted((HOUSE.parent / "plugins").glob("*/camctl_*/*.py")), ids=lambda path: path.stem)
def test_a_package_in_plugins_imports_the_contract_and_its_kit_alone(path):
    ours = {".".join(name.split(".")[:2]) for name in imports(path) if name.split(".")[0] == "camctl"}
    assert ours <= {"camctl.plugin", "camctl.errors"}


def test_only_the_discovery_uses_the_package_entrypoints():
    users = [str(path) for path in modules() if any(name.split(".")[0] == "entrypoints" for name in imports(path))]
    assert users == ["discovery.py"]


def test_the_contract_stays_small():
    contract = ("__init__", "adapters", "functions", "methods", "metrics", "sources")  # four kinds of plugin
    files = [HOUSE / "plugin" / f"{name}.py" for name in contract]
    assert sum(len(file.read_text(encoding="utf-8").splitlines()) for file in files) < 440


def test_the_contract_and_the_loading_kit_import_nothing_heavy():
    modules = ", ".join(f"camctl.plugin.{path.stem}" for path in (HOUSE / "plugin").glob("*.py") if path.stem[0] != "_")
    code = f"import sys; before = set(sys.modules); import {modules}; print(*set(sys.modules) - before)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.split(".")[0] for name in done.stdout.split()}
    assert loaded <= sys.stdlib_module_names | {"camctl"}
