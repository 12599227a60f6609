"""The runner `ray`: actors of a Ray cluster explain blocks of pictures, and their rows come back to the driver."""

from __future__ import annotations

import os
from collections.abc import Iterator
from math import ceil
from typing import TYPE_CHECKING, Any

from camctl.errors import InputError
from camctl.plugin import Runner

if TYPE_CHECKING:
    import pyarrow as pa

    from camctl.plugin import Work

BATCHES = 8
"""Most batches of a block, if nobody says: what is done again when an actor is killed."""

GPU_BATCH = 256
"""Pictures of a batch on a GPU, where the driver may have none and so knows another number."""

ROUNDS = 4
"""Least blocks of an actor, if there are enough pictures: so that all end at about the same time."""


class Ray(Runner):
    """Explains the pictures of a dataset run on a Ray cluster, or on processes of this machine that Ray starts."""

    summary = "On a Ray cluster, or on several processes of this machine."

    def run(
        self,
        work: Work,
        *,
        num_actors: int | None = None,
        num_cpus: float = 1.0,
        num_gpus: float | None = None,
        address: str | None = None,
        block_size: int | None = None,
    ) -> Iterator[pa.Table]:
        """Yield the rows of the pictures, block by block, as they come.

        Parameters
        ----------
        work
            The pictures, and how they are explained.
        num_actors
            Number of processes with a model each; None takes what the cluster has room for.
        num_cpus
            CPUs of an actor.
        num_gpus
            GPUs of an actor, 0.5 for two on one; None takes one if the cluster has any.
        address
            The cluster, such as `auto` or `ray://HOST:10001`; None starts Ray on this machine.
        block_size
            Number of pictures that an actor explains at once, and again if it is killed.
        """
        from camctl_ray.cluster import actors, check_gpus, cluster, gpus

        _check(num_actors=num_actors, num_cpus=num_cpus, num_gpus=num_gpus, block_size=block_size)
        cores = os.cpu_count() or 1
        with cluster(address, max(cores, ceil(num_cpus)) if num_actors is None else ceil(num_actors * num_cpus)):
            own = gpus() if num_gpus is None else num_gpus
            count = num_actors or actors(num_cpus, own)
            if address is None:  # a cluster elsewhere may grow
                check_gpus(count * own)
            batch = max(work.batch_size, GPU_BATCH) if own else work.batch_size
            size = block_size or _block_size(len(work.indices), count, batch)
            blocks = [list(work.indices[start : start + size]) for start in range(0, len(work.indices), size)]
            yield from _results(work, blocks, min(count, len(blocks)), {"num_cpus": num_cpus, "num_gpus": own})


def _check(**options: float | None) -> None:
    """Raise `InputError` for a number that is too small."""
    for name, value in options.items():
        least = 0 if name == "num_gpus" else 1
        if value is not None and (value < least if name != "num_cpus" else value <= 0):
            message = f"The option '{name}' of ray is {value:g}."
            raise InputError(message, hint=f"Give {'a number above 0' if name == 'num_cpus' else f'{least} or more'}.")


def _block_size(pictures: int, count: int, batch: int) -> int:
    """Return how many pictures make a block: whole batches, and several blocks for each actor if there are enough."""
    share = pictures // (count * ROUNDS * batch)
    return batch * min(max(share, 1), BATCHES)


def _results(work: Work, blocks: list[list[int]], count: int, resources: dict[str, float]) -> Iterator[pa.Table]:
    """Yield the rows of blocks of pictures that a pool of actors explains."""
    import ray

    from camctl_ray.actor import Actor, unpacked
    from camctl_ray.cluster import quiet

    with quiet():
        # The model's loader and the list of the pictures go to every machine once.
        opening, folder = ray.put(work.open), os.getcwd()  # noqa: PTH109 - it goes to os.chdir
        told = ray.data.from_items([{"indices": block} for block in blocks], override_num_blocks=len(blocks))
        options: dict[str, Any] = {"compute": ray.data.ActorPoolStrategy(size=count), **resources}
        results = told.map_batches(
            Actor, batch_size=1, batch_format="pyarrow", fn_constructor_args=(opening, folder), **options
        )
        for table in results.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=0):
            yield from unpacked(table)
