"""The Ray cluster of a run: one that is there, or one on this machine for as long as the run lasts."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from camctl.errors import InputError, one_line

SPARE = 2
"""Logical CPUs besides those of the actors: Ray stalls without any for its own tasks."""

SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",  # nothing is sent to anybody
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",  # workers take this environment and do not make another
    "RAY_BACKEND_LOG_LEVEL": "fatal",  # what fails is raised as well
}
"""Environment of Ray, unless the user has set it."""


@contextmanager
def cluster(address: str | None, cpus: int) -> Iterator[None]:
    """Connect to the cluster at an address, or start one on this machine with so many CPUs for actors, and end it.

    A cluster that this process is connected to already is taken as it is. Raises `InputError`: it is not there.
    """
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    import ray

    if ray.is_initialized():
        yield
        return
    try:
        _connect(address, cpus)
        yield
    finally:
        ray.shutdown()


def _connect(address: str | None, cpus: int) -> None:
    import ray

    where: dict[str, Any] = {"address": address}
    if address is None:
        where = {"address": "local", "num_cpus": cpus + SPARE, "include_dashboard": False}
    try:
        with _uninterrupted(), _no_stderr():
            ray.init(**where, log_to_driver=False, logging_level=logging.ERROR)
    except (ConnectionError, RuntimeError, ValueError) as error:
        if address is None:
            raise
        message = f"There is no Ray cluster at '{address}': {one_line(error)}"
        hint = "Give the address that `ray start` shows, with RAY_AUTH_MODE=token if it has one; or auto, on its nodes."
        raise InputError(message, hint=hint) from None


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Let Ctrl-C wait until the end: a Ray that is interrupted while it starts leaves processes behind."""
    handler = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(handler):
        yield
        return
    frames: list[FrameType | None] = []
    signal.signal(signal.SIGINT, lambda _number, frame: frames.append(frame))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
    if frames:
        handler(signal.SIGINT, frames[0])


@contextmanager
def _no_stderr() -> Iterator[None]:
    """Lead descriptor 2 nowhere: Ray's library in C says there which log level it was given."""
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(nowhere)
        os.close(kept)


@contextmanager
def quiet() -> Iterator[None]:
    """Let Ray Data show no bars and log nothing: the command shows its own progress, and errors are raised."""
    import ray.data

    context, logger = ray.data.DataContext.get_current(), logging.getLogger("ray.data")
    before = context.enable_progress_bars, logger.level
    context.enable_progress_bars = False
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        context.enable_progress_bars = before[0]
        logger.setLevel(before[1])


def actors(num_cpus: float, num_gpus: float) -> int:
    """Return how many actors the cluster has room for, beside Ray's own tasks."""
    import ray

    there = ray.cluster_resources()
    room = (there.get("CPU", 0) - SPARE) / num_cpus if num_cpus else float("inf")
    if num_gpus:
        room = min(room, there.get("GPU", 0) / num_gpus)
    return max(int(room), 1) if room < float("inf") else 1


def check_gpus(wanted: float) -> None:
    """Raise `InputError` if the cluster has fewer GPUs: Ray would wait for them."""
    import ray

    if wanted > (there := ray.cluster_resources().get("GPU", 0)):
        message = f"The actors need {wanted:g} GPUs, and Ray has {there:g}."
        raise InputError(message, hint="Give fewer actors, or less of a GPU to each, such as num_gpus=0.5.")


def gpus() -> float:
    """Return the GPUs of an actor if nobody says: one where there are any."""
    import ray

    return 1.0 if ray.cluster_resources().get("GPU", 0) else 0.0
