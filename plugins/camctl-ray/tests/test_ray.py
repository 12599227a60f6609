"""A dataset run on a real Ray of this machine gives the rows of a run in one process, whatever is killed."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from camctl_ray.runner import BATCHES, ROUNDS, Ray, _block_size

import camctl
from camctl.errors import CamctlError, InputError

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")  # Ray's of itself


def table(results):
    """Rows in the order of their pictures, without the maps, and the maps."""
    rows = results.table()
    rows = rows.take(np.lexsort((rows["target_index"].to_numpy(zero_copy_only=False), rows["index"].to_numpy())))
    kept = [name for name in rows.column_names if name not in {"row", "map", "peak", "target_score", "predictions"}]
    return rows.select(kept).to_pylist(), results.maps(rows), rows["target_score"].to_pylist()


def assert_same(one, other):
    rows, maps, scores = table(one)
    other_rows, other_maps, other_scores = table(other)
    assert rows == other_rows
    assert scores == pytest.approx(other_scores, abs=1e-5)
    for cam, other_cam in zip(maps, other_maps, strict=True):
        if cam is None or other_cam is None:
            assert cam is other_cam
        else:
            np.testing.assert_allclose(cam, other_cam, atol=1e-5 * max(np.abs(cam).max(), 1))


def test_an_actor_that_is_killed_costs_nothing_and_two_actors_give_the_rows_of_one_process(net, folder, tmp_path):
    model, words = f"python:{net.stem}:build", {"methods": ["gradcam", "eigencam"], "batch_size": 2, "workers": 0}
    killed = []

    def kill(done, _total, _failed):
        actors = {int(file.stem) for file in net.parent.glob("*.pid")} - {os.getpid()}
        if done and not killed:
            assert len(actors) == 2
            killed.append(actors.pop())
            os.kill(killed[0], signal.SIGKILL)

    # The first fifth is done by a run in this process, which the run on Ray goes on with.
    camctl.explain_dataset(model, folder, tmp_path / "ray", shard=(1, 5), **words)
    options = {"num_actors": 2, "block_size": 4, "num_cpus": 0.5, "num_gpus": 0}
    results = camctl.explain_dataset(
        model, folder, tmp_path / "ray", runner="ray", runner_options=options, progress=kill, **words
    )
    pids = {int(file.stem) for file in net.parent.glob("*.pid")}

    assert killed
    assert len(pids) == 4  # this process, two actors, and the one that was started again
    assert results.status.complete
    assert results.status.errors == 1
    assert_same(results, camctl.explain_dataset(model, folder, tmp_path / "local", **words))


def test_what_fails_in_an_actor_ends_in_one_line(net, folder, tmp_path):
    with pytest.raises(CamctlError, match="no network here") as caught:
        camctl.explain_dataset(
            f"python:{net.stem}:only_here",
            folder,
            tmp_path / "out",
            workers=0,
            runner="ray",
            runner_options={"num_actors": 1},
        )
    assert isinstance(caught.value, InputError)  # a module of the user's: the same as in this process
    assert "\n" not in caught.value.message


def test_a_module_cannot_be_sent_to_ray_and_an_address_must_be_one(folder, tmp_path):
    module = camctl.load("demo:resnet").module
    with pytest.raises(InputError, match="loads the model in other processes"):
        camctl.explain_dataset(module, folder, tmp_path / "out", runner="ray")
    with pytest.raises(InputError, match="There is no Ray cluster at 'nowhere'"):
        camctl.explain_dataset(
            "demo:resnet", folder, tmp_path / "out", runner="ray", runner_options={"address": "nowhere"}
        )


def test_gpus_that_are_not_there_are_not_waited_for(folder, tmp_path):
    with pytest.raises(InputError, match=r"The actors need 2000 GPUs, and Ray has \d"):
        camctl.explain_dataset(
            "demo:resnet",
            folder,
            tmp_path / "out",
            runner="ray",
            runner_options={"num_actors": 2, "num_gpus": 1000},
            workers=0,
        )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_actors": 0}, "'num_actors' of ray is 0"),
        ({"num_cpus": 0.0}, "'num_cpus' of ray is 0"),
        ({"num_gpus": -1.0}, "'num_gpus' of ray is -1"),
        ({"block_size": 0}, "'block_size' of ray is 0"),
        ({"num_actors": "two"}, "expected a whole number"),
        ({"actors": 2}, "The runner ray has no option 'actors'"),
    ],
)
def test_a_wrong_option_is_told(folder, tmp_path, options, message):
    with pytest.raises(InputError, match=message):
        camctl.explain_dataset("demo:resnet", folder, tmp_path / "out", runner="ray", runner_options=options)


def test_blocks_are_whole_batches_and_several_for_each_actor():
    assert _block_size(1_000_000, 100, 256) == BATCHES * 256
    assert _block_size(1_000, 2, 16) == 7 * 16
    assert _block_size(100, 2, 16) == 16
    assert all(-(-count // _block_size(count, 3, 4)) >= 3 * ROUNDS for count in (48, 100, 383))


def test_the_runner_can_be_listed_without_ray():
    assert "Ray" in Ray.summary


def test_ctrl_c_while_ray_starts_leaves_no_process(net, folder):
    marked = {"CAMCTL_RAY_TEST": str(folder)}
    process = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED.format(net=net.stem, folder=folder)],
        env=os.environ | marked,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "0\n"  # the model is here, and Ray is next
    wait_for(lambda: any("gcs" in name for name in processes(marked)))
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=100)

    assert output == "interrupted\n"
    wait_for(lambda: not processes(marked))


INTERRUPTED = """
import camctl
try:
    camctl.explain_dataset(
        "python:{net}:build", '{folder}', "out", runner="ray", runner_options=dict(num_actors=1), workers=0,
        progress=lambda done, total, failed: print(done, flush=True),
    )
except KeyboardInterrupt:
    print("interrupted")
"""


def processes(variables):
    """Names of the processes with these variables in their environment."""
    ((name, value),) = variables.items()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if f"{name}={value}".encode() in (folder / "environ").read_bytes().split(b"\0"):
                found.append((folder / "comm").read_text().strip())
    return found


def wait_for(happened, seconds=60):
    until = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < until
        time.sleep(0.05)
