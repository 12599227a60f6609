"""Weights & Biases, offline, and a training of two processes: what a callback gives to loggers, and who draws."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("lightning.pytorch")
pytestmark = pytest.mark.filterwarnings("ignore")

TRAINING = """
import hashlib, json, os, sys
from pathlib import Path
from lightning.pytorch import Trainer
from torch.utils.data import DataLoader
from camctl.hooks import CamCallback
from tests.hooks.test_lightning import module_of
from tests.hooks.trainings import Noisy, _bytes, made_pictures

def trained(folder, *, watched, logger=False, epochs=1, **more):
    callback = CamCallback(Path("pictures"), targets="label", out=Path(folder, "cams"), methods="gradcam")
    module = module_of("lightning.pytorch")
    quiet = {"enable_progress_bar": False, "enable_model_summary": False, "enable_checkpointing": False}
    callbacks = [callback] if watched else []
    trainer = Trainer(max_epochs=epochs, accelerator="cpu", logger=logger, callbacks=callbacks, **quiet, **more)
    trainer.fit(module, DataLoader(Noisy(), batch_size=4))
    digest = hashlib.sha256(_bytes(module.state_dict())).hexdigest()
    return len(callback.watch.seconds), digest, trainer.global_rank
"""

PROCESSES = f"""{TRAINING}
from lightning.pytorch import seed_everything
runs = []
for watched in (False, True):
    seed_everything(0, verbose=False)
    runs.append(trained("out", watched=watched, strategy="ddp", devices=2))
Path(f"rank-{{runs[0][2]}}.json").write_text(json.dumps(runs))
"""

LOGGED = f"""{TRAINING}
from lightning.pytorch.loggers import WandbLogger
logger = WandbLogger(save_dir=".", project="demo", offline=True)
trained("out", watched=True, logger=logger, epochs=2)
logger.experiment.finish()
"""


@pytest.fixture
def run(tmp_path):
    """Run a training in a folder with pictures."""
    from tests.hooks.trainings import made_pictures

    made_pictures(tmp_path / "pictures")

    def started(code, *before):
        script = tmp_path / "training.py"
        script.write_text(code, encoding="utf-8")
        house = str(Path(__file__).parents[2])
        own = {"PYTHONPATH": house, "WANDB_MODE": "offline", "WANDB_SILENT": "true", "PYTHONWARNINGS": "ignore"}
        words = [sys.executable, *before, str(script)]
        done = subprocess.run(
            words, cwd=tmp_path, env=os.environ | own, capture_output=True, text=True, check=False, timeout=600
        )
        assert done.returncode == 0, done.stderr
        return tmp_path

    return started


def test_of_two_processes_the_first_draws_and_both_train_as_without(run):
    folder = run(PROCESSES, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
    (first, first_watched), (second, second_watched) = (
        json.loads((folder / f"rank-{rank}.json").read_text("utf-8")) for rank in (0, 1)
    )
    assert (first_watched[0], second_watched[0]) == (1, 0)
    assert first[1] == first_watched[1]
    assert second[1] == second_watched[1]
    assert [path.name for path in (folder / "out" / "cams").iterdir() if path.is_dir()] == ["epoch-0001"]


def test_weights_and_biases_gets_every_picture_of_every_epoch(run):
    pytest.importorskip("wandb")
    folder = run(LOGGED)
    names = [path.name for path in folder.rglob("media/images/cam/**/*.png")]
    names += [path.name for path in folder.rglob("media/images/*.png")]
    assert len(names) == 8, names
