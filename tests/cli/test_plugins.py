"""`camctl plugins`: what it lists, what `new` writes, and what `check` finds wrong."""

import json
import os
import shutil
import subprocess
import sys
import zipfile

import pytest

KINDS = ("method", "metric", "adapter", "source", "runner")


def installed(project, site):
    """Build a package with its own backend, offline, and unpack the wheel where it is found."""
    code = "import sys; from hatchling import build; build.build_wheel(sys.argv[1])"
    subprocess.run([sys.executable, "-c", code, str(project / "dist")], cwd=project, check=True, capture_output=True)
    (wheel,) = (project / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(site)


def fresh(site, *args):
    """The command in a process of its own, with a folder of installed plugins."""
    path = os.pathsep.join(filter(None, [str(site), os.environ.get("PYTHONPATH")]))
    return subprocess.run(
        [sys.executable, "-m", "camctl", *map(str, args)],
        env=os.environ | {"PYTHONPATH": path, "COLUMNS": "160"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """One new package of each kind, as written, and where they are installed."""
    root = tmp_path_factory.mktemp("new")
    for kind in KINDS:
        done = fresh(root, "plugins", "new", root / f"camctl-my-{kind}", "--kind", kind)
        assert done.returncode == 0, done.stderr
        assert f"camctl plugins check my_{kind}" in done.stderr
        installed(root / f"camctl-my-{kind}", root / "site")
    return root, root / "site"


def test_what_new_writes_is_listed_with_its_package(made):
    rows = json.loads(fresh(made[1], "plugins", "--json").stdout)

    mine = {row["name"]: (row["kind"], row["package"], row["error"]) for row in rows if "camctl-my" in row["package"]}
    assert mine == {f"my_{kind}": (kind, f"camctl-my-{kind}", "") for kind in KINDS}
    assert ("method", "gradcam") in {(row["kind"], row["name"]) for row in rows}


def test_what_new_writes_holds_the_contract(made):
    done = fresh(made[1], "plugins", "check", "--json")

    told = {one["name"]: one["findings"] for one in json.loads(done.stdout) if "camctl-my" in one["name"]}
    assert set(told) == {f"camctl-my-{kind}[my_{kind}]" for kind in KINDS}
    assert [(name, one) for name, findings in told.items() for one in findings if not one["ok"]] == []


def test_the_test_that_new_writes_passes(made):
    root, site = made
    folders = [root / f"camctl-my-{kind}" / "tests" / "test_contract.py" for kind in ("method", "adapter", "source")]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, [str(site), os.environ.get("PYTHONPATH")]))}
    options = ("-q", "-W", "error::UserWarning", "-c", os.devnull, "--rootdir", root)
    for file in folders:
        command = [sys.executable, "-m", "pytest", *options, file]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout


def test_new_writes_over_nothing(camctl, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "kept.txt").write_text("kept")
    done = camctl("plugins", "new", tmp_path / "mine")

    assert done.code == 2
    assert "exists already" in done.err
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["kept.txt"]


def test_new_refuses_what_is_no_packages_name(camctl, tmp_path):
    done = camctl("plugins", "new", tmp_path / "my plugin!")

    assert done.code == 2
    assert "cannot be the name of a package" in done.err


