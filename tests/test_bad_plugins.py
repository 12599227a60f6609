"""What users see when a plugin misbehaves: real packages, built and installed, met by the real command.

The table in `plugins/README.md` says the same, and is held to what is printed here.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from camctl.demo.scenes import render, scene

SCRIPT = Path(sys.executable).with_name("camctl")
GUIDE = Path(__file__).parent.parent / "plugins" / "README.md"

PROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "bad-{package}"
version = "1.0"

[project.entry-points."camctl.{kind}s"]
"{name}" = "bad_{module}:plugin"

[tool.hatch.build.targets.wheel]
include = ["bad_{module}.py"]
"""

METHOD = """
from camctl.plugin import method

@method(name="{name}", summary="Good or [bold]bad[/bold].", paper="none", needs={{"activations", "gradients"}}{more})
def plugin(capture):
    {body}
"""

METRIC = """
from camctl.plugin import metric

@metric(name="{name}", summary="Good or bad.", paper="none", better="higher")
def plugin(case):
    {body}
"""

ADAPTER = """
class plugin:
    summary = "Says that it knows everything."
    def matches(self, model): {matches}
    def target_layers(self, model): {layers}
    def extra_tokens(self, model): return 0
    def to_grid(self, output, input_size): {grid}
"""

SOURCE = """
from dataclasses import replace

class plugin:
    summary = "The demo's networks, badly."
    def load(self, reference, checkpoint, device, options):
        from camctl.pipeline.load import load
        one = load("demo:resnet")
        {body}
"""

GOOD = "return capture.gradients * capture.activations"


def method(name: str, body: str = GOOD, *, more: str = "", top: str = "") -> str:
    return top + METHOD.format(name=name, more=more, body=body)


def adapter(*, matches: str = "return False", layers: str = "return ['backbone.layer4']", grid: str = "pass") -> str:
    return ADAPTER.format(matches=matches, layers=layers, grid=grid)


AT_IMPORT = {
    "missing": (
        "import no_such_library",
        "cannot be loaded: ModuleNotFoundError: No module named 'no_such_library' (bad_missing.py, line 1)",
    ),
    "syntax": ("def plugin(:", "cannot be loaded: SyntaxError: invalid syntax (bad_syntax.py, line 1)"),
    "raising": (
        "raise RuntimeError('two\\nlines [bold]of[/bold] \\u2620')",
        "cannot be loaded: RuntimeError: two lines [bold]of[/bold] \u2620 (bad_raising.py, line 1)",
    ),
    "leaving": ("import sys; sys.exit(0)", "cannot be loaded: SystemExit: 0 (bad_leaving.py, line 1)"),
    "recursing": ("def f(): f()\nf()", "cannot be loaded: RecursionError"),
    "mute": (
        "class E(Exception):\n    def __str__(self): raise E\nraise E",
        "cannot be loaded: E (no message) (bad_mute.py, line 3)",
    ),
    "base": (
        "class E(BaseException): ...\nraise E('no Exception')",
        "cannot be loaded: E: no Exception (bad_base.py, line 2)",
    ),
    "long": ("raise RuntimeError('long ' * 10_000)", "cannot be loaded: RuntimeError: long long"),
    "number": ("plugin = 3", "cannot be used: its entry point has the type int; decorate a function with"),
    "empty": ("", "cannot be loaded: AttributeError: module 'bad_empty' has no attribute 'plugin'"),
    "function": ("def plugin(capture): ...", "cannot be used: its entry point has the type function; decorate"),
    "newer": (
        method("newer", more=", vectorised=True"),
        "cannot be loaded: TypeError: Method.__init__() got an unexpected keyword argument 'vectorised' (bad_newer.py",
    ),
    "needy": (
        method("needy").replace('"gradients"', '"moonlight"'),
        "cannot be used: its needs has 'moonlight'; expected activations, gradients, replay, rescoring.",
    ),
    "nameless": (method("x").replace('name="x"', "name=None"), "cannot be used: its name is None; expected str."),
    "priceless": (method("priceless", more=", cost='free'"), "cannot be used: its cost is 'free'"),
    "bare": (
        method("bare").replace("(capture)", "(capture, *, t)"),
        "cannot be loaded: TypeError: the option 't' of plugin needs a default (bad_bare.py, line 4)",
    ),
}
"""Methods that are broken before they compute: code, and what is said of it after the plugin's label."""

