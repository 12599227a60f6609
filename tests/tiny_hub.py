"""A hub on this machine for the real client of the Hugging Face hub: what it asks for a model's files, and no more."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

Files = Mapping[str, bytes]


class TinyHub(ThreadingHTTPServer):
    """Holds repository -> revision -> files, and keeps a list of what it was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.repositories: dict[str, dict[str, Files]] = {}
        self.asked: list[str] = []

    def run(self, home: Path, code: str, *arguments: object) -> Any:
        """What a fresh Python prints last, as JSON, with the client turned to this hub and its cache in `home`."""
        own = {"HF_ENDPOINT": f"http://127.0.0.1:{self.server_port}", "HF_HOME": str(home), "no_proxy": "127.0.0.1"}
        ours = {key: value for key, value in os.environ.items() if not key.startswith("HF_")}
        words = [sys.executable, "-c", code, *map(str, arguments)]
        done = subprocess.run(words, env=ours | own, capture_output=True, text=True, check=False, timeout=300)
        assert done.returncode == 0, done.stderr
        assert "100%" not in done.stderr, "a progress bar of the library's own was drawn"
        return json.loads(done.stdout.splitlines()[-1])


class Handler(BaseHTTPRequestHandler):
    server: TinyHub

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        body = self._answer()
        self.wfile.write(body)

    def _answer(self) -> bytes:
        path = unquote(urlsplit(self.path).path).lstrip("/")
        self.server.asked.append(f"{self.command} {path}")
        repository, resolve, rest = path.partition("/resolve/")
        revisions = self.server.repositories.get(repository)
        if not resolve or revisions is None:
            return self._refuse("RepoNotFound", 404 if resolve or path.startswith("api/") else 400)
        revision, _, name = rest.partition("/")
        commits = {commit_of(each): each for each in revisions}
        files = revisions.get(commits.get(revision, revision))
        if files is None:
            return self._refuse("RevisionNotFound")
        if name not in files:
            return self._refuse("EntryNotFound", commit=commit_of(commits.get(revision, revision)))
        self.send_response(200)
        self.send_header("X-Repo-Commit", commit_of(commits.get(revision, revision)))
        self.send_header("ETag", f'"{hashlib.sha256(files[name]).hexdigest()}"')
        self.send_header("Content-Length", str(len(files[name])))
        self.end_headers()
        return files[name]

    def _refuse(self, code: str, status: int = 404, commit: str = "") -> bytes:
        self.send_response(status)
        self.send_header("X-Error-Code", code)
        if commit:
            self.send_header("X-Repo-Commit", commit)
        self.send_header("Content-Length", "0")
        self.end_headers()
        return b""

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def commit_of(revision: str) -> str:
    return hashlib.sha1(revision.encode(), usedforsecurity=False).hexdigest()


def files_in(folder: Path) -> Files:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@contextmanager
def serving() -> Iterator[TinyHub]:
    with TinyHub() as hub:
        thread = threading.Thread(target=hub.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield hub
        finally:
            hub.shutdown()
            thread.join()
