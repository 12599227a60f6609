"""What depends on no picture is found once per model, and no model is kept alive for it."""

import gc
import weakref
from dataclasses import replace

import numpy as np
import pytest
from torch import nn

import camctl
from camctl import registry
from camctl.pipeline import plan
from camctl.pipeline.compare import PendingModel
from tests.models import TinyCnn, loaded, seeded

PIXELS = np.random.default_rng(0).integers(0, 255, (48, 64, 3), dtype=np.uint8)


class Bound(TinyCnn):
    """Prepares its own pictures, by a bound method."""

    def preprocess(self, pixels):
        return loaded(self).preprocess(pixels)


def test_no_model_of_a_comparison_stays_in_memory():
    modules = []

    def pending(seed):
        def load():
            model = loaded(seeded(TinyCnn(), seed=seed), name=f"net{seed}")
            modules.append(weakref.ref(model.module))
            prepare = model.preprocess
            # As the sandbox does it: preprocessing closes over the whole model.
            return replace(model, preprocess=lambda pixels: (model, prepare(pixels))[1])

        return PendingModel(f"net{seed}", load)

    camctl.compare([pending(seed) for seed in range(5)], PIXELS, methods=["GradCAM", "LayerCAM"])
    gc.collect()
    assert [module() for module in modules] == [None] * 5


@pytest.mark.parametrize("call", [camctl.explain, camctl.compare])
def test_a_module_of_ones_own_with_a_bound_preprocess_is_not_kept(call):
    module = seeded(Bound())
    alive = weakref.ref(module)
    call(module, PIXELS)
    del module
    gc.collect()
    assert alive() is None


@pytest.mark.parametrize("source", ["timm:resnet10t", "timm:vit_tiny_patch16_224"])
def test_a_plugins_model_is_not_kept(source):
    pytest.importorskip("camctl_timm")
    pytest.importorskip("timm")
    model = camctl.load(source, random_weights=True)
    alive = weakref.ref(model.module)
    camctl.compare(model, PIXELS)
    del model
    gc.collect()
    assert alive() is None


def test_more_pictures_and_maps_walk_through_the_modules_no_more_often(monkeypatch):
    walks = []
    real = nn.Module.named_modules

    def counted(self, *args, **kwargs):
        if isinstance(self, TinyCnn):
            walks.append(1)
        return real(self, *args, **kwargs)

    monkeypatch.setattr(nn.Module, "named_modules", counted)
    counts = []
    for pictures in ([PIXELS], [PIXELS] * 3):
        model = loaded(seeded(TinyCnn()))
        walks.clear()
        camctl.compare(model, pictures, methods=["GradCAM", "AblationCAM"], targets=[0, 1], target_layers="block2")
        counts.append(len(walks))
    assert counts[0] == counts[1]


def test_the_adapter_is_matched_once_for_all_pictures(monkeypatch):
    matches = []
    real = registry.match_adapter
    monkeypatch.setattr(registry, "match_adapter", lambda *args: matches.append(1) or real(*args))
    camctl.compare(loaded(seeded(TinyCnn())), [PIXELS] * 3, methods=["GradCAM", "LayerCAM"])
    assert len(matches) == 1


def test_a_view_is_measured_once_per_model_and_size_of_pictures(monkeypatch):
    from camctl.engine import view

    sizes = []
    real = view.measure_view
    monkeypatch.setattr(
        view, "measure_view", lambda prepare, size, mixing: sizes.append(size) or real(prepare, size, mixing)
    )
    model = loaded(seeded(TinyCnn()))
    for pixels in (PIXELS, PIXELS, PIXELS[:40]):
        camctl.explain(model, pixels)
    assert sizes == [(48, 64), (40, 64)]


def test_a_view_is_forgotten_with_its_model():
    model = loaded(seeded(TinyCnn()))
    camctl.explain(model, PIXELS)
    key = id(model)
    assert key in plan._known
    del model
    gc.collect()
    assert key not in plan._known