AT_WORK = {
    "failing": (
        "raise ValueError('[red]first\\nsecond')",
        "failed: ValueError: [red]first second (bad_failing.py, line 6)",
    ),
    "outside": ("return __import__('json').loads('{')", "(bad_outside.py, line 6)"),
    "quitting": ("raise SystemExit(0)", "failed: SystemExit: 0 (bad_quitting.py, line 6)"),
    "deep": ("return plugin.compute(capture)", "failed: RecursionError"),
    "flat": ("return capture.activations.sum(1)", "returned shape (1, 14, 14); expected (1, C, 14, 14)."),
    "writing": ("return capture.activations.zero_()", "writes over its inputs, which other plugins share"),
    "sly": ("return capture.gradients.data.zero_()", "writes over its inputs, which other plugins share"),
    "waking": (f"capture.module.train(); {GOOD}", "changes the model (modes); the changes were undone."),
    "hooking": (
        f"capture.module.register_forward_hook(lambda *a: a[2] * 0); {GOOD}",
        "changes the model (hooks); the changes were undone.",
    ),
    "thawing": (f"capture.module.requires_grad_(); {GOOD}", "changes the model (gradients); the changes were undone."),
}
"""Methods that are broken when they compute: the function's body, and what is said."""

TOLERATED = {
    "double": f"{GOOD.replace('return', 'return 1.0 *')}.double()",
    "whole": "return (1e4 * capture.gradients * capture.activations).long()",
    "tracked": f"return ({GOOD.removeprefix('return ')}).requires_grad_()",
    "warning": f"import warnings, logging; warnings.warn('W'); logging.warning('L'); {GOOD}",
}
"""Bodies of methods that are untidy, and work."""

NAN = "return capture.activations * float('nan')"

SITES: dict[str, dict[tuple[str, str, str], str]] = {
    "import": {("method", name, name): code for name, (code, _) in AT_IMPORT.items()},
    "work": {
        **{("method", name, name): method(name, body) for name, (body, _) in AT_WORK.items()},
        **{("method", name, name): method(name, body) for name, body in TOLERATED.items()},
        ("method", "nan", "nan"): method("nan", NAN),
        ("metric", "exit", "exit"): METRIC.format(name="exit", body="raise SystemExit(0)"),
        ("metric", "scribble", "scribble"): METRIC.format(
            name="scribble", body="return float(case.values.zero_().sum())"
        ),
        ("metric", "undefined", "undefined"): METRIC.format(name="undefined", body="return float('nan')"),
        ("metric", "words", "words"): METRIC.format(name="words", body="return 'much'"),
    },
    "spoiling": {
        ("method", "spoiling", "spoiling"): method(
            "spoiling", f"[p.detach().zero_() for p in capture.module.parameters()]; {GOOD}"
        ),
        ("method", "unsure", "unsure"): method("unsure", more=", cannot=lambda module: 1 / 0"),
    },
    "killing": {("method", "killing", "killing"): "import os; os._exit(7)"},
    "stopping": {("method", "stopping", "stopping"): "raise KeyboardInterrupt"},
    "loud": {
        ("method", "loud", "loud"): method(
            "loud", f"print('at work'); {GOOD}", top="import warnings\nprint('at import')\nwarnings.warn('hidden')\n"
        ),
        ("source", "loud-source", "loud"): SOURCE.format(body="print('while loading'); return one"),
    },
    "shadows": {
        ("method", "mine", "gradcam"): method("gradcam", "return capture.activations * 0 + 1"),
        ("method", "alike", "Layer_CAM"): method("LayerCAM"),
        ("method", "twin-a", "twin"): method("twin"),
        ("method", "twin-b", "twin"): method("twin"),
        ("source", "shelf", "demo"): SOURCE.format(body="return one"),
    },
    "adapters": {
        ("adapter", "a-import", "a-import"): "raise RuntimeError('no')",
        ("adapter", "a-exit", "a-exit"): "raise SystemExit(0)",
        ("adapter", "a-matches", "a-matches"): adapter(matches="raise SystemExit(0)"),
        ("adapter", "a-prints", "a-prints"): adapter(matches="print('adapter'); return False"),
        ("adapter", "a-nowhere", "a-nowhere"): adapter(matches="return True", layers="return ['nowhere']"),
        ("adapter", "a-stops", "a-stops"): adapter(matches="return True", layers="raise SystemExit(0)"),
        ("adapter", "a-layers", "a-layers"): adapter(layers="return 'backbone.layer4'"),
        ("adapter", "a-grid", "a-grid"): adapter(grid="return 3"),
    },
    "sources": {
        ("source", "s-exit", "s-exit"): SOURCE.format(body="raise SystemExit(0)"),
        ("source", "s-number", "s-number"): SOURCE.format(body="return 3"),
        ("source", "s-pixels", "s-pixels"): SOURCE.format(body="return replace(one, preprocess=lambda pixels: 1 / 0)"),
    },
}
"""Folder -> (kind, package, name of the entry point) -> the module's code."""


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders of installed packages, and a picture."""
    root = tmp_path_factory.mktemp("bad")
    wheels = []
    for site, packages in SITES.items():
        for (kind, package, name), code in packages.items():
            project = root / "src" / package
            project.mkdir(parents=True)
            module = package.replace("-", "_")
            text = PROJECT.format(kind=kind, package=package, module=module, name=name)
            (project / "pyproject.toml").write_text(text)
            (project / f"bad_{module}.py").write_text(code, encoding="utf-8")
            wheels.append((project, site))
    build = "import os, sys\nfrom hatchling import build\nfor p in sys.argv[1:]: os.chdir(p); build.build_wheel('dist')"
    command = [sys.executable, "-c", build, *(str(project) for project, _ in wheels)]
    subprocess.run(command, check=True, capture_output=True)
    for project, site in wheels:
        (wheel,) = (project / "dist").glob("*.whl")
        with zipfile.ZipFile(wheel) as packed:
            packed.extractall(root / site)
    (root / "import" / "torn-1.0.dist-info").mkdir()
    (root / "import" / "torn-1.0.dist-info" / "entry_points.txt").write_text("[camctl.methods\nx = y\n")
    Image.fromarray(render(scene(6_700_024, classes=("cat", "dog")), 112)).save(root / "photo.png")
    return root


said: list[str] = []
"""Everything that the command said."""


def camctl(sites: Path, site: str, *args: object, code: int = 0) -> subprocess.CompletedProcess[str]:
    """Run the console script; it must end with `code`, and never in a traceback."""
    path = os.pathsep.join(filter(None, [str(sites / site), os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        [SCRIPT, *map(str, args)],
        cwd=sites,
        env=os.environ | {"PYTHONPATH": path, "COLUMNS": "200", "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    said.append(done.stderr + done.stdout)
    assert "Traceback" not in done.stderr
    assert done.returncode == code, done.stderr
    return done


def saved_maps(path: Path, method: str) -> dict[str, np.ndarray]:
    """A method's raw maps by class, out of what `--save-raw` wrote."""
    with np.load(path) as saved:
        told = json.loads(str(saved["manifest"]))["maps"]
        return {one["target"]["label"]: saved[f"raw_{i}"] for i, one in enumerate(told) if one["method"] == method}


