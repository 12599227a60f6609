"""Runners: who carries a dataset run, what is sent to other processes, and what a third party's runner may answer."""

from __future__ import annotations

import pickle
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any

import entrypoints
import fsspec
import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

import camctl
from camctl import registry
from camctl.datasets import open_data
from camctl.demo.scenes import render, scene
from camctl.errors import CamctlError, Hint, InputError, PluginError, UnknownNameError
from camctl.pipeline.compare import PendingModel
from camctl.pipeline.dataset.explainer import Explainer
from camctl.pipeline.dataset.request import DatasetRequest
from camctl.pipeline.dataset.run import explainer_of
from camctl.pipeline.load import load
from camctl.plugin import Runner, Work
from camctl.registry.discovery import Found
from camctl.registry.options import check_runner_options
from camctl.registry.sandbox import isolate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SCHEMA = pa.schema([pa.field("index", pa.int64(), nullable=False), pa.field("map", pa.list_(pa.float16()))])


def rows(*indices: int, schema: pa.Schema = SCHEMA) -> pa.Table:
    return pa.Table.from_pylist([{"index": index, "map": np.float16([1, 2])} for index in indices], schema)


class Tables(Runner):
    """Yields what it was made of; exceptions are raised."""

    summary = "Tables."

    def __init__(self, *answers: Any) -> None:
        self.answers = answers
        self.closed = False

    def run(self, work: Work, *, count: int = 2, speed: float | None = None) -> Iterator[pa.Table]:
        try:
            for answer in self.answers:
                if isinstance(answer, BaseException):
                    raise answer
                yield answer
        finally:
            self.closed = True


def isolated(runner: Any) -> Any:
    entry = entrypoints.EntryPoint("mine", "theirs", "mine")
    return isolate(Found("runner", "mine", "theirs", "1.0", entry), runner)


def work(*indices: int) -> Work:
    return Work(indices=indices, open=lambda: lambda _indices: iter(()), batch_size=2, schema=SCHEMA)


def carried(*answers: Any) -> list[pa.Table]:
    return list(isolated(Tables(*answers)).run(work(3, 4, 5)))


def test_rows_in_any_order_pass() -> None:
    tables = carried(rows(5), rows(3, 4, 4))
    assert [table["index"].to_pylist() for table in tables] == [[5], [3, 4, 4]]


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ([rows(3)], "returned no rows for 2 of 3 pictures."),
        ([rows(3, 4), rows(4, 5)], "returned rows of the picture 4, which are not missing."),
        ([rows(3, 4, 5, 6)], "returned rows of the picture 6, which are not missing."),
        ([rows(3, 4, 5).to_pylist()], "returned list; expected a pyarrow.Table."),
        ([None], "returned None; expected a pyarrow.Table."),
        ([rows(3, 4, 5).select(["index"])], "returned a table that differs in the columns map."),
        ([rows(3, 4, 5).select(["map", "index"])], "returned a table that differs in the columns (their order)."),
        (
            [rows(3, 4, 5).set_column(0, "index", pa.array([3, 4, 5], pa.int32()))],
            "returned the column 'index' of int32; expected int64.",
        ),
        ([rows(3).set_column(0, "index", pa.array([None], pa.int64()))], "returned rows of the picture None"),
        ([rows(3), ZeroDivisionError("by zero")], "failed: ZeroDivisionError: by zero"),
        ([SystemExit(0)], "failed: SystemExit: 0"),
    ],
)
def test_a_wrong_answer_of_a_runner_names_its_package(answers: list[Any], words: str) -> None:
    with pytest.raises(PluginError) as caught:
        carried(*answers)
    assert caught.value.message.startswith(f"The runner theirs[mine] {words}"), caught.value.message
    assert "pip uninstall theirs" in caught.value.hint


def test_errors_of_camctl_pass_a_runner_as_they_are() -> None:
    with pytest.raises(InputError, match=r"No such model\."):
        carried(InputError("No such model.", hint="Name another."))


def test_a_runner_that_is_no_longer_listened_to_is_closed() -> None:
    runner = Tables(rows(3), rows(4), rows(5))
    tables = isolated(runner).run(work(3, 4, 5))
    next(tables)
    tables.close()
    assert runner.closed


def test_what_writes_rows_is_outside_the_sandbox(capsys: pytest.CaptureFixture[str]) -> None:
    class Loud(Tables):
        def run(self, work: Work) -> Iterator[pa.Table]:  # type: ignore[override]
            for index in work.indices:
                print("theirs")  # noqa: T201
                yield rows(index)

    for _table in isolated(Loud()).run(work(3, 4)):
        print("ours")  # noqa: T201
    assert capsys.readouterr().out == "ours\nours\n"


@pytest.mark.parametrize(
    ("options", "words", "hint"),
    [
        ({"speeed": 1}, "The runner mine has no option 'speeed'.", "Options are: count, speed."),
        ({"count": "two"}, "The option 'count' of mine is 'two'; expected a whole number.", "The default is count=2."),
        ({"speed": "fast"}, "The option 'speed' of mine is 'fast'; expected a number.", "The default is speed=None."),
    ],
)
def test_options_of_a_runner_are_checked_like_those_of_methods(options: Any, words: str, hint: str) -> None:
    for runner in (Tables(), isolated(Tables())):
        check_runner_options("mine", runner, {"count": 3, "speed": None})
        with pytest.raises(InputError) as caught:
            check_runner_options("mine", runner, options)
        assert (caught.value.message, caught.value.hint) == (words, hint)


