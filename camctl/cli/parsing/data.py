"""Options of `camctl run` on a data set."""

import os
import re
from dataclasses import dataclass
from typing import ClassVar, Literal

from camctl.cli.parsing import completion
from camctl.cli.parsing.assignments import parse_assignments
from camctl.cli.parsing.groups import option, switch
from camctl.cli.parsing.texts import split_names
from camctl.errors import InputError
from camctl.values.request import Evaluation

RANKS = (("SLURM_PROCID", "SLURM_NTASKS"), ("RANK", "WORLD_SIZE"))
"""Environment variables of a process's number, from 0, and of how many there are."""

DRAWN = re.compile(r"(all|none)|(worst|sample):(\d{1,9})", re.IGNORECASE)


@dataclass(frozen=True)
class Drawing:
    """Which overlays of a data set are drawn: `all`, `none`, or `worst` or `sample` and how many."""

    which: str
    count: int = 0


@dataclass(frozen=True, kw_only=True)
class DataOptions:
    """A folder, a glob, a list (.txt, .csv, .jsonl), Parquet files or tar shards in place of IMAGE.

    draw: Overlays to draw into the results folder: all, none, worst:N by the first metric (or the score), or sample:N.
        By default all of up to 1000 maps, else worst:100.
    metrics: Measure every map: names as in camctl metrics; without a name, all but the slow ones. Boxes are the data
        set's columns x0, y0, x1, y1.
    baselines: Draw random, centre and edges as well: a method that does not beat them says nothing about the network.
    shard: Do part I of N; all write into one folder. By default what SLURM or torchrun says.
    format: Save all rows once more, as others read them: jsonl, parquet, coco or fiftyone.
    runner: What carries the work: local, or another package's, such as ray; see camctl plugins.
    """

    panel: ClassVar = "A data set"

    metrics: list[str] | None = option("[NAME...]", autocompletion=completion.metrics)
    metric_options: list[str] | None = option("KEY=VALUE...", help="Options of the metrics; see camctl metrics NAME.")
    baselines: bool = switch()
    draw: str | None = option("WHICH")
    format: Literal["jsonl", "parquet", "coco", "fiftyone"] | None = option("FORMAT")
    batch_size: int | None = option("N", help="Pictures that go through the model together.", shown="what fits", min=1)
    workers: int | None = option("N", help="Processes that read pictures ahead of the model.", shown="chosen", min=0)
    shard: str | None = option("I/N")
    overwrite: bool = switch(help="Start anew where the folder holds the results of something else.")
    runner: str = option("NAME", "local")
    runner_options: list[str] | None = option("KEY=VALUE...", help="Options of the runner.")

    def asked(self) -> list[str]:
        """Return the flags that the user gave, which mean nothing for one picture."""
        given = {
            "--metrics": self.metrics is not None,
            "--metric-options": self.metric_options is not None,
            "--baselines": self.baselines,
            "--draw": self.draw is not None,
            "--format": self.format is not None,
            "--batch-size": self.batch_size is not None,
            "--workers": self.workers is not None,
            "--shard": self.shard is not None,
            "--overwrite": self.overwrite,
            "--runner": self.runner != "local",
            "--runner-options": self.runner_options is not None,
        }
        return [flag for flag, is_given in given.items() if is_given]

    def evaluation(self, *, verify: bool) -> Evaluation:
        """Return how every map is measured. Raises `InputError`."""
        return Evaluation(
            metrics=split_names(self.metrics, option="--metrics"),
            options=parse_assignments(self.metric_options, option="--metric-options"),
            verify=verify or None,
            baselines=self.baselines,
        )

    def drawing(self) -> Drawing | None:
        """Return which overlays are drawn; None leaves it to the number of maps. Raises `InputError`."""
        if self.draw is None:
            return None
        match = DRAWN.fullmatch(self.draw.strip())
        if match is None:
            message = f"'{self.draw}' does not say which overlays to draw."
            raise InputError(message, hint="Give all, none, worst:N or sample:N, such as --draw worst:100")
        return Drawing(match[1].lower()) if match[1] else Drawing(match[2].lower(), int(match[3]))

    def part(self) -> tuple[int, int]:
        """Return the number of this shard, from 1, and how many there are. Raises `InputError`."""
        text = self.shard
        if text is None:
            for rank, size in RANKS:
                number, count = (os.environ.get(name, "") for name in (rank, size))
                if number.isdecimal() and count.isdecimal() and int(number) < int(count):
                    return int(number) + 1, int(count)
            return 1, 1
        match = re.fullmatch(r"\s*(\d{1,6})\s*/\s*(\d{1,6})\s*", text)
        if match is None or not 1 <= int(match[1]) <= int(match[2]):
            message = f"'{text}' is no part of a whole."
            raise InputError(message, hint="Give its number, from 1, and how many there are, such as --shard 1/4")
        return int(match[1]), int(match[2])
