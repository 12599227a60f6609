"""Kinds of cases: kind -> sort -> the function that draws one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.hostile.kinds import (
    baselines,
    checkpoints,
    configs,
    downloads,
    nets,
    options,
    paths,
    pictures,
    plugins,
    streams,
    terminals,
)

if TYPE_CHECKING:
    from tests.hostile.case import Build

KINDS: dict[str, dict[str, Build]] = {
    module.__name__.rpartition(".")[2]: module.SORTS
    for module in (
        baselines, checkpoints, configs, downloads, nets, options, paths, pictures, plugins, streams, terminals,
    )
}  # fmt: skip