def test_an_unknown_runner_is_answered_with_those_there_are() -> None:
    with pytest.raises(UnknownNameError, match="There is no runner named 'slurm'") as caught:
        registry.pick("runner", "slurm")
    assert "local" in caught.value.hint


@pytest.mark.parametrize(
    "error",
    [
        UnknownNameError("class", "cta", ["cat", "dog"]),
        PluginError("The method x failed.", hint=Hint("See them all with", "methods")),
    ],
)
def test_errors_are_the_same_in_another_process(error: CamctlError) -> None:
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own
    assert type(again) is type(error)
    assert (again.message, str.__str__(again.hint), again.args) == (error.message, str.__str__(error.hint), error.args)
    assert f"{again.hint}" == f"{error.hint}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five scenes, and a picture that is broken."""
    folder: Path = tmp_path_factory.mktemp("pictures")
    for number in range(5):
        Image.fromarray(render(scene(6_400_000 + number, 2), 112)).save(folder / f"{number}.png")
    (folder / "broken.png").write_bytes(b"no picture")
    return folder


def test_an_explainer_in_another_process_draws_the_maps_of_this_one(folder: Path) -> None:
    data, request = open_data(str(folder)), DatasetRequest(methods=("auto", "eigencam"))
    here = Explainer(load("demo:resnet"), data, request, batch_size=2, workers=0)
    make = partial(explainer_of, partial(load, "demo:resnet"), data, request, group=here.group, batch_size=2, workers=0)
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        there = pool.submit(_explained, make, [0, 2, 5, 3]).result()
    here_too = pa.concat_tables(here([0, 2, 5, 3]))
    assert there.drop(["map"]).equals(here_too.drop(["map"]))
    for one, other in zip(there["map"].to_pylist(), here_too["map"].to_pylist(), strict=True):
        assert (one is None) == (other is None)
        assert one is None or np.allclose(one, other, atol=1e-3)  # one step of half precision below 1


def _explained(make: Any, indices: list[int]) -> pa.Table:
    return pa.concat_tables(make()(indices))


def test_layers_that_were_chosen_are_not_chosen_again(folder: Path) -> None:
    data, request = open_data(str(folder)), DatasetRequest(methods=("gradcam",), layers=("best",))
    loaded = load("demo:resnet")
    group = Explainer(loaded, data, DatasetRequest(methods=("gradcam",)), batch_size=2, workers=0).group
    assert Explainer(loaded, data, request, group=group, batch_size=2, workers=0).group is group


def test_shards_of_a_run_from_and_to_addresses_make_one_whole(folder: Path) -> None:
    memory = fsspec.filesystem("memory")
    memory.put(str(folder), "/runners/pictures", recursive=True)
    try:
        for number in (1, 2, 3):
            results = camctl.explain_dataset(
                "demo:resnet",
                "memory://runners/pictures",
                "memory://runners/out",
                shard=(number, 3),
                batch_size=2,
                workers=0,
            )
            assert results.status.complete == (number == 3)
        assert sorted(results.table(["index"])["index"].to_pylist()) == list(range(6))
    finally:
        memory.rm("/runners", recursive=True)


THEIRS = """
from camctl.plugin import Runner

class Blocks(Runner):
    summary = "Two blocks, the last one first."
    def run(self, work, *, left_out: int = 0):
        explain, half = work.open(), len(work.indices) // 2
        yield from explain(work.indices[half:])
        yield from explain(work.indices[left_out:half])
"""


@pytest.fixture
def theirs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package with the runner `blocks` is installed."""
    info = tmp_path / "site" / "theirs-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "entry_points.txt").write_text("[camctl.runners]\nblocks = theirs_blocks:Blocks\n")
    (info.parent / "theirs_blocks.py").write_text(THEIRS)
    monkeypatch.syspath_prepend(info.parent)


@pytest.mark.usefixtures("theirs")
def test_a_third_partys_runner_carries_a_run_and_what_it_leaves_out_is_done_by_the_next(
    folder: Path, tmp_path: Path
) -> None:
    run = partial(camctl.explain_dataset, "demo:resnet", folder, tmp_path / "out", batch_size=2, workers=0)
    with pytest.raises(PluginError, match="returned no rows for 1 of 6 pictures"):
        run(runner="blocks", runner_options={"left_out": 1})
    kept = camctl.open_results(tmp_path / "out").table(["index"])["index"].to_pylist()
    assert sorted(kept) == [1, 2, 3, 4, 5]
    results = run(runner="blocks")
    assert results.status.complete
    assert sorted(results.table(["index"])["index"].to_pylist()) == list(range(6))
    assert results.status.errors == 1


@pytest.mark.usefixtures("theirs")
def test_a_model_that_no_other_process_can_load_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    words = "The runner blocks loads the model in other processes, and a module was given."
    with pytest.raises(InputError, match=words):
        camctl.explain_dataset(load("demo:resnet"), "no such folder", tmp_path / "out", runner="blocks")
    pending: Any = PendingModel("mine", lambda: None)  # type: ignore[arg-type,return-value]
    with pytest.raises(InputError, match="The model 'mine' cannot be loaded in other processes"):
        camctl.explain_dataset(pending, "no such folder", tmp_path / "out", runner="blocks")
