"""A results folder is written in whole parts, continued, and never mixed with anything else."""

import json
import os
import signal
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest

from camctl.errors import InputError
from camctl.results import Writer, extra_names, open_results, schema
from tests.results.kills import ROOT, faults, killed, started, write
from tests.results.rows import SCHEMA, START, rows

NONE = {"lost": 0, "doubled": 0, "wrong": 0, "left over": [], "missing": []}


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


def opened(out, *, start=START, total=10, **options):
    return Writer.open(out, start, SCHEMA, total=total, **options)


def files(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_complete_run_has_every_row_once_and_results_last(out):
    status = write(out, 100, (1, 1))
    assert status.complete
    assert faults(out, 100) == NONE
    content = json.loads((out / "results.json").read_text())
    assert (content["complete"], content["pictures"], content["errors"]) == (True, 100, 14)
    assert content["rows"] == 186
    assert content["verdicts"] == {"flat": 86, "ok": 86}


def test_start_is_written_before_any_row(out):
    with opened(out, about={"versions": {"torch": "2.10"}}):
        content = json.loads((out / "start.json").read_text())
    assert content["asked"] == START
    assert content["about"] == {"versions": {"torch": "2.10"}}
    assert content["total"] == 10


def test_run_goes_on_where_it_stopped(out):
    with opened(out) as writer:
        writer.write(rows([0, 1, 2]))
    with opened(out) as writer:
        assert writer.todo.tolist() == [3, 4, 5, 6, 7, 8, 9]
        assert writer.done.tolist() == [True] * 3 + [False] * 7
        assert not writer.finish({}).complete
        assert not (out / "results.json").exists()
        writer.write(rows(writer.todo))
        assert writer.finish({"seconds": 3}).complete
    assert faults(out, 10) == NONE
    assert json.loads((out / "results.json").read_text())["counts"] == {"seconds": 3}


def test_rows_of_a_picture_are_in_one_part(out):
    with opened(out) as writer:
        writer.rows_per_part = 3
        for index in range(10):
            writer.write(rows([index]))
    results = open_results(out)
    parts = [set(pa.parquet.read_table(file)["index"].to_pylist()) for file in results.files]
    assert len(parts) > 2
    assert sum(map(len, parts)) == len(set.union(*parts)) == 10


def test_rows_of_one_picture_are_not_taken_twice(out):
    with opened(out) as writer:
        writer.write(rows([4]))
        with pytest.raises(ValueError, match="rows of picture 4 are there"):
            writer.write(rows([3, 4]))
        writer.write(rows([3]))
    assert open_results(out).table(["index"])["index"].to_pylist() == [4, 4, 3]


def test_parts_are_written_after_some_seconds(out):
    with opened(out) as writer:
        writer.seconds = 0
        writer.write(rows([0]))
        assert len(open_results(out)) == 2


def test_rows_are_kept_when_an_error_ends_the_run(out):
    def interrupted():
        with opened(out) as writer:
            writer.write(rows([0]))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert open_results(out).status.pictures == 1


def test_other_options_are_refused_and_the_differences_named(out):
    write(out, 10, (1, 1))
    before = files(out)
    other = {"model": {"name": "demo:resnet", "sha256": "cd"}, "method": ["gradcam"], "metrics": ["[road]"]}
    with pytest.raises(InputError) as caught:
        opened(out, start=other, total=12)
    message = caught.value.message
    assert 'model.sha256 was "ab", and is "cd"' in message
    assert 'method was ["gradcam", "layercam"], and is ["gradcam"]' in message
    assert "topk was 1, and is not given" in message
    assert 'metrics was not given, and is ["[road]"]' in message
    assert "pictures was 10, and is 12" in message
    assert "\n" not in message
    assert "model.name" not in message
    assert "--overwrite" in caught.value.hint
    assert files(out) == before


def test_options_that_json_has_no_word_for_are_the_same_again(out):
    start = {"range": (0, float("nan")), "path": out, "empty": None, "nested": {}}
    opened(out, start=start).__exit__(None, None, None)
    opened(out, start=start).__exit__(None, None, None)
    with pytest.raises(InputError, match="nested"):
        opened(out, start=start | {"nested": {"x": 1}})


def test_only_what_is_asked_is_compared(out):
    write(out, 10, (1, 1))
    with opened(out, about={"versions": "newer"}) as writer:
        assert writer.done.all()


def test_other_columns_are_refused(out):
    write(out, 10, (1, 1))
    with pytest.raises(InputError, match="the list of columns"):
        Writer.open(out, START, schema({}), total=10)


def test_overwrite_starts_anew(out):
    write(out, 10, (1, 1))
    with opened(out, start={"method": "other"}, total=3, overwrite=True) as writer:
        assert not writer.done.any()
        assert not (out / "results.json").exists()
        writer.write(rows([0]))
    assert open_results(out).start == {"method": "other"}
    assert len(open_results(out)) == 2


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("names", [("notes.txt",), ("maps/part-00001-000000.parquet",), ("start.json",), (".hidden",)])
def test_folder_of_others_is_refused_untouched(out, names, overwrite):
    for name in names:
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_text('{"asked": {}}')
    before = files(out)
    with pytest.raises(InputError, match="holds something else"):
        opened(out, overwrite=overwrite)
    assert files(out) == before


def test_empty_folder_is_taken(out):
    out.mkdir()
    assert write(out, 3, (1, 1)).complete


def test_file_is_no_results_folder(out):
    out.write_text("x")
    with pytest.raises(InputError, match="not a folder"):
        opened(out)


@pytest.mark.parametrize("name", ["a b#%20[x]{1..2}*?", "new\nline", "☃", "-x", "deep/er/still/"])
def test_folder_may_have_any_name(tmp_path, name):
    write(f"{tmp_path}/{name}", 10, (1, 1))
    assert faults(f"{tmp_path}/{name}", 10) == NONE
    assert open_results(f"{tmp_path}/{name}").worst(1, "deletion").num_rows == 1


@pytest.mark.parametrize("name", [os.fsdecode(b"caf\xe9"), "x\0y", "x" * 300, "nope://x"])
def test_name_that_no_folder_can_have_is_refused(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError) as caught:
        opened(name)
    assert caught.value.hint
    assert not list(tmp_path.iterdir())


def test_half_written_files_are_ignored_and_removed(out):
    with opened(out) as writer:
        writer.write(rows([0]))
    (out / "maps/.camctl-00001.part").write_bytes(b"PAR1 half")
    (out / ".camctl-00001.part").write_bytes(b"{")
    assert len(open_results(out)) == 2
    write(out, 10, (1, 1))
    assert faults(out, 10) == NONE


def test_what_killed_shards_left_is_removed_at_the_end(out):
    write(out, 10, (2, 2))
    for name in ("maps/.camctl-00007.part", ".camctl-00007.lock"):
        (out / name).write_bytes(b"x")
    write(out, 10, (1, 2))
    assert faults(out, 10) == NONE


def test_damaged_part_is_named(out):
    write(out, 10, (1, 1))
    part = next(out.glob("maps/*.parquet"))
    part.write_bytes(part.read_bytes()[:-20])
    with pytest.raises(InputError, match=part.name) as caught:
        opened(out)
    assert "remove it" in caught.value.hint
    with pytest.raises(InputError, match="cannot be read"):
        open_results(out).table()
    part.unlink()
    write(out, 10, (1, 1))
    assert faults(out, 10) == NONE


def test_shards_of_one_folder_merge_by_being_there(out):
    assert not write(out, 50, (2, 3)).complete
    assert not write(out, 50, (3, 3)).complete
    assert not (out / "results.json").exists()
    assert write(out, 50, (1, 3)).complete
    assert faults(out, 50) == NONE


def test_shards_at_the_same_time(out):
    processes = [started(out, 300, (shard, 2)) for shard in (1, 2)]
    assert [process.wait() for process in processes] == [0, 0]
    for process in processes:
        process.stdout.close()
    assert faults(out, 300) == NONE


def test_other_number_of_shards_goes_on(out):
    write(out, 50, (1, 3))
    write(out, 50, (1, 2))
    assert write(out, 50, (2, 2)).complete
    assert faults(out, 50) == NONE


def test_shard_does_not_remove_what_others_wrote(out):
    write(out, 20, (1, 2))
    with opened(out, total=20, overwrite=True, shard=(2, 2)) as writer:
        assert writer.done.sum() == 10
    with pytest.raises(InputError, match="does not remove"):
        opened(out, start={"x": 1}, total=20, overwrite=True, shard=(2, 2))
    assert open_results(out).status.pictures == 10


@pytest.mark.parametrize("shard", [(0, 2), (3, 2), (1, 0)])
def test_wrong_shard_is_refused(out, shard):
    with pytest.raises(InputError, match="no shard"):
        opened(out, shard=shard)
    assert not out.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="no such locks")
