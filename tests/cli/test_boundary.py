"""Errors become words and exit codes in one place."""

import warnings

import pytest

from camctl.cli.output.boundary import guard
from camctl.errors import CamctlError, InputError, PluginError, PluginWarning


def raising(error):
    def command():
        raise error

    return command


@pytest.mark.parametrize(("kind", "code"), [(CamctlError, 1), (InputError, 2), (PluginError, 3)])
def test_error_is_one_line_with_its_hint_and_its_code(kind, code, capsys):
    long = "word " * 60
    assert guard(raising(kind(f"camctl[broken] {long}.", hint="Try: that"))) == code

    assert capsys.readouterr() == ("", f"error: camctl[broken] {long}.\nhint: Try: that\n")


def test_interrupt_ends_quietly_with_130(capsys):
    assert guard(raising(KeyboardInterrupt())) == 130
    assert capsys.readouterr() == ("", "")


def test_unexpected_error_keeps_its_traceback_after_one_line(capsys):
    with pytest.raises(ZeroDivisionError):
        guard(lambda: 1 / 0)

    assert "please report it" in capsys.readouterr().err


def test_device_without_memory_says_what_to_try(capsys):
    import torch

    assert guard(raising(torch.OutOfMemoryError("CUDA out of memory. Tried to allocate"))) == 1
    said = capsys.readouterr().err
    assert said.startswith("error: The device has too little memory")
    assert "--device cpu" in said


def test_machine_without_memory_says_so(capsys):
    assert guard(raising(MemoryError())) == 1
    assert "This machine has too little memory" in capsys.readouterr().err


def test_warnings_of_plugins_are_words_and_others_are_left_to_developers(capsys, monkeypatch):
    monkeypatch.setattr("sys.warnoptions", [])

    def command():
        warnings.warn("left out", PluginWarning, stacklevel=1)
        warnings.warn("old spelling", DeprecationWarning, stacklevel=1)

    assert guard(command) == 0
    assert capsys.readouterr().err == "warning: left out\n"


def test_warning_filters_are_put_back():
    before = list(warnings.filters), warnings.showwarning
    guard(lambda: None)

    assert (list(warnings.filters), warnings.showwarning) == before