FAULTS = {
    "wrong_shape": ("return capture.activations.sum(1)", "returns evidence (N, C, H, W)", "Return evidence"),
    "not_finite": ("return capture.activations / 0", "returns finite numbers", "Guard divisions"),
    "by_chance": (
        "import torch\n    return capture.activations * torch.rand(())", "gives the same twice", "Draw random numbers",
    ),
    "mixing": (
        "both = capture.activations * capture.gradients\n    return both / both.abs().max()",
        "gives each view",
        "Treat every view",
    ),
    "nothing": ("capture.activations.mean()", "returns evidence", "returned None; expected a tensor (1, C, 14, 14)."),
    "listing": ("return [capture.activations]", "returns evidence", "it returned list; expected a tensor"),
    "at_times": (
        "return None if len(capture.targets) > 1 else capture.activations * capture.gradients",
        "gives each view",
        "For two views it returned None, for one shape (1, 64, 14, 14).",
    ),
    "empty": ("needs={'activations'}", "says in needs", "gradients is not in needs, so capture.gradients is empty."),
    "classless": ("return capture.activations * 2", "depends on the class", "say discriminative=False"),
    "writing": ("return capture.activations.mul_(2)", "writes over nothing", "Work on copies"),
    "raising": (
        "raise ZeroDivisionError('by hand')",
        "computes",
        "ZeroDivisionError: by hand (camctl_raising.py, line 14). Look there.",
    ),
    "changing": (
        "capture.module.train()\n    return capture.activations", "leaves the model as it was", "Undo what you change",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def faulty(made, tmp_path_factory):
    """Methods that each break one promise, in packages of their own."""
    root = tmp_path_factory.mktemp("faulty")
    for name, (body, _, _) in FAULTS.items():
        project = root / f"camctl-{name}"
        shutil.copytree(made[0] / "camctl-my-method", project, ignore=shutil.ignore_patterns("dist", "tests"))
        code = (project / "camctl_my_method.py").read_text()
        if body.startswith("needs="):
            code = code.replace('needs={"activations", "gradients"}', body)
        else:
            code = code[: code.index('    """Evidence')] + f"    {body}\n"
        (project / "camctl_my_method.py").unlink()
        (project / f"camctl_{name}.py").write_text(code)
        text = (project / "pyproject.toml").read_text()
        text = text.replace("my_method = ", f"{name} = ").replace("camctl_my_method", f"camctl_{name}")
        (project / "pyproject.toml").write_text(text.replace("camctl-my-method", f"camctl-{name}"))
        installed(project, root / "site")
    return root / "site"


def test_each_broken_promise_is_found_and_says_what_to_do(faulty):
    done = fresh(faulty, "plugins", "check", "--json")

    assert done.returncode == 3
    told = {one["name"]: [each for each in one["findings"] if not each["ok"]] for one in json.loads(done.stdout)}
    for name, (_, promise, todo) in FAULTS.items():
        broken = told[f"camctl-{name.replace('_', '-')}[{name}]"]
        assert any(one["promise"].startswith(promise) and todo in one["todo"] for one in broken), (name, broken)
    # One fault is no other's: a method that only mixes its views is told nothing else.
    assert {one["promise"].split(" (")[0] for one in told["camctl-mixing[mixing]"]} == {
        "gives each view of a batch its own"
    }
    # What is written over spoils the rest, of which nothing is said.
    assert {one["promise"].split(" (")[0] for one in told["camctl-writing[writing]"]} == {
        "writes over nothing that it is given"
    }


def test_an_adapter_that_knows_no_demo_model_is_tried_only_on_models_that_are_named(made, tmp_path):
    shutil.copytree(made[1], tmp_path / "site")
    file = tmp_path / "site" / "camctl_my_adapter.py"
    file.write_text(file.read_text().replace('"layer4"', '"layer9"'))
    untried = fresh(tmp_path / "site", "plugins", "check", "my_adapter")
    named = fresh(tmp_path / "site", "plugins", "check", "my_adapter", "--model", "demo:resnet")

    assert untried.returncode == 0, untried.stdout
    assert "not tried, for want of --model" in untried.stdout
    assert named.returncode == 3
    assert "NO  knows one of demo:resnet" in named.stdout


def test_check_of_a_name_that_is_not_there_says_how_to_install(camctl):
    done = camctl("plugins", "check", "nobody")

    assert done.code == 2
    assert "pip install -e ." in done.err


def test_the_built_in_methods_hold_the_contract(camctl):
    for name in ("gradcam", "eigengradcam", "edges"):
        done = camctl("plugins", "check", name, "--json")
        assert done.code == 0, [one for one in done.json[0]["findings"] if not one["ok"]]


def test_a_narrow_window_shows_what_a_plugin_does_under_its_name(camctl, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    lines = [line.rstrip() for line in camctl("plugins").out.splitlines()]
    assert max(map(len, lines)) <= 60
    named = next(number for number, text in enumerate(lines) if text.startswith("gradcam  method  camctl "))
    assert lines[named + 1] == "  Weights each channel by its mean gradient."
