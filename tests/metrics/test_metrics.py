"""What holds for every built-in metric."""

import math

import pytest
import torch

from camctl import registry
from tests.metrics.cases import case, inside, noise, softmax_case
from tests.models import TinyCnn, seeded

NAMES = (
    "drop", "increase", "insertion", "deletion", "coverage", "sparsity", "adcc", "road", "pointing", "energy", "iou",
)  # fmt: skip
REGION = inside((4.0, 4.0, 20.0, 20.0), (32, 32))
EVERY = pytest.mark.parametrize("name", NAMES)


def metric(name):
    return registry.pick("metric", f"camctl[{name}]").plugin


def test_these_are_the_built_in_metrics():
    loaded, skipped = registry.load_all("metric")
    assert {one.found.name for one in loaded if one.found.built_in} == set(NAMES)
    assert not skipped


@EVERY
def test_a_metric_tells_what_it_is(name):
    one = metric(name)
    assert one.name
    assert one.summary.endswith(".")
    assert "arXiv:" in one.paper
    assert one.formula
    assert one.compute.__doc__
    assert one.rewards.endswith(".")
    assert one.better == {"drop": "lower", "deletion": "lower", "coverage": "neither", "sparsity": "neither"}.get(
        name, "higher"
    )


@EVERY
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_a_metric_gives_a_python_float_of_any_precision(name, dtype):
    one = softmax_case(seeded(TinyCnn()).to(dtype))
    object.__setattr__(one, "region", REGION)
    figure = metric(name).compute(one)
    assert type(figure) is float
    assert (-0.5 if name == "road" else 0) <= figure <= 1


@EVERY
def test_a_metric_that_needs_no_scores_runs_no_model(name):
    def never(_inputs):
        pytest.fail("the model was run")

    one = metric(name)
    if "scores" in one.needs:
        with pytest.raises(pytest.fail.Exception):
            one.compute(case(noise((8, 8)), score_of=never, score=0.5, region=inside((0, 0, 4, 4), (8, 8))))
    else:
        assert math.isfinite(
            one.compute(case(noise((8, 8)), score_of=never, score=0.5, region=inside((0, 0, 4, 4), (8, 8))))
        )


@EVERY
def test_a_metric_leaves_its_case_as_it_was(name):
    one = softmax_case()
    object.__setattr__(one, "region", REGION)
    values, inputs = one.values.clone(), one.inputs.clone()
    first = metric(name).compute(one)
    assert torch.equal(one.values, values)
    assert torch.equal(one.inputs, inputs)
    assert metric(name).compute(one) == first
