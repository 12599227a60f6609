"""Checkpoints fetched from a server on this machine."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from camctl.errors import CamctlError, InputError
from camctl.kit.downloads import check_checkpoint, fetch, is_url, local_file
from camctl.plugin import LoadOptions

CONTENT = b"weights" * 1000
HASH = hashlib.sha256(CONTENT).hexdigest()[:8]


class Server(ThreadingHTTPServer):
    """Serves CONTENT under any name, cut short where the address says so; counts what it was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[str] = []

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.server_port}/{name}"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, Server)
        self.server.asked.append(self.path)
        if "babble" in self.path:
            self.wfile.write(b"nonsense\r\n\r\n")
            return
        if "none" in self.path:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        self.wfile.write(CONTENT[:100] if "cut" in self.path else CONTENT)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Torch's own folder."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    return tmp_path / "hub" / "checkpoints"


def test_file_is_fetched_once_and_found_in_the_cache_afterwards(server: Server, cache: Path) -> None:
    for _ in range(2):
        assert fetch(server.url(f"net-{HASH}.pth")).read_bytes() == CONTENT
    assert len(server.asked) == 1
    assert [file.name for file in cache.iterdir()] == [f"net-{HASH}.pth"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("net-00000000.pth", "'net-00000000.pth' has the hash .* not 00000000 as its name says"),
        ("cut.pth", "'cut.pth' broke off after 100 of 7000 bytes"),
        ("none.pth", "'none.pth' is not .* could not be downloaded from 127.0.0.1"),
        ("babble.pth", "'babble.pth' broke off: BadStatusLine"),
    ],
)
def test_failed_download_is_one_clear_line_and_leaves_nothing(
    server: Server, cache: Path, name: str, message: str
) -> None:
    with pytest.raises(CamctlError, match=message) as caught:
        fetch(server.url(name))
    assert "\n" not in caught.value.message
    assert caught.value.hint
    assert list(cache.iterdir()) == []


def test_interrupted_download_leaves_nothing(server: Server, cache: Path) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(server.url("net.pth"), interrupt)
    assert list(cache.iterdir()) == []


def test_no_server_is_one_clear_line(server: Server) -> None:
    url = server.url("net.pth")
    server.server_close()
    with pytest.raises(CamctlError, match="could not be downloaded") as caught:
        fetch(url.replace(f":{server.server_port}", ":9"))
    assert caught.value.hint


def test_same_name_at_two_addresses_is_two_files(server: Server) -> None:
    assert fetch(server.url("a/net.pth")) != fetch(server.url("b/net.pth"))


@pytest.mark.parametrize("url", ["ftp://host/net.pth", "file:///etc/net.pth", "s3://bucket/net.pth"])
def test_other_schemes_are_refused(url: str) -> None:
    assert is_url(url)
    with pytest.raises(InputError, match="only http and https"):
        fetch(url)


def test_paths_are_no_addresses() -> None:
    assert not any(map(is_url, ["net.pth", "/a/b.pth", "C:\\net.pth", "./http/net.pth"]))


def test_a_day_in_a_name_is_no_hash(server: Server) -> None:
    assert fetch(server.url("net_20240101.pth")).read_bytes() == CONTENT


def test_a_named_checkpoint_is_a_path_or_what_was_fetched_with_progress_in_bytes(server: Server) -> None:
    told: list[tuple[str, int, int]] = []
    options = LoadOptions(progress=lambda *values: told.append(values))

    assert local_file("~/net.pth", options) == Path.home() / "net.pth"
    assert told == []
    assert local_file(server.url("net.pth"), options).read_bytes() == CONTENT
    assert told[-1] == ("net.pth", len(CONTENT), len(CONTENT))


def test_an_empty_name_and_two_wishes_at_once_are_refused() -> None:
    check_checkpoint(None, LoadOptions(random_weights=True))
    check_checkpoint("net.pth", LoadOptions())
    with pytest.raises(InputError, match="name is empty"):
        check_checkpoint(" ", LoadOptions())
    with pytest.raises(InputError, match="and random weights"):
        check_checkpoint("net.pth", LoadOptions(random_weights=True))
