"""`CamHook` in real trainings of MMEngine."""

import logging
import subprocess
import sys

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from mmengine.registry import DefaultScope
from mmengine.runner import Runner
from torch.nn import functional
from torch.utils.data import DataLoader

import camctl
import camctl.hooks
from camctl.demo.scenes import CLASSES
from camctl.errors import InputError
from camctl.results.epochs import open_epochs
from camctl.sources.demo import FOLDER
from tests.hooks.trainings import Net, Noisy, made_pictures, state

pytestmark = pytest.mark.filterwarnings("ignore")


class Trained(BaseModel):
    """A net of the user's own, as MMEngine's documents write them."""

    def __init__(self):
        super().__init__()
        self.net = Net()
        self.class_names, self.input_size, self.mean, self.std = Net.class_names, (32, 32), Net.mean, Net.std

    def forward(self, inputs, labels, mode="tensor"):
        """Answer in the mode that is asked for."""
        answer = self.net(inputs)
        return {"loss": functional.cross_entropy(answer, labels)} if mode == "loss" else answer


class Recorder(Hook):
    """Notes the state of the training after everybody else."""

    priority = "LOWEST"

    def __init__(self):
        self.states = []

    def after_train_epoch(self, runner):
        """Note it."""
        self.states.append(state(runner.model, runner.optim_wrapper.optimizer))


@pytest.fixture
def pictures(tmp_path):
    return made_pictures(tmp_path / "watched")


@pytest.fixture
def trained(tmp_path):
    def train(name, *hooks, model=None, data=None, epochs=3, cfg=None, **options):
        recorder = Recorder()
        runner = Runner(
            model=model() if model else Trained(),
            work_dir=str(tmp_path / name),
            train_dataloader=data or DataLoader(Noisy(), 4, shuffle=True),
            train_cfg=options.pop("train_cfg", {"by_epoch": True, "max_epochs": epochs}),
            optim_wrapper={"optimizer": {"type": "SGD", "lr": 0.05, "momentum": 0.9}, "accumulative_counts": 3},
            custom_hooks=[*hooks, recorder],
            randomness={"seed": 3},
            experiment_name=f"{tmp_path.name}-{name}",
            log_level="INFO",
            cfg=cfg,
            **options,
        )
        runner.train()
        recorder.states.append(state(runner.model, runner.optim_wrapper.optimizer))
        return recorder.states, (tmp_path / name)

    return train


def seeded():
    torch.manual_seed(0)
    return Trained()


def lines(folder):
    return "".join(file.read_text() for file in folder.glob("*/*.log"))


def test_a_training_is_the_same_byte_for_byte_with_and_without_the_hook(trained, pictures):
    without, _ = trained("without", model=seeded)
    watched = {"type": "CamHook", "images": str(pictures), "methods": ["GradCAM", "random"], "targets": "label"}
    with_hook, folder = trained("with", watched, model=seeded)
    assert len(without) == 4
    assert with_hook == without
    assert list(open_epochs(folder / "cams")) == [1, 2, 3]


def test_the_maps_are_those_of_the_network_as_it_was_after_the_epoch(trained, pictures):
    kept = {}

    class Keep(Hook):
        def after_train_epoch(self, runner):
            net = Net()
            net.load_state_dict(runner.model.net.state_dict())
            kept[runner.epoch + 1] = net.eval()

    _, folder = trained("with", {"type": "CamHook", "images": str(pictures), "part": "net", "interval": 2}, Keep())
    (results,) = open_epochs(folder / "cams").values()
    cat = pictures / "cat" / "0.png"
    expected = camctl.explain(kept[2], cat)
    (row,) = [row for row in results if row["id"] == "cat/0.png"]
    assert row["predictions"][0]["score"] == pytest.approx(expected.predictions[0].score, abs=1e-6)
    assert row["predictions"][0]["label"] == expected.predictions[0].label


def test_the_end_of_a_training_tells_what_watching_it_has_cost(trained, pictures):
    _, folder = trained("with", {"type": "CamHook", "images": str(pictures)})
    log = lines(folder)
    assert "camctl: pictures explained 3 times" in log
    assert "s each time" in log
    assert f"camctl review {folder}" in log


def test_the_pictures_are_shown_to_the_runners_visualizer(trained, pictures):
    _, folder = trained("with", {"type": "CamHook", "images": str(pictures / "cat")}, epochs=2)
    assert sorted(file.name for file in folder.glob("*/vis_data/vis_image/*.png")) == [
        *("cam_0.png_1.png", "cam_0.png_2.png", "cam_1.png_1.png", "cam_1.png_2.png"),
    ]


def test_a_failure_costs_one_line_and_not_the_training(trained, pictures):
    without, _ = trained("without", model=seeded)
    hook = {"type": "CamHook", "images": str(pictures), "target_layers": "no.such.layer"}
    with_hook, folder = trained("with", hook, model=seeded)
    assert with_hook == without
    assert lines(folder).count("camctl: no maps after epoch 1") == 1
    assert lines(folder).count("camctl: no maps") == 1


