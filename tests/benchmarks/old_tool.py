"""Run mmpretrain's own `vis_cam.py` with the shims that it needs to start on today's packages.

`python -m tests.benchmarks.old_tool IMAGE CONFIG CHECKPOINT --save-path FILE ...`
"""

from __future__ import annotations

import functools
import runpy
import sys
from importlib.metadata import version
from pathlib import Path
from types import ModuleType, SimpleNamespace


def shim() -> None:
    """Replace what is gone: `pkg_resources`, `use_cuda`, and checkpoints that load with more than weights."""
    resources = ModuleType("pkg_resources")
    resources.get_distribution = lambda name: SimpleNamespace(version=version(name.replace("_", "-")))
    sys.modules["pkg_resources"] = resources

    import torch
    from pytorch_grad_cam.base_cam import BaseCAM

    torch.load = functools.partial(torch.load, weights_only=False)
    for kind in BaseCAM.__subclasses__():
        start = kind.__init__

        def without(self, *args, start=start, use_cuda=False, **kwargs):
            start(self, *args, **kwargs)

        kind.__init__ = without


def main() -> None:
    """Apply the shims, then run the tool with this process's arguments."""
    from importlib.util import find_spec

    shim()
    package = Path(find_spec("mmpretrain").origin).parent
    tool = package / ".mim" / "tools" / "visualization" / "vis_cam.py"
    sys.argv[0] = str(tool)
    runpy.run_path(str(tool), run_name="__main__")


if __name__ == "__main__":
    main()
