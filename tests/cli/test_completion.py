"""What Tab offers in a real bash, which breaks words at colons, and what is kept of models for it."""

import os
import pty
import re
import select
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from camctl.cli import model_cache

WAIT = 60
"""Seconds after which a shell that does not answer fails the test."""


class Bash:
    """A shell with typer's script, in a terminal."""

    def __init__(self, folder):
        self.child, self.terminal = pty.fork()
        if self.child == 0:
            path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
            settings = {"PATH": path, "TERM": "dumb", "INPUTRC": os.devnull, "COLUMNS": "500"}
            os.chdir(folder)
            os.execvpe("bash", ["bash", "--norc", "--noprofile", "-i"], os.environ | settings)  # noqa: S606, S607
        self.run("bind 'set enable-bracketed-paste off'")
        self.run("stty -echo columns 500")
        self.run('eval "$(_CAMCTL_COMPLETE=source_bash camctl)"')

    def read_to(self, end):
        heard = ""
        while not re.search(end, heard):
            assert select.select([self.terminal], [], [], WAIT)[0], heard
            heard += os.read(self.terminal, 4096).decode()
        return heard

    def run(self, line):
        os.write(self.terminal, f"{line}; printf '%s%s' do ne\n".encode())
        return self.read_to("done")

    def complete(self, line):
        """The words of a line after Tab."""
        # Ctrl-A goes to the start of the line.
        os.write(self.terminal, f"{line}\t end\x01printf '<%s>' \n".encode())
        return re.findall("<(.*?)>", self.read_to("<end>"))[-len(line.split()) - 1 : -1]


@pytest.fixture
def bash(tmp_path):
    if shutil.which("bash") is None:
        pytest.skip("there is no bash")
    shell = Bash(tmp_path)
    yield shell
    os.write(shell.terminal, b"exit\n")
    os.close(shell.terminal)
    os.waitpid(shell.child, 0)


COMPLETED = {
    "camctl layers demo:v": "demo:vit",
    "camctl run photo.jpg imagenet:lite2": "imagenet:lite2",
    "camctl compare photo.jpg demo:vit --model demo:sw": "demo:swin",
    "camctl compare photo.jpg --model=demo:sw": "--model=demo:swin",
    "camctl run photo.jpg demo:vit --method=AblationC": "--method=AblationCam",
    "camctl run photo.jpg resnet50_8xb32-fp": "resnet50_8xb32-fp16_in1k",
    "camctl run photo.jpg demo:vit --target-layers backbone.layers.3.l": "backbone.layers.3.ln",
    "camctl run photo.jpg demo:vit --target-category Egyp": "Egyptian cat",
}


def test_bash_completes_words_with_colons_and_equals_signs(bash):
    model_cache.keep("demo:vit", layers=["backbone.layers.3.ln1", "backbone.layers.3.ln2"], classes=["Egyptian cat"])

    assert {line: bash.complete(line)[-1] for line in COMPLETED} == COMPLETED


ANSWERS = {
    "zsh": {"demo:v": r"""_arguments '*: :(("demo\\:vit"))'""", "demo:none": "_files"},
    "fish": {"demo:v": "demo:vit", "demo:none": ""},
}
"""What scripts of other shells are answered: zsh takes a colon without backslashes for the start of a description."""


@pytest.mark.parametrize("shell", ANSWERS)
def test_scripts_of_zsh_and_fish_are_given_words_with_colons(shell):
    for word, answer in ANSWERS[shell].items():
        asked = {"_CAMCTL_COMPLETE": f"complete_{shell}", "_TYPER_COMPLETE_ARGS": f"camctl run photo.jpg {word}"}
        asked["_TYPER_COMPLETE_FISH_ACTION"] = "get-args"
        command = str(Path(sys.executable).with_name("camctl"))
        done = subprocess.run([command], env=os.environ | asked, capture_output=True, text=True, check=False)
        assert done.stdout.strip() == answer


def test_kept_are_the_layers_and_classes_of_a_model_that_was_loaded(camctl):
    camctl("layers", "demo:vit")
    known = model_cache.names_of("demo:vit")

    assert "backbone.layers.0.ln1" in known.layers
    assert "cat" in known.classes
    assert model_cache.models() == ["demo:vit"]
