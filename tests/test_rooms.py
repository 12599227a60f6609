"""The rooms of the house, and who may import whom; nobody imports upwards or sideways between plugins."""

import ast
import subprocess
import sys
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import camctl

HOUSE = Path(camctl.__file__).parent

ALLOWED = {
    "errors": set(),
    "paths": {"errors"},
    "workers": set(),
    "values": {"errors", "paths"},
    "plugin": {"values"},
    "kit": {"errors", "paths", "values", "plugin"},
    "methods": {"errors", "plugin"},
    "metrics": {"errors", "plugin", "kit"},
    "adapters": {"errors", "plugin"},
    "runners": {"plugin"},
    "sources": {"errors", "paths", "plugin", "kit"},
    "registry": {"errors", "plugin"},
    "engine": {"errors", "values", "plugin"},
    "ranking": {"values"},
    "files": {"errors", "paths", "values", "ranking"},
    "datasets": {"errors", "paths", "values"},
    "results": {"errors", "paths", "values", "ranking", "files", "datasets"},
    "render": {"errors", "values", "ranking", "files", "results"},
    "pipeline": {
        "errors",
        "values",
        "plugin",
        "kit",
        "registry",
        "engine",
        "ranking",
        "datasets",
        "results",
        "workers",
    },
    "demo": {"values", "plugin", "sources", "pipeline", "files", "render"},
    "testing": {"errors", "values", "plugin", "registry", "engine", "results", "pipeline", "demo"},
    "api": {"errors", "values", "plugin", "pipeline", "results"},
    "hooks": {"errors", "paths", "values", "plugin", "registry", "datasets", "results", "pipeline"},
    "cli": {
        "errors",
        "values",
        "plugin",
        "registry",
        "paths",
        "workers",
        "pipeline",
        "datasets",
        "results",
        "ranking",
        "files",
        "render",
        "demo",
        "testing",
    },
    "__init__": {"api"},
    "__main__": {"cli"},
}
"""Room -> the rooms that it imports from; every one of these edges is used."""

DOORS = {
    ("pipeline/watching.py", "camctl.render.notebook_bar"),
    ("plugin/models.py", "camctl.render.notebook_table"),
    ("results/results.py", "camctl.render.notebook_table"),
    ("values/cam.py", "camctl.render.overlay"),
    ("values/explanation.py", "camctl.render.notebook"),
    ("values/comparison.py", "camctl.files.manifest"),
    ("values/comparison.py", "camctl.render.save"),
    ("values/comparison.py", "camctl.render.notebook"),
}
"""What a user calls on a value, and that a higher room does: imported when it is called."""

LIGHT = {"typer", "rich", "entrypoints"}
"""Third parties that may be imported at the top of what a listing of plugins loads."""

LISTED = (
    "plugin",
    "errors.py",
    "paths.py",
    "registry",
    "values",
    "__init__.py",
    "cli",
    "methods",
    "metrics",
    "runners",
)
"""Rooms that a listing of plugins loads."""

WHEN_USED = {"methods/bridge.py", "values/picture.py", "values/pixels.py"}
"""Files of these rooms that no listing loads."""


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
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                yield name if node.module == "camctl" or is_file(name) else node.module


def is_file(name):
    """Whether a dotted name of camctl is a file or folder, and not something inside one."""
    path = HOUSE.joinpath(*name.split(".")[1:])
    return name.startswith("camctl.") and (path.with_suffix(".py").exists() or (path / "__init__.py").exists())


def room_of(path):
    return path.parts[0].removesuffix(".py")


@cache
def edges():
    """(file, what it imports of camctl, its room, the room of that), doors left out."""
    return [
        (path, name, room_of(path), name.split(".")[1])
        for path in modules()
        for name in imports(path)
        if name.startswith("camctl.") and not name.startswith("camctl.__") and (path.as_posix(), name) not in DOORS
    ]


def file_of(name):
    """The file of a dotted name of a module or package."""
    path = HOUSE.joinpath(*name.split(".")[1:])
    return (path.with_suffix(".py") if path.with_suffix(".py").exists() else path / "__init__.py").relative_to(HOUSE)


@pytest.mark.parametrize("path", modules(), ids=str)
def test_a_module_imports_only_from_rooms_below_its_own(path):
    climbs = [name for file, name, room, other in edges() if file == path and other not in {room, *ALLOWED[room]}]
    assert climbs == []


def test_the_table_of_rooms_has_no_circle():
    try:
        TopologicalSorter(ALLOWED).prepare()
    except CycleError as error:
        pytest.fail(f"a circle of rooms: {error.args[1]}")


def test_the_table_of_rooms_names_every_room_and_no_other():
    assert {room_of(path) for path in modules()} == set(ALLOWED)


def test_the_table_of_rooms_allows_nothing_that_nobody_uses():
    used = {(room, other) for _, _, room, other in edges() if room != other}
    assert {(room, other) for room, others in ALLOWED.items() for other in others} - used == set()


def test_the_doors_on_values_are_there():
    assert {(path.as_posix(), name) for path in modules() for name in imports(path)} >= DOORS


def test_no_circle_among_files():
    graph = {}
    for path, name, _, _ in edges():
        other = file_of(name)
        if other != path:
            graph.setdefault(path.as_posix(), set()).add(other.as_posix())
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"a circle of files: {error.args[1]}")


@pytest.mark.parametrize(
    "path", [path for path in modules() if path.parts[0] in LISTED and path.as_posix() not in WHEN_USED], ids=str
)
def test_what_a_listing_loads_imports_nothing_heavy_at_its_top(path):
    for name in imports(path, top_only=True):
        package = name.split(".")[0]
        assert package in sys.stdlib_module_names | LIGHT | {"camctl"}, f"{path} imports {name}"


@pytest.mark.parametrize("path", sorted((HOUSE.parent / "plugins").glob("*/camctl_*/*.py")), ids=lambda path: path.stem)
def test_a_package_in_plugins_imports_the_contract_and_its_kit_alone(path):
    ours = {".".join(name.split(".")[:2]) for name in imports(path) if name.split(".")[0] == "camctl"}
    assert ours <= {"camctl.plugin", "camctl.kit", "camctl.errors"}


def test_only_the_discovery_uses_the_package_entrypoints():
    users = [str(path) for path in modules() if any(name.split(".")[0] == "entrypoints" for name in imports(path))]
    assert users == ["registry/discovery.py"]


def test_the_contract_stays_small():
    files = (HOUSE / "plugin").glob("*.py")  # five kinds of plugin
    assert sum(len(file.read_text(encoding="utf-8").splitlines()) for file in files) < 640


def test_the_contract_and_the_loading_kit_import_nothing_heavy():
    rooms = [path for room in ("plugin", "kit") for path in (HOUSE / room).glob("*.py") if path.stem[0] != "_"]
    modules = ", ".join(f"camctl.{path.parent.name}.{path.stem}" for path in rooms)
    code = f"import sys; before = set(sys.modules); import {modules}; print(*set(sys.modules) - before)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.split(".")[0] for name in done.stdout.split()}
    assert loaded <= sys.stdlib_module_names | {"camctl"}
