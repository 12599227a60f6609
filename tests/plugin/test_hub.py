"""Files of a hub, by the hub's own client, from a server on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("huggingface_hub")

from tests.tiny_hub import TinyHub, serving

CODE = """
import json, sys
from pathlib import Path
from camctl.errors import CamctlError
from camctl.kit.hub import hub_file

told = []
repository, revision, *names = sys.argv[1:]
try:
    file = hub_file(repository, *names, revision=revision or None, progress=lambda *seen: told.append(seen))
    print(json.dumps({"text": file.read_text()[:9], "told": told}))
except CamctlError as error:
    print(json.dumps({"error": error.message, "hint": error.hint, "code": error.exit_code}))
"""


@pytest.fixture
def hub() -> Iterator[TinyHub]:
    with serving() as hub:
        hub.repositories["us/net"] = {"main": {"a.bin": b"main" * 1000}, "v2": {"a.bin": b"v2v2" * 1000}}
        yield hub


def test_a_file_is_fetched_once_with_progress(hub: TinyHub, tmp_path: Path) -> None:
    first = hub.run(tmp_path, CODE, "us/net", "", "a.bin")
    hub.asked.clear()
    second = hub.run(tmp_path, CODE, "us/net", "", "a.bin")

    assert first == {"text": "mainmainm", "told": [["a.bin", 4000, 4000]]}
    assert second == {"text": "mainmainm", "told": []}
    assert [each for each in hub.asked if "us/net" in each] == []


def test_the_first_file_that_is_there_is_taken_of_the_revision_asked_for(hub: TinyHub, tmp_path: Path) -> None:
    assert hub.run(tmp_path, CODE, "us/net", "v2", "none.bin", "a.bin")["text"] == "v2v2v2v2v"
    assert hub.run(tmp_path, CODE, "us/net", "", "none.bin", "a.bin")["text"] == "mainmainm"


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("us/none", "", "a.bin"), "The hub has no public model 'us/none'."),
        (("us/net", "v3", "a.bin"), "The hub's 'us/net' has no revision 'v3'."),
        (("us/net", "v2", "b.bin", "c.bin"), "The hub's 'us/net@v2' has no b.bin or c.bin."),
        (("not a name", "", "a.bin"), "The hub has no public model 'not a name'."),
    ],
)
def test_what_is_not_there_is_one_clear_line(hub: TinyHub, tmp_path: Path, words: Any, error: str) -> None:
    told = hub.run(tmp_path, CODE, *words)

    assert told["error"] == error
    assert told["hint"]
    assert told["code"] == 2
