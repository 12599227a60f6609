"""What answers at once imports nothing heavy; each in a fresh process."""

import os
import platform
import subprocess
import sys

import pytest

from camctl.cli.app import COMMANDS

HEAVY = (
    "torch", "torchvision", "numpy", "cv2", "PIL", "mmengine", "mmpretrain", "mmcv", "pytorch_grad_cam", "pydantic",
    "markdown_it", "textual_image",
)  # fmt: skip

PROBE = """
import sys
sys.argv = ["camctl", *sys.argv[1:]]
from camctl.cli import main
try:
    main()
except SystemExit as ended:
    code = ended.code
print("heavy:", *sorted(set({heavy!r}) & set(sys.modules)), file=sys.stderr)
sys.exit(code)
"""


def fresh(*args, **environment):
    """The command in a process of its own, which says on its last line what it imported."""
    return subprocess.run(
        [sys.executable, "-c", PROBE.format(heavy=HEAVY), *args],
        env=os.environ | {"COLUMNS": "80"} | environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    "args", [(), ("-h",), ("--help",), ("--version",), ("methods",), ("methods", "--json"), ("methods", "gradcam++")]
)
def test_listing_and_help_import_nothing_heavy(args):
    done = fresh(*args)

    assert done.stderr.splitlines()[-1] == "heavy:"
    assert done.returncode == 0
    assert done.stdout


def test_first_screen_shows_what_to_try():
    done = fresh("--help")

    assert "camctl demo" in done.stdout
    assert "camctl run photo.jpg imagenet:lite0" in done.stdout
    assert all(command in done.stdout for command in (*COMMANDS, "--version"))
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_library_is_loaded_when_it_is_used():
    code = (
        "import sys, camctl; assert camctl.__version__ and {'load', 'explain'} <= set(dir(camctl));"
        f"print(*set({HEAVY!r}) & set(sys.modules)); camctl.load, camctl.explain; print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout, done.stderr) == (0, "\nFalse\n", "")


def test_python_minus_m_is_the_command():
    done = subprocess.run(
        [sys.executable, "-m", "camctl", "methods", "--json"], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0
    assert done.stdout.startswith("[")


def test_reader_that_goes_away_is_no_error():
    listing = subprocess.Popen(
        [sys.executable, "-m", "camctl", "methods", "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert listing.stdout is not None
    listing.stdout.close()
    _, said = listing.communicate()

    assert said == ""


COMPLETED = {
    ("run", "photo.jpg", "demo:vit", "--method", "grad"): {"gradcam", "gradcam++"},
    ("run", "photo.jpg", "demo:vit", "--method", "GradCAM,layer"): {"GradCAM,layercam"},
    ("run", "photo.jpg", "demo:vit", "--adapter", ""): {"cnn", "vit", "swin", "t2t"},
    ("run", "photo.jpg", "demo:vit", "--aggregate", "m"): {"mean", "max"},
    ("run", "photo.jpg", "demo:vit", "--canvas", ""): {"view", "original"},
    ("run", "photo.jpg", "demo:vit", "--colormap", "v"): {"viridis"},
    ("run", "photo.jpg", "demo:vit", "--device", "cu"): {"cuda"},
    ("run", "photo.jpg", "demo:"): {"demo:resnet", "demo:vit", "demo:swin", "demo:t2t"},
    ("run", "photo.jpg", "imagenet:"): {"imagenet:lite0", "imagenet:lite1", "imagenet:lite2"},
    ("run", "photo.jpg", "RESNET50_8xb32_in"): {"RESNET50_8xb32_in1k"},
    ("layers", "py"): {"python:"},
    ("methods", "eigen"): {"eigencam", "eigengradcam"},
    ("lay",): {"layers"},
}


@pytest.mark.parametrize("words", COMPLETED, ids=" ".join)
def test_shell_completion_offers_names_and_imports_nothing_heavy(words):
    done = fresh(_CAMCTL_COMPLETE="complete_bash", COMP_WORDS=" ".join(("camctl", *words)), COMP_CWORD=str(len(words)))

    assert set(done.stdout.split()) >= COMPLETED[words]
    # What reads the options before the cursor is typer's own.
    assert set(done.stderr.splitlines()[-1].split()) <= {"heavy:", "pydantic"}


def test_typer_without_what_makes_the_start_quick_gives_the_same_answers(camctl, monkeypatch):
    words = ("methods", "LayerCAM", "--json")
    quick = camctl(*words)
    monkeypatch.setattr("camctl.cli.parsing.groups.quicken", lambda _commands: None)

    assert camctl(*words) == quick


FAULTS = """
import resource, sys
from camctl.cli.process import keep_memory
if sys.argv[1:]:
    keep_memory()
for number in range(9):
    bytearray(8_000_000), bytearray(60_000_000)
    if number == 0:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="a setting of glibc")
def test_freed_memory_is_kept_for_the_next_batch_unless_the_user_has_settings_of_their_own():
    def faults(*words, **environment):
        started = [sys.executable, "-c", FAULTS, *words]
        return int(subprocess.run(started, env=os.environ | environment, capture_output=True, check=True).stdout)

    assert faults("keep") < 100 < faults() / 10  # pages that the system cleared again
    assert faults("keep", MALLOC_ARENA_MAX="2") > 1000
