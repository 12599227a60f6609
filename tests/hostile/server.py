"""A local server of downloads whose every address says how it misbehaves: `/BEHAVIOUR/SEED/NAME`."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread
from typing import Any

BODY = "resnet.pth"
CERTIFICATE = "server.pem"
SECURE = "server.https"
"""File that holds the address of the same server over TLS, if there is one."""


class _Request:
    """One connection: what was asked, and ways to answer."""

    def __init__(self, connection: socket.socket, body: bytes, port: int) -> None:
        self.connection, self.body, self.port = connection, body, port
        head = connection.recv(65536).decode("latin-1")
        self.path = head.split(" ")[1] if head.count(" ") > 1 else "/"
        parts = self.path.split("/")
        self.behaviour = parts[1] if len(parts) > 1 else ""

    def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.connection.sendall(data)

    def head(self, status: str = "200 OK", **fields: Any) -> None:
        """A status line and header fields; `Content_Length` becomes `Content-Length`."""
        lines = [f"HTTP/1.1 {status}", *(f"{name.replace('_', '-')}: {value}" for name, value in fields.items())]
        self.send(("\r\n".join([*lines, "Connection: close", "", ""])).encode("latin-1", "replace"))

    def chunks(self, data: bytes, *, end: bytes = b"0\r\n\r\n") -> None:
        """A body in chunks."""
        self.head(Transfer_Encoding="chunked")
        for start in range(0, len(data), 1 << 16):
            part = data[start : start + (1 << 16)]
            self.send(f"{len(part):x}\r\n".encode() + part + b"\r\n")
        self.send(end)


def _answer(request: _Request) -> None:  # noqa: C901, PLR0912, PLR0915 - a list of behaviours
    body, half = request.body, request.body[: len(request.body) // 2]
    where = f"http://127.0.0.1:{request.port}"
    match request.behaviour:
        case "sound":
            request.head(Content_Length=len(body))
            request.send(body)
        case "chunked":
            request.chunks(body)
        case "no-length":
            request.head()
            request.send(body)
        case "chunked-broken":
            request.chunks(half, end=b"")
        case "chunked-at-once":
            request.chunks(b"", end=b"ffff\r\n")
        case "chunked-nonsense":
            request.chunks(half, end=b"xyz\r\n")
        case "broken":
            request.head(Content_Length=len(body))
            request.send(half)
        case "longer":
            request.head(Content_Length=len(half))
            request.send(body)
        case "length-word":
            request.head(Content_Length="many")
            request.send(body)
        case "length-negative":
            request.head(Content_Length="-5")
            request.send(body)
        case "length-float":
            request.head(Content_Length="1e3")
            request.send(body)
        case "length-huge":
            request.head(Content_Length="9" * 400)
            request.send(body)
        case "length-digits":
            request.head(Content_Length="9" * 5000)
            request.send(body)
        case "length-twice":
            request.send(f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nContent-Length: 5\r\n\r\n".encode() + body)
        case "empty":
            request.head(Content_Length=0)
        case "wrong":
            request.head(Content_Length=len(body))
            # Its middle: the end of an archive says nothing about weights.
            middle = len(body) // 2
            request.send(body[:middle] + b"HOSTILE!!" + body[middle + 9 :])
        case "html":
            request.head(Content_Type="text/html")
            request.send(b"<!doctype html><html>Log in first</html>")
        case "missing":
            request.head("404 Not\x1b[2J Found", Content_Length=0)
        case "denied":
            request.head("401 Unauthorized", Content_Length=0, WWW_Authenticate='Basic realm="\x1b]0;x\x07"')
        case "failing":
            request.head("503 Busy", Content_Length=0)
        case "odd-status":
            request.send(b"HTTP/1.1 999 What\r\n\r\n")
        case "no-status":
            request.send(b"HELLO\r\n\r\n" + half)
        case "reset" | "":
            pass
        case "loop":
            request.head("302 Found", Location=f"{where}{request.path}")
        case "to-file":
            request.head("302 Found", Location="file:///etc/hostname")
        case "to-ftp":
            request.head("302 Found", Location="ftp://127.0.0.1:1/x.pth")
        case "to-nonsense":
            request.head("302 Found", Location="http://[::1")
        case "to-port":
            request.head("302 Found", Location="http://127.0.0.1:99999999/x.pth")
        case "to-sound":
            request.head("302 Found", Location=f"{where}/sound{request.path.removeprefix('/to-sound')}")
        case "to-plain":
            request.head("302 Found", Location=f"{where}/sound{request.path.removeprefix('/to-plain')}")
        case "gzip":
            import gzip

            packed = gzip.compress(body)
            request.head(Content_Length=len(packed), Content_Encoding="gzip")
            request.send(packed)
        case "encoding-odd":
            request.head(Content_Length=len(body), Transfer_Encoding="rot13", Content_Encoding="\xff")
            request.send(body)
        case "header-long":
            request.head(X="y" * 70000)
            request.send(body)
        case "headers-many":
            request.head(**{f"X_{number}": number for number in range(200)})
            request.send(body)
        case "slow":
            request.head(Content_Length=len(body))
            step = max(1, len(body) // 40)
            for start in range(0, len(body), step):
                request.send(body[start : start + step])
                time.sleep(0.05)
        case _:
            request.head("404 Not Found", Content_Length=0)


def _serve(listener: socket.socket, work: Path, port: int, tls: ssl.SSLContext | None = None) -> None:
    body = b""
    while True:
        connection, _ = listener.accept()
        with suppress(OSError):
            body = body or (work / "base" / BODY).read_bytes()
        Thread(target=_one, args=(connection, body, port, tls), daemon=True).start()


def _one(connection: socket.socket, body: bytes, port: int, tls: ssl.SSLContext | None) -> None:
    with suppress(OSError, IndexError), connection:
        connection.settimeout(30)
        if tls is not None:
            connection = tls.wrap_socket(connection, server_side=True)
        _answer(_Request(connection, body, port))
        with suppress(OSError):
            connection.shutdown(socket.SHUT_WR)
            connection.recv(1)


def _certificate(work: Path) -> Path | None:
    """A certificate for this machine with its key, signed by itself; None where there is no openssl."""
    program = shutil.which("openssl")
    if program is None:
        return None
    work.mkdir(parents=True, exist_ok=True)
    file = work / CERTIFICATE
    subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    words = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *subject]
    done = subprocess.run([program, *words, "-keyout", file, "-out", f"{file}.crt"], capture_output=True, check=False)
    if done.returncode:
        return None
    file.write_text(file.read_text() + Path(f"{file}.crt").read_text())
    return file


@contextmanager
def serving(work: Path) -> Iterator[str]:
    """The address of a server in a process of its own, which ends with the block."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    port = listener.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    secure, tls = socket.create_server(("127.0.0.1", 0)), None
    if certificate := _certificate(work):
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate)
        (work / SECURE).write_text(f"https://127.0.0.1:{secure.getsockname()[1]}")
    pid = os.fork()
    if not pid:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            if tls is not None:
                Thread(target=_serve, args=(secure, work, port, tls), daemon=True).start()
            _serve(listener, work, port)
        finally:
            os._exit(0)
    listener.close()
    secure.close()
    try:
        yield address
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
