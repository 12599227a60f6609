"""Signals end a command by an exception: nothing half-written stays, and the exit code names the signal."""

import os
import signal
import subprocess
import sys
import time

import pytest

from camctl.cli.process import interruptible

WAITING = """
import signal, sys, time
{before}
from camctl.cli import process

def command():
    try:
        print("ready", flush=True)
        time.sleep(30)
        return 0
    finally:
        {clearing}
        print("cleared", flush=True)

try:
    with process.interruptible(last=True) as call:
        call(command)
except process.Interrupted as error:
    {after}
    sys.exit(error.code)
"""


def struck(number, before="", after="", *, strikes=1):
    """The exit code of a waiting command that a signal strikes, and what it said; a second strikes as it clears up."""
    clearing = "time.sleep(0.5)" if strikes > 1 else "pass"
    code = WAITING.format(before=before, after=after or "pass", clearing=clearing)
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert process.stdout is not None
    said = process.stdout.readline()
    for _ in range(strikes):
        process.send_signal(number)
    rest, _ = process.communicate(timeout=60)
    return process.returncode, (said + rest).split()


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)],
    ids=str,
)
def test_signal_clears_up_and_is_the_exit_code(number, code):
    assert struck(number) == (code, ["ready", "cleared"])


def test_signal_that_comes_twice_at_once_counts_once():
    assert struck(signal.SIGTERM, strikes=2) == (143, ["ready", "cleared"])


def test_signal_that_is_ignored_stays_ignored():
    before = "signal.signal(signal.SIGINT, signal.SIG_IGN); time.sleep = lambda _: signal.raise_signal(signal.SIGINT)"
    code = WAITING.format(before=before, after="pass", clearing="pass")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout.split(), done.stderr) == (0, ["ready", "cleared"], "")


def test_signal_after_the_command_ends_the_process_without_a_word():
    after = "signal.raise_signal(signal.SIGINT)"

    assert struck(signal.SIGTERM, after=after) == (130, ["ready", "cleared"])


def test_signal_that_another_package_makes_an_error_of_is_still_a_signal():
    def command():
        try:
            signal.raise_signal(signal.SIGTERM)
        except KeyboardInterrupt:
            raise ImportError("numpy failed to import") from None

    with pytest.raises(KeyboardInterrupt) as ended, interruptible(last=False) as call:
        call(command)

    assert ended.value.code == 143


def test_signal_that_is_lost_in_a_callback_comes_again():
    class Fleeting:
        def __del__(self):
            signal.raise_signal(signal.SIGTERM)

    def command():
        value = Fleeting()
        del value
        signal.pause()

    with pytest.raises(KeyboardInterrupt) as ended, interruptible(last=False) as call:
        call(command)

    assert ended.value.code == 143


def test_forked_process_ends_by_the_signal_itself():
    reading, writing = os.pipe()
    with interruptible(last=False):
        child = os.fork()
        if not child:
            os.write(writing, b"!")
            time.sleep(60)
            os._exit(0)
        os.read(reading, 1)  # a signal that comes before Python has cleared up after the fork is lost
        os.kill(child, signal.SIGTERM)
        _, status = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(status) == -signal.SIGTERM


def test_handlers_are_put_back():
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)], sys.unraisablehook
    with interruptible(last=False) as call:
        call(lambda: None)

    assert ([signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)], sys.unraisablehook) == before


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["SIGINT", "SIGTERM"])
def test_download_that_is_interrupted_leaves_no_draft(number, code, tmp_path):
    import http.server
    import threading

    class Slow(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b"x")
            self.wfile.flush()
            time.sleep(20)

        def log_message(self, *_words):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Slow)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    words = (
        f"from camctl.cli import main; main(['layers', 'demo:resnet', 'http://127.0.0.1:{server.server_port}/net.pth'])"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", words],
        env=os.environ | {"TORCH_HOME": str(tmp_path), "no_proxy": "*"},
        stderr=subprocess.PIPE,
    )
    while process.poll() is None and not list(tmp_path.rglob("*.part")):
        time.sleep(0.01)
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    server.shutdown()
    server.server_close()

    # A step that takes long has a line of its own.
    steps = (b"Loading ", b"Fetching ")
    assert (process.returncode, [each for each in said.splitlines() if not each.startswith(steps)]) == (code, [])
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
