"""A run that was ended in any way is continued by the same command."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from camctl.pipeline.dataset import explain_dataset
from camctl.pipeline.load import load
from camctl.results import folder, open_results
from tests.dataset.kills import made_pictures

PATIENCE = 120
"""Seconds that a slow machine may take to come as far as a test wants it."""

CODE = """
import resource, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
{first}
from camctl.cli import main
from camctl.results import writer
writer.SECONDS = 0.0
main()
"""


def started(*words, first="", apart=False):
    """A real process that runs the command; each batch is written as a part."""
    command = [sys.executable, "-c", CODE.format(first=first), "run", *map(str, words)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=apart)


def ended(process):
    out, err = process.communicate(timeout=PATIENCE)
    return process.returncode, out, err


def wait_for(process, what):
    """Wait until something is there."""
    end = time.monotonic() + PATIENCE
    while not (found := what()):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.02)
    return found


def parts():
    return list(Path("out/maps").glob("part-*.parquet"))


def check_whole(total):
    results = open_results("out")
    assert results.table(["index"])["index"].to_pylist() != []
    assert sorted(results.table(["index"])["index"].to_pylist()) == list(range(total))
    assert results.status.complete


@pytest.mark.parametrize(("sign", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_run_that_is_stopped_says_how_to_go_on_and_goes_on(data, camctl, sign, code):
    made_pictures(data / "cow", 60)
    words = ("data", "python:dataset_nets:slow", "--save-path", "out", "--batch-size", "4", "--workers", "1")
    process = started(*words)
    wait_for(process, lambda: len(parts()) > 1)
    process.send_signal(sign)

    assert ended(process)[::2] == (
        code, "stopped: What is done is in out. Run the same command again to go on.\n"
    )  # fmt: skip
    before = len(open_results("out"))
    assert 0 < before < 66
    assert camctl(*words, "--draw", "none")[0] == 0
    check_whole(66)


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("stage", ["maps", "overlays"])
def test_a_signal_to_all_processes_as_a_terminal_sends_it_says_no_more_than_one_line(data, camctl, sign, stage):
    made_pictures(data / "cow", 90, size=200)
    model = "slow" if stage == "maps" else "net"
    words = ("data", f"python:dataset_nets:{model}", "--save-path", "out", "--batch-size", "8", "--workers", "2")
    process = started(*words, apart=True)
    wait_for(process, lambda: len(list(Path("out", stage).rglob("*.[jp][pa][gr]*"))) > 1)
    os.killpg(process.pid, sign)

    code, _, err = ended(process)
    assert (code, err) == (128 + sign, "stopped: What is done is in out. Run the same command again to go on.\n")
    assert camctl(*words)[0] == 0
    check_whole(96)
    assert len(list(Path("out/overlays").rglob("*.jpg"))) == 96


def test_ctrl_c_when_a_part_is_just_there_does_not_write_its_rows_twice(data, monkeypatch):
    model, done = load("python:dataset_nets:net"), folder._sync_folder

    def pressed(place):
        done(place)
        if place.name == "maps":
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(folder, "_sync_folder", pressed)
        with pytest.raises(KeyboardInterrupt):
            explain_dataset(model, str(data), "out", workers=0)
    assert len(open_results("out")) == 6


def test_a_worker_that_is_killed_ends_the_run_with_one_line_and_it_can_go_on(data, camctl):
    made_pictures(data / "cow", 100)
    words = ("data", "python:dataset_nets:slow", "--save-path", "out", "--batch-size", "2", "--workers", "2")
    process = started(*words)
    wait_for(process, parts)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text(encoding="ascii").split()
    os.kill(int(children[0]), signal.SIGKILL)

    code, _, err = ended(process)
    assert code == 1
    assert err.startswith("error: A worker that reads pictures was killed")
    assert [line.partition(":")[0] for line in err.splitlines()] == ["error", "hint"]
    assert camctl(*words, "--draw", "none", "--batch-size", "16")[0] == 0
    check_whole(106)


def test_a_disk_that_is_full_ends_the_run_with_one_line_and_it_can_go_on(data, camctl):
    made_pictures(data / "cow", 100)
    words = ("data", "python:dataset_nets:net", "--save-path", "out", "--draw", "none", "--workers", "0")
    assert camctl(*words, "--shard", "1/2")[0] == 0
    limit = "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))"
    code, _, err = ended(started(*words, first=limit))
    assert code == 1
    assert [line.partition(":")[0] for line in err.splitlines()] == ["error", "hint"]
    assert "run the same command again" in err
    assert camctl(*words)[0] == 0
    check_whole(106)


def test_other_options_are_refused_and_the_difference_is_named(data, camctl):
    words = ("data", "python:dataset_nets:net", "--save-path", "out", "--draw", "none", "--workers", "0")
    assert camctl(*words, "--topk", "2")[0] == 0
    code, _, err = camctl(*words, "--topk", "3", "--method", "eigencam")
    assert code == 2
    assert "classes.topk was 2, and is 3" in err
    assert 'methods was ["auto"], and is ["eigencam"]' in err
    assert "--overwrite" in err
    assert camctl(*words, "--topk", "1", "--overwrite")[0] == 0
    assert len(open_results("out")) == 6


def test_shards_that_run_at_once_make_the_results_of_one_run(data, camctl):
    words = ("data", "python:dataset_nets:net", "--workers", "0", "--save-path")
    processes = [started(*words, "out", "--shard", f"{number}/2") for number in (1, 2)]
    assert [ended(process)[0] for process in processes] == [0, 0]
    check_whole(6)
    assert camctl(*words, "whole")[0] == 0
    shards, whole = ({row["id"]: row | {"row": 0} for row in open_results(out)} for out in ("out", "whole"))
    assert {key: row["verdict"] for key, row in shards.items()} == {key: row["verdict"] for key, row in whole.items()}
    for key, row in shards.items():
        for name in ("target_score", "peak"):
            assert row.pop(name) == pytest.approx(whole[key].pop(name), rel=1e-4)
        assert [one["label"] for one in row.pop("predictions")] == [
            one["label"] for one in whole[key].pop("predictions")
        ]
        assert row == whole[key]
    assert len(list(Path("out/overlays").rglob("*.jpg"))) == 6


@pytest.mark.parametrize("names", [("SLURM_PROCID", "SLURM_NTASKS"), ("RANK", "WORLD_SIZE")])
def test_a_process_of_a_cluster_does_its_part(data, camctl, monkeypatch, names):
    words = ("data", "python:dataset_nets:net", "--save-path", "out", "--workers", "0", "--json")
    counts = []
    for rank in range(4):
        monkeypatch.setenv(names[0], str(rank))
        monkeypatch.setenv(names[1], "4")
        code, out, _ = camctl(*words)
        assert code == 0
        counts.append(json.loads(out)["pictures"])
    assert counts == [2, 4, 5, 6]
    check_whole(6)


def test_results_in_the_folder_of_the_pictures_are_no_pictures_of_the_next_run(data, camctl):
    words = ("data", "python:dataset_nets:net", "--save-path", "data/out", "--workers", "0")
    for _ in range(2):
        assert camctl(*words)[0] == 0
    for pattern in ("data", "data/**/*.*"):
        code, out, _ = camctl(pattern, *words[1:2], "--save-path", "other", "--workers", "0", "--json", "--overwrite")
        assert (code, json.loads(out)["total"]) == (0, 6)