def error_of(done: subprocess.CompletedProcess[str]) -> tuple[str, str]:
    """The one error and the one hint, which is all there is on stderr."""
    error, hint = done.stderr.splitlines()
    assert (error[:7], hint[:6]) == ("error: ", "hint: ")
    return error[7:], hint[6:]


# ------------------------------------------------------------------------------------------ at import


@pytest.mark.parametrize("name", AT_IMPORT)
def test_broken_at_import_asked_for_by_name_is_one_line_and_a_hint(sites: Path, name: str) -> None:
    done = camctl(sites, "import", "methods", name, code=3)

    torn, rest = done.stderr.split("\n", 1)
    assert torn.startswith("warning: The entry points of the package torn are ignored: ")
    done.stderr = rest
    error, hint = error_of(done)
    assert error.startswith(f"The method bad-{name}[{name}] {AT_IMPORT[name][1]}")
    assert len(error) < 300
    assert hint == f"To go on without it: pip uninstall bad-{name}"
    assert done.stdout == ""


def test_broken_at_import_costs_a_listing_one_line_each(sites: Path) -> None:
    done = camctl(sites, "import", "methods")

    skipped = [line for line in done.stderr.splitlines() if line.startswith("skipped: ")]
    assert len(skipped) == len(AT_IMPORT)
    assert len(done.stderr.splitlines()) == len(AT_IMPORT) + 1  # and the torn neighbour
    for name, (_, words) in AT_IMPORT.items():
        (line,) = [line for line in skipped if f"bad-{name}[" in line]
        assert words in line
        assert line.endswith(f"(To go on without it: pip uninstall bad-{name})")
    clean = camctl(sites, "nowhere", "methods")
    assert done.stdout == clean.stdout
    assert json.loads(camctl(sites, "import", "methods", "--json").stdout) == json.loads(
        camctl(sites, "nowhere", "methods", "--json").stdout
    )