def test_two_writers_of_one_shard_are_refused(out):
    with opened(out), pytest.raises(InputError, match="Another process writes shard 1"):
        opened(out)
    opened(out).__exit__(None, None, None)


ORPHAN = """
import os, signal, time
from tests.results.kills import Writer
from tests.results.rows import SCHEMA, START
with Writer.open({out!r}, START, SCHEMA, total=10):
    if child := os.fork():
        print(child, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(60)
"""


def test_worker_that_outlives_a_killed_writer_does_not_hold_the_folder(out):
    code = ORPHAN.format(out=str(out))
    with subprocess.Popen([sys.executable, "-W", "ignore", "-c", code], cwd=ROOT, stdout=subprocess.PIPE) as process:
        child = int(process.stdout.readline())
        try:
            assert process.wait() == -signal.SIGKILL
            opened(out).__exit__(None, None, None)
        finally:
            os.kill(child, signal.SIGKILL)


def test_nothing_is_lost_or_doubled_by_kills(out):
    random = np.random.default_rng(0)
    for _ in range(4):
        killed(out, 400, random.uniform(0, 0.15))
    write(out, 400, (1, 1))
    assert faults(out, 400) == NONE


def test_killed_shards_go_on(out):
    processes = [started(out, 400, (shard, 2), 0.02) for shard in (1, 2)]
    processes[1].send_signal(signal.SIGKILL)
    assert [process.wait() for process in processes] == [0, -signal.SIGKILL]
    for process in processes:
        process.stdout.close()
    write(out, 400, (2, 2))
    assert faults(out, 400) == NONE


