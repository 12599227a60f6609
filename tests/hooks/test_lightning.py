"""`CamCallback` in real trainings of Lightning, under both names of its package."""

import logging
from importlib import import_module

import pytest
import torch
from torch.nn import functional
from torch.utils.data import DataLoader

from camctl.errors import InputError
from camctl.results.epochs import open_epochs
from tests.hooks.trainings import Net, Noisy, made_pictures, state

lightning = pytest.importorskip("lightning.pytorch")

from camctl.hooks import CamCallback  # noqa: E402 - skipped without Lightning

pytestmark = pytest.mark.filterwarnings("ignore")


def module_of(package):
    class Trained(import_module(package).LightningModule):
        """A module with a forward, as Lightning's documents write them."""

        class_names, input_size, mean, std = Net.class_names, Net.input_size, Net.mean, Net.std

        def __init__(self):
            super().__init__()
            torch.manual_seed(0)
            self.net = Net()

        def forward(self, x):
            """Answer."""
            return self.net(x)

        def training_step(self, batch, index):
            """Return the loss."""
            loss = functional.cross_entropy(self(batch[0]), batch[1])
            self.log("loss", loss)
            return loss

        def validation_step(self, batch, index):
            """Log the loss."""
            self.log("val_loss", functional.cross_entropy(self(batch[0]), batch[1]))

        def configure_optimizers(self):
            """Return an optimizer with a state."""
            weights = [weight for weight in self.parameters() if weight.requires_grad]
            return torch.optim.AdamW(weights, 0.01)

    return Trained()


def recorder_of(package):
    class Recorder(import_module(package).Callback):
        def __init__(self):
            self.states = []

        def note(self, trainer, module):
            """Note the state."""
            self.states.append(state(module, trainer.optimizers[0]))

        on_train_epoch_end = on_fit_end = note

    return Recorder()


@pytest.fixture
def pictures(tmp_path):
    return made_pictures(tmp_path / "watched")


@pytest.fixture
def trainer(tmp_path):
    def make(*callbacks, package="lightning.pytorch", epochs=3, logger=False, **options):
        return import_module(package).Trainer(
            max_epochs=epochs,
            accelerator="cpu",
            callbacks=list(callbacks),
            default_root_dir=tmp_path,
            enable_progress_bar=False,
            enable_model_summary=False,
            accumulate_grad_batches=3,
            logger=logger,
            **options,
        )

    return make


def loaders():
    return DataLoader(Noisy(), 4, shuffle=True), DataLoader(Noisy(), 4)


@pytest.mark.parametrize("package", ["lightning.pytorch", "pytorch_lightning"])
def test_a_training_is_the_same_byte_for_byte_with_and_without_the_callback(trainer, pictures, tmp_path, package):
    pytest.importorskip(package)
    states = {}
    for watched in (False, True):
        import_module(package).seed_everything(5, verbose=False)
        recorder = recorder_of(package)
        callbacks = [CamCallback(pictures, methods=["GradCAM", "random"], targets="label")] if watched else []
        trainer(*callbacks, recorder, package=package).fit(module_of(package), *loaders())
        states[watched] = recorder.states
    assert len(states[False]) == 4
    assert states[True] == states[False]
    assert list(open_epochs(tmp_path / "cams")) == [1, 2, 3]


def test_pictures_are_explained_where_a_model_is_validated_in_inference_mode(trainer, pictures, tmp_path):
    module = module_of("lightning.pytorch")
    seen = []

    class Watching(lightning.Callback):
        def on_validation_end(self, trainer, module):
            seen.append(torch.is_inference_mode_enabled())

    before = state(module, module.configure_optimizers())["weights and statistics"]
    validating = trainer(CamCallback(pictures), Watching())
    reference = module_of("lightning.pytorch")
    trainer().validate(reference, loaders()[1], verbose=False)
    validating.validate(module, loaders()[1], verbose=False)
    assert seen == [True]
    (results,) = open_epochs(tmp_path / "cams").values()
    assert {row["verdict"] for row in results} != {None}
    after = [state(each, each.configure_optimizers())["weights and statistics"] for each in (module, reference)]
    assert after[0] == after[1] != before


def test_the_validations_of_a_training_and_its_sanity_check_are_not_explained(trainer, pictures, tmp_path):
    trainer(CamCallback(pictures, interval=2)).fit(module_of("lightning.pytorch"), *loaders())
    assert list(open_epochs(tmp_path / "cams")) == [2]


def test_pictures_are_shown_in_tensorboard(trainer, pictures, tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    logger = import_module("lightning.pytorch.loggers").TensorBoardLogger(tmp_path, name="board")
    trainer(CamCallback(pictures / "cat"), logger=logger, epochs=2).fit(module_of("lightning.pytorch"), *loaders())
    events = EventAccumulator(logger.log_dir)
    events.Reload()
    assert sorted(events.Tags()["images"]) == ["cam_0.png", "cam_1.png"]
    assert [event.step for event in events.Images("cam_0.png")] == [1, 2]
    assert list(open_epochs(tmp_path / "board" / "version_0" / "cams")) == [1, 2]


def test_a_failure_costs_a_line_and_not_the_training(trainer, pictures, caplog):
    with caplog.at_level(logging.WARNING, "lightning.pytorch.camctl"):
        watched = trainer(CamCallback(pictures, target_layers="no.such.layer"))
        watched.fit(module_of("lightning.pytorch"), *loaders())
    assert watched.current_epoch == 3
    assert [line.startswith("camctl: no maps after epoch 1") for line in caplog.messages if "camctl" in line] == [True]


def test_a_module_without_a_forward_is_told_how_to_name_its_network(trainer, pictures, tmp_path, caplog):
    class Headless(lightning.LightningModule):
        training_step = module_of("lightning.pytorch").__class__.training_step
        configure_optimizers = module_of("lightning.pytorch").__class__.configure_optimizers

        def __init__(self):
            super().__init__()
            self.net = Net()

        def __call__(self, x):
            return self.net(x)

    trainer(CamCallback(pictures), epochs=1).fit(Headless(), loaders()[0])
    assert "part='net'" in caplog.text
    trainer(CamCallback(pictures, part="net"), epochs=1).fit(Headless(), loaders()[0])
    assert list(open_epochs(tmp_path / "cams")) == [1]


def test_the_cost_is_told_at_the_end(trainer, pictures, caplog):
    with caplog.at_level(logging.INFO, "lightning.pytorch.camctl"):
        trainer(CamCallback(pictures)).fit(module_of("lightning.pytorch"), *loaders())
    assert "pictures explained 3 times" in caplog.text


def test_a_mistake_is_told_before_the_training(pictures):
    with pytest.raises(InputError, match="GradCAMM"):
        CamCallback(pictures, methods="GradCAMM")