def test_broken_at_import_is_listed_with_its_reason_and_remedy(sites: Path) -> None:
    rows = {row["name"]: row for row in json.loads(camctl(sites, "import", "plugins", "--json").stdout)}

    for name, (_, words) in AT_IMPORT.items():
        assert words in rows[name]["error"]
        assert rows[name]["hint"].endswith(f"pip uninstall bad-{name}")
    assert rows["gradcam"]["error"] == ""


def test_check_goes_on_after_a_plugin_that_cannot_be_loaded(sites: Path) -> None:
    done = camctl(sites, "import", "plugins", "check", "leaving", "--json", code=3)

    (finding,) = json.loads(done.stdout)[0]["findings"]
    assert "SystemExit: 0 (bad_leaving.py, line 1) (To go on without it: pip uninstall bad-leaving)" in finding["todo"]


def test_run_says_nothing_of_broken_methods_that_nobody_asked_for(sites: Path) -> None:
    done = camctl(sites, "import", "run", "photo.png", "demo:resnet", "--quiet", "--save-path", "map.png")

    assert [line for line in done.stderr.splitlines() if "torn" not in line] == []
    assert (sites / "map.png").exists()
    assert "Explain" in camctl(sites, "import", "--help").stdout


def test_interrupt_is_the_users_and_ending_the_process_is_beyond_us(sites: Path) -> None:
    assert camctl(sites, "stopping", "methods", code=130).stdout == ""
    assert camctl(sites, "killing", "methods", code=7).stdout == ""
    # What imports nothing of it goes on, and says which packages are here.
    assert "bad-killing" in camctl(sites, "killing", "--version").stdout


# -------------------------------------------------------------------------------------------- at work


def test_each_method_that_fails_costs_its_own_map_alone(sites: Path) -> None:
    names = [*AT_WORK, "nan", *TOLERATED, "gradcam"]
    words = ("compare", "photo.png", "demo:resnet", "--target-category", "cat", "dog", "--json", "--method")
    done = camctl(sites, "work", *words, *names, "--save-path", "grid.png", "--save-raw", "all.npz", code=3)

    for name, (_, expected) in AT_WORK.items():
        (line,) = [line for line in done.stderr.splitlines() if f"bad-{name}[{name}] " in line]
        assert line.startswith(f"no map (2): The method bad-{name}[{name}] ")
        assert expected in line
        assert f"pip uninstall bad-{name}" in done.stderr
    maps = json.loads(done.stdout)["maps"]
    assert {one["method"] for one in maps if one["verdict"] == "ok"} == {*TOLERATED, "GradCAM"}
    undrawn = [one for one in maps if one["method"] == "nan"]
    assert {one["verdict"] for one in undrawn} == {"not-finite"}
    assert all("made NaN or infinity out of finite values" in one["reason"] for one in undrawn)
    said.append(undrawn[0]["reason"])
    # Whatever the others wrote over, the maps are those that they are without them.
    camctl(sites, "nowhere", *words, "gradcam", "--save-raw", "alone.npz")
    beside, alone = (saved_maps(sites / name, "GradCAM") for name in ("all.npz", "alone.npz"))
    assert list(beside) == list(alone) == ["cat", "dog"]
    assert all(np.array_equal(beside[label], alone[label]) for label in alone)
    assert (sites / "grid.png").exists()


@pytest.mark.parametrize("name", ["quitting", "flat"])
def test_a_method_that_fails_ends_a_run_with_nothing_written(sites: Path, name: str) -> None:
    words = ("run", "photo.png", "demo:resnet", "--method", "gradcam", name)
    done = camctl(sites, "work", *words, "--save-path", f"{name}/", "--json", code=3)

    error, hint = error_of(done)
    assert error.startswith(f"The method bad-{name}[{name}] {AT_WORK[name][1]}")
    assert hint == f"To go on without it: pip uninstall bad-{name}"
    assert done.stdout == ""
    assert not list(sites.glob(f"{name}/*"))


def test_a_method_that_changes_the_weights_ends_the_run(sites: Path) -> None:
    done = camctl(sites, "spoiling", "run", "photo.png", "demo:resnet", "--method", "spoiling", code=3)

    assert error_of(done)[0] == (
        "The method bad-spoiling[spoiling] changes the weights of the model, which must be loaded again."
    )