LIMITED = """
import resource, signal
from camctl.errors import CamctlError
from tests.results.kills import write
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (8000, -1))
try:
    write({out!r}, 3000, (1, 1), rows_per_part=2000)
except CamctlError as error:
    print(error.message, error.hint)
"""


def test_disk_that_takes_no_more_is_one_line_and_the_run_goes_on(out):
    code = LIMITED.format(out=str(out))
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "was not written" in done.stdout.splitlines()[-1]
    assert "run the same command again: it continues" in done.stdout.splitlines()[-1]
    assert not list(out.rglob("*.part"))
    write(out, 3000, (1, 1))
    assert faults(out, 3000) == NONE


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_folder_that_may_not_be_written_is_named(out):
    out.mkdir(mode=0o500)
    with pytest.raises(InputError, match="not writable"):
        opened(out)


def test_results_at_an_address_are_the_same():
    import fsspec

    out = "memory://bucket/out"
    with opened(out) as writer:
        writer.write(rows([0, 1, 2]))
    with opened(out) as writer:
        writer.write(rows(writer.todo))
        assert writer.finish({}).complete
    results = open_results(out)
    assert results.status.rows == len(results) == 19
    assert results.maps(results.worst(1, "deletion"))[0].shape == (2, 3)
    with pytest.raises(InputError, match="topk"):
        opened(out, start={})
    with opened(out, start={}, overwrite=True) as writer:
        assert not writer.done.any()
    memory = fsspec.filesystem("memory")
    memory.pipe_file("/bucket/other/notes.txt", b"x")
    with pytest.raises(InputError, match="something else"):
        opened("memory://bucket/other")
    memory.rm("/bucket", recursive=True)


def test_memory_of_a_writer_does_not_grow(out):
    with opened(out, total=20_000) as writer:
        writer.rows_per_part = 2000
        writer.write(rows(range(2000)))
        before = pa.total_allocated_bytes()
        for first in range(2000, 20_000, 500):
            writer.write(rows(range(first, first + 500)))
        assert pa.total_allocated_bytes() < before + (4 << 20)


def test_columns_of_the_data_set_keep_their_names_unless_ours_has_it():
    columns = pa.schema([(name, pa.string()) for name in ("site", "label", "data_label", "row", "deletion")])
    names = extra_names({"deletion": "lower"}, columns)
    assert names == {
        "site": "site",
        "label": "data_data_label",
        "data_label": "data_label",
        "row": "data_row",
        "deletion": "data_deletion",
    }
    assert schema({"deletion": "lower"}, columns).names[-5:] == [names[name] for name in columns.names]