def test_a_mistake_in_the_configuration_is_told_before_the_training(tmp_path, pictures):
    for options, words in (
        ({"images": str(tmp_path / "missing")}, "missing"),
        ({"images": []}, "no pictures"),
        ({"images": str(pictures), "methods": "GradCAMM"}, "GradCAMM"),
        ({"images": str(pictures), "method": "GradCAM"}, "'method'"),
        ({"images": str(pictures), "interval": 0}, "interval of 0"),
    ):
        with pytest.raises(InputError, match=words):
            camctl.hooks.CamHook(**options)


def test_a_method_that_fails_on_every_picture_is_told(trained, pictures):
    hook = {"type": "CamHook", "images": str(pictures), "methods": "LayerCAM", "targets": ["no such class"]}
    states, folder = trained("with", hook, model=seeded)
    assert len(states) == 4
    assert "no such class" in lines(folder)


def test_a_configuration_has_values_as_tables(pictures):
    hook = camctl.hooks.CamHook(str(pictures), evaluation={"metrics": ["drop"]}, reading={"bands": (1, 2, 3)})
    assert tuple(hook.watch.options["evaluation"].metrics) == ("drop",)
    assert hook.watch.options["reading"].bands == (1, 2, 3)


def test_a_configuration_imports_the_hook_where_mmengine_looks(pictures, tmp_path):
    file = tmp_path / "config.py"
    file.write_text(
        "custom_imports = dict(imports=['camctl.hooks'])\n"
        f"custom_hooks = [dict(type='CamHook', images={str(pictures)!r}, interval=5)]\n"
    )
    code = (
        "from mmengine.config import Config; from mmengine.registry import HOOKS\n"
        f"print(HOOKS.build(Config.fromfile({str(file)!r}).custom_hooks[0]).interval)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split()[-1] == "5"


def test_a_list_of_files_can_be_watched_and_reviewed_later(trained, pictures, monkeypatch, tmp_path):
    monkeypatch.chdir(pictures)
    _, folder = trained("with", {"type": "CamHook", "images": ["cat/0.png", "dog/1.png"]}, epochs=1)
    monkeypatch.chdir(tmp_path)
    (results,) = open_epochs(folder / "cams").values()
    assert len(list(results.cams(results.table()))) == 2


def test_a_training_that_counts_iterations_is_watched_by_them(trained, pictures):
    hook = {"type": "CamHook", "images": str(pictures), "by_epoch": False, "interval": 3}
    _, folder = trained("with", hook, train_cfg={"by_epoch": False, "max_iters": 7})
    assert list(open_epochs(folder / "cams")) == [3, 6]


def test_maps_of_another_training_in_the_folder_are_told(trained, pictures, tmp_path):
    hook = {"type": "CamHook", "images": str(pictures), "out": str(tmp_path / "cams")}
    trained("long", hook, epochs=3)
    _, folder = trained("short", hook, epochs=1)
    assert "holds maps of another training, after epoch 2" in lines(folder)


def test_a_classifier_of_mmpretrain_sees_pictures_through_its_test_pipeline(trained, tmp_path):
    import mmpretrain.models  # noqa: F401 - registers them
    from mmpretrain.registry import MODELS
    from mmpretrain.structures import DataSample

    cfg = Config.fromfile(FOLDER / "resnet.py")
    preprocessor = {"type": "ClsDataPreprocessor", **cfg.data_preprocessor}
    with DefaultScope.overwrite_default_scope("mmpretrain"):
        model = MODELS.build({**cfg.model, "data_preprocessor": preprocessor})
    model.load_state_dict(torch.load(FOLDER / "resnet.pth", weights_only=True)["state_dict"])

    class Scenes(Noisy):
        metainfo = {"classes": CLASSES}  # noqa: RUF012

        def __getitem__(self, index):
            x, label = super().__getitem__(index)
            return {"inputs": x, "data_samples": DataSample().set_gt_label(label)}

    from mmengine.dataset import pseudo_collate

    pictures = made_pictures(tmp_path / "watched")
    data = DataLoader(Scenes(), 4, collate_fn=pseudo_collate)
    hook = {"type": "CamHook", "images": str(pictures), "by_epoch": False, "interval": 1}
    options = {"train_cfg": {"by_epoch": False, "max_iters": 1}, "cfg": Config(cfg.to_dict())}
    options["default_scope"] = "mmpretrain"
    kept = {}

    class Keep(Hook):
        def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
            kept.update({name: value.clone() for name, value in runner.model.state_dict().items()})

    _, folder = trained("with", hook, Keep(), model=lambda: model, data=data, **options)
    (results,) = open_epochs(folder / "cams").values()
    loaded = camctl.load("demo:resnet")
    loaded.module.load_state_dict(kept)
    expected = camctl.explain(loaded, pictures / "dog" / "0.png")
    (row,) = [row for row in results if row["id"] == "dog/0.png"]
    assert row["predictions"][0]["label"] == expected.predictions[0].label
    assert row["predictions"][0]["score"] == pytest.approx(expected.predictions[0].score, abs=1e-5)
    assert row["layers"] == list(expected.maps[0].layers)


logging.getLogger("mmengine").propagate = False