def test_a_method_that_changes_the_weights_ends_a_comparison_of_several_classes(sites: Path) -> None:
    words = ("compare", "photo.png", "demo:resnet", "--target-category", "cat", "dog", "--json")
    done = camctl(sites, "spoiling", *words, "--method", "spoiling", "gradcam", code=3)

    assert "changes the weights of the model, which must be loaded again" in error_of(done)[0]


def test_a_method_that_cannot_say_whether_it_works_is_named_and_costs_its_own_map(sites: Path) -> None:
    said_so = "The method bad-unsure[unsure] failed: ZeroDivisionError: division by zero (bad_unsure.py, line 4)"
    done = camctl(sites, "spoiling", "run", "photo.png", "demo:resnet", "--method", "unsure", code=3)
    assert error_of(done)[0] == said_so
    beside = camctl(
        sites, "spoiling", "compare", "photo.png", "demo:resnet", "--json", "--method", "unsure", "gradcam", code=3
    )
    assert f"no map: {said_so}" in beside.stderr
    assert [one["method"] for one in json.loads(beside.stdout)["maps"] if one["verdict"] == "ok"] == ["GradCAM"]


def test_metrics_that_fail_are_left_out_and_the_others_measured(sites: Path) -> None:
    words = ("compare", "photo.png", "demo:resnet", "--metrics", "scribble", "exit", "words", "undefined", "sparsity")
    done = camctl(sites, "work", *words, "--json", code=3)

    assert "The metric bad-exit[exit] failed: SystemExit: 0" in done.stderr
    assert "The metric bad-scribble[scribble] writes over its inputs, which other plugins share" in done.stderr
    assert "The metric bad-words[words] returned str; expected a number." in done.stderr
    (one,) = [one for one in json.loads(done.stdout)["maps"] if one["method"] == "GradCAM"]
    assert one["figures"]["undefined"] is None
    assert set(one["figures"]) == {"undefined", "sparsity"}
    assert 0 < one["figures"]["sparsity"] < 1  # of the map as it was before it was written over


def test_what_a_plugin_prints_goes_to_stderr(sites: Path) -> None:
    done = camctl(sites, "loud", "run", "photo.png", "loud:x", "--method", "loud", "--json")

    assert json.loads(done.stdout)["maps"][0]["method"] == "loud"
    assert done.stderr.splitlines() == ["at import", "while loading", "at work"]


# ------------------------------------------------------------------------------------------- shadows


def test_a_name_that_a_built_in_method_has_is_an_error_only_when_it_is_asked_for(sites: Path) -> None:
    error, hint = error_of(camctl(sites, "shadows", "methods", "GradCAM", code=3))

    assert error == "Several packages offer the method 'GradCAM': bad-mine[gradcam] and camctl[gradcam]."
    assert hint == "Name one, such as camctl[gradcam], or: pip uninstall bad-mine"
    assert camctl(sites, "shadows", "methods", "camctl[gradcam]", "--json").stdout
    error, hint = error_of(camctl(sites, "shadows", "methods", "twin", code=3))
    assert error == "Several packages offer the method 'twin': bad-twin-a[twin] and bad-twin-b[twin]."
    assert hint == "Name one, such as bad-twin-a[twin], or: pip uninstall bad-twin-b"


@pytest.mark.parametrize(
    ("label", "other"),
    [
        ("bad-mine[gradcam]", "camctl[gradcam]"),
        ("bad-alike[Layer_CAM]", "camctl[layercam]"),
        ("bad-twin-a[twin]", "bad-twin-b[twin]"),
    ],
)
def test_check_finds_a_name_that_another_package_has(sites: Path, label: str, other: str) -> None:
    told = json.loads(camctl(sites, "shadows", "plugins", "check", label, "--json", code=3).stdout)

    (clash,) = [one for one in told[0]["findings"] if one["promise"] == "has a name of its own"]
    assert not clash["ok"]
    assert f"{other} has it." in clash["todo"]


def test_check_finds_no_clash_of_a_built_in_name(sites: Path) -> None:
    told = json.loads(camctl(sites, "shadows", "plugins", "check", "camctl[gradcam]", "--json").stdout)

    assert all(one["ok"] for one in told[0]["findings"])


