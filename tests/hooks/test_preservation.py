"""What the block `preserved` puts back, and that a dataset run leaves a model in training mode as it was."""

import random

import numpy as np
import pytest
import torch

import camctl
from camctl.hooks.preservation import preserved
from tests.hooks.trainings import Net, made_pictures, state


@pytest.fixture
def training():
    torch.manual_seed(0)
    net = Net().train()
    net(torch.randn(4, 3, 32, 32)).sum().backward()
    return net, torch.optim.AdamW([weight for weight in net.parameters() if weight.requires_grad])


def spoil(net):
    random.random()  # noqa: S311
    np.random.rand()  # noqa: NPY002
    torch.rand(1)
    net.eval()
    net.body[3].weight.data.add_(1)
    net.fc.weight.data = torch.zeros(2, 8)
    net.fc.weight.grad.zero_()
    net.fc.bias.grad = None
    net.body[0].weight.requires_grad_(True)
    net.body[4].running_mean.fill_(float("nan"))
    net.register_buffer("other", torch.zeros(1))
    net.fc.register_forward_hook(lambda *_: None)
    net.calls, net.sizes[0] = 99, 99
    net.sizes.append(3)
    del net.drop


def test_everything_that_is_done_to_a_model_is_undone(training):
    net, optimizer = training
    net.body[1].running_var[0] = float("nan")
    before, weight = state(net, optimizer), net.fc.weight
    with preserved(net):
        spoil(net)
    assert state(net, optimizer) == before
    assert net.fc.weight is weight
    assert optimizer.param_groups[0]["params"][-2] is weight


def test_everything_is_undone_after_an_error_as_well(training):
    net, optimizer = training
    before = state(net, optimizer)
    with pytest.raises(ValueError, match="it fails"), preserved(net):  # noqa: PT012
        spoil(net)
        raise ValueError("it fails")
    assert state(net, optimizer) == before


def test_a_model_that_is_split_over_processes_is_refused(training):
    net, _ = training
    net.fc.weight.ds_id = 0
    with pytest.raises(camctl.InputError, match="split over several processes"), preserved(net):
        pass


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float64, torch.complex64])
def test_values_of_every_kind_are_put_back(kind):
    part = torch.nn.Module()
    part.register_buffer("table", torch.randn(2, 3).t().to(kind))
    before = part.table.clone()
    with preserved(part):
        part.table.zero_()
    assert torch.equal(part.table, before)


def test_a_dataset_run_leaves_a_model_in_training_mode_as_it_was(tmp_path):
    pictures = made_pictures(tmp_path / "pictures")
    torch.manual_seed(0)
    net = Net().train()
    net(torch.randn(8, 3, 32, 32))
    mean, random_state = net.body[4].running_mean.clone(), torch.get_rng_state()
    results = camctl.explain_dataset(net, str(pictures), tmp_path / "out", workers=0)
    assert torch.equal(net.body[4].running_mean, mean)
    assert torch.equal(torch.get_rng_state(), random_state)
    expected = camctl.explain(net, pictures / "cat" / "0.png").predictions[0].score
    assert next(iter(results))["predictions"][0]["score"] == pytest.approx(expected, abs=1e-6)
    assert net.training