def test_a_name_spelt_alike_shadows_nothing_and_is_marked(sites: Path) -> None:
    names = ("layercam", "Layer_CAM")
    own, other = (json.loads(camctl(sites, "shadows", "methods", name, "--json").stdout) for name in names)

    assert (own["package"], other["package"]) == ("camctl", "bad-alike")
    assert (own["clashes_with"], other["clashes_with"]) == (["bad-alike[Layer_CAM]"], ["camctl[layercam]"])
    assert "ask for it as bad-alike[Layer_CAM]" in " ".join(camctl(sites, "shadows", "methods").stdout.split())


def test_a_source_that_shadows_a_built_in_one_leaves_both_within_reach(sites: Path) -> None:
    error, hint = error_of(camctl(sites, "shadows", "layers", "demo:resnet", code=3))

    assert error == "Several packages offer the source 'demo': bad-shelf[demo] and camctl[demo]."
    assert hint == "Name one, such as camctl[demo]:MODEL, or: pip uninstall bad-shelf"
    done = camctl(sites, "shadows", "run", "photo.png", "camctl[demo]:resnet", "--json")
    assert json.loads(done.stdout)["maps"][0]["verdict"] == "ok"


# -------------------------------------------------------------------------------- adapters and sources


def test_adapters_that_fail_unasked_cost_a_line_each(sites: Path) -> None:
    done = camctl(sites, "adapters", "run", "photo.png", "demo:resnet", "--json")

    told = [line for line in done.stderr.splitlines() if line.startswith("warning: ")]
    assert [line.split(" (")[0] for line in told] == [
        "warning: The adapter bad-a-exit[a-exit] cannot be loaded: SystemExit: 0",
        "warning: The adapter bad-a-import[a-import] cannot be loaded: RuntimeError: no",
        "warning: The adapter bad-a-matches[a-matches] cannot look at this model: SystemExit: 0",
        "warning: The adapter bad-a-nowhere[a-nowhere] returned the layer 'nowhere', which this model does not have.",
        "warning: The adapter bad-a-stops[a-stops] failed: SystemExit: 0",
    ]
    packages = ("bad-a-exit", "bad-a-import", "bad-a-matches", "bad-a-nowhere", "bad-a-stops")
    assert all(f"pip uninstall {package})" in line for package, line in zip(packages, told, strict=True))
    assert [line for line in done.stderr.splitlines() if line not in told] == ["adapter"]
    assert json.loads(done.stdout)["maps"][0]["chosen_by"] == "adapter cnn"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("a-layers", "returned 'backbone.layer4'; expected a list of layer names."),
        ("a-grid", "returned int; expected a rearrangement of (1, "),
    ],
)
def test_an_adapter_that_fails_at_work_is_named(sites: Path, name: str, words: str) -> None:
    done = camctl(sites, "adapters", "layers", "demo:resnet", "--adapter", name, code=3)

    error, hint = error_of(done)
    assert error.startswith(f"The adapter bad-{name}[{name}] {words}")
    assert hint == f"To go on without it: pip uninstall bad-{name}"
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("s-exit", "failed: SystemExit: 0 (bad_s_exit.py, line 9)"),
        ("s-number", "returned int; expected LoadedModel."),
        ("s-pixels", "failed: ZeroDivisionError: division by zero (bad_s_pixels.py, line 9)"),
    ],
)
def test_a_source_that_fails_is_named(sites: Path, name: str, words: str) -> None:
    done = camctl(sites, "sources", "run", "photo.png", f"{name}:x", "--save-path", "none.png", code=3)

    assert error_of(done) == (
        f"The source bad-{name}[{name}] {words}",
        f"To go on without it: pip uninstall bad-{name}",
    )
    assert not (sites / "none.png").exists()


# ---------------------------------------------------------------------------------------------- guide


def test_the_guides_table_says_what_was_printed(request: pytest.FixtureRequest) -> None:
    """Runs last: what is quoted in the right column was said above, with `…` for what differs."""
    run = {item.originalname for item in request.session.items if isinstance(item, pytest.Function)}
    if missing := [name for name in globals() if name.startswith("test_") and name not in run]:
        pytest.skip(f"{', '.join(missing)} did not run")
    text = GUIDE.read_text(encoding="utf-8").split("### What users see")[1]
    rows = re.findall(r"^\| (.+?) \| (.+) \|$", text, re.MULTILINE)
    # One word in backticks is a name or an option.
    quotes = [quote for _, seen in rows for quote in re.findall("`([^`]+)`", seen) if " " in quote]
    everything = " ".join(" ".join(said).split())
    assert len(quotes) > len(rows)
    assert [part for quote in quotes for part in quote.split("…") if part.strip() not in everything] == []
