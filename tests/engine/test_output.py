"""What a model's output is, found from its values and from the functions that made it; and the answers made of it."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

import camctl
from camctl.engine.output import KINDS, OutputReader
from camctl.errors import InputError, UnknownNameError
from tests.models import CLASSES, CONFIGS, TinyCnn, loaded, of_mmpretrain, pictures, seeded

METHODS = ("GradCAM", "LayerCAM", "EigenGradCAM", "GradCAMPlusPlus", "ScoreCAM", "AblationCAM", "FullGrad", "FinerCAM")
"""Of camctl's own arithmetic, of grad-cam's, with replay and with rescoring."""


class Wrapped(TinyCnn):
    """A net whose logits, three times as large, go through a function."""

    def __init__(self, wrap: Any, **fields: Any) -> None:
        super().__init__(**fields)
        self.wrap = wrap

    def forward(self, x):
        return self.wrap(3 * super().forward(x))


def net(wrap, classes=CLASSES, bias=None, **fields):
    module = seeded(Wrapped(wrap, classes=classes))
    if bias is not None:
        module.fc.bias.data[:] = bias
    return loaded(module, **fields)


def read(wrap, classes=CLASSES, count=1, **fields):
    reader = OutputReader(net(wrap, classes, **fields))
    return reader, reader(pictures(count))


def picture():
    values = (pictures()[0].permute(1, 2, 0).numpy() + 2) * 60
    return np.clip(values, 0, 255).astype(np.uint8)


def unseen_softmax(y):
    return y.exp() / y.exp().sum(1, keepdim=True)


def unseen_sigmoid(y):
    return 1 / (1 + (-y).exp())


# ------------------------------------------------------------------------------------------------- kinds


@pytest.mark.parametrize(
    ("wrap", "kind", "explained"),
    [
        (lambda y: y, "logits", ""),
        (lambda y: y.relu(), "logits", ""),
        (lambda y: y - y.amax(1, keepdim=True), "logits", ""),
        (lambda y: y.softmax(1), "probabilities", "logit before the softmax"),
        (nn.Softmax(-1), "probabilities", "logit before the softmax"),
        (lambda y: functional.softmax(y, dim=1)[:, :, None, None], "probabilities", "logit before the softmax"),
        (lambda y: y.softmax(1).squeeze(), "probabilities", "logit before the softmax"),
        (lambda y: y.softmax(1).double(), "probabilities", "logit before the softmax"),
        (unseen_softmax, "probabilities", "log-probability"),
        (lambda y: (y.softmax(1) + (2 * y).softmax(1)) / 2, "probabilities", "log-probability"),
        (lambda y: functional.one_hot(y.argmax(1), CLASSES).float(), "probabilities", "log-probability"),
        (nn.LogSoftmax(1), "log-probabilities", "logit before the log-softmax"),
        (lambda y: unseen_softmax(y).log(), "log-probabilities", ""),
        (nn.Sigmoid(), "sigmoid", "logit before the sigmoid"),
        (torch.special.expit, "sigmoid", "logit before the sigmoid"),
        (lambda y: y.sigmoid_(), "sigmoid", "log-odds"),
        (lambda y: y.sigmoid().flip(1), "sigmoid", "log-odds"),
        (nn.Hardsigmoid(), "sigmoid", "log-odds"),
        (lambda y: torch.cat([column.sigmoid() for column in y.split(1, 1)], 1), "sigmoid", "log-odds"),
    ],
)
def test_kind_is_found(wrap, kind, explained):
    reader, answers = read(wrap)
    assert (reader.output.kind, reader.output.decided_by, reader.output.explained) == (kind, "found", explained)
    assert reader.output.notes == ()
    assert answers.shape == (1, CLASSES)


@pytest.mark.parametrize("wrap", [nn.Softmax(1), unseen_softmax, nn.LogSoftmax(1), lambda y: unseen_softmax(y).log()])
def test_score_is_the_models_own_probability(wrap):
    _, logits = read(lambda y: y)
    reader, _ = read(wrap)
    model = net(wrap, class_names=tuple("abcde"))
    found = camctl.explain(model, picture()).predictions
    own = torch.as_tensor(model.forward(model.preprocess(picture())[None])[0])
    own = own.exp() if reader.output.kind == "log-probabilities" else own
    assert {target.index: pytest.approx(target.score, abs=1e-6) for target in found} == dict(enumerate(own.tolist()))
    assert logits.shape == (1, CLASSES)


@pytest.mark.parametrize("wrap", [nn.Sigmoid(), unseen_sigmoid])
def test_sigmoids_stand_alone_and_are_shown_as_they_are(wrap):
    model = net(wrap, output="sigmoid")
    own = model.forward(model.preprocess(picture())[None])[0].tolist()
    found = camctl.explain(model, picture()).predictions
    assert {target.index: pytest.approx(target.score, abs=1e-6) for target in found} == dict(enumerate(own))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_probabilities_are_found_in_every_precision(dtype):
    reader, answers = read(lambda y: y.to(dtype).softmax(1))
    assert reader.output.kind == "probabilities"
    assert torch.allclose(answers.float().softmax(1), read(nn.Softmax(1))[1].softmax(1), atol=0.02)


def test_saturated_probabilities_are_no_embedding_and_have_finite_answers():
    reader, answers = read(lambda y: unseen_softmax(y * 0 + torch.tensor([[80.0, 0, 0, 0, 0]])))
    assert reader.output.kind == "probabilities"
    assert answers.isfinite().all()


@pytest.mark.parametrize("count", [1, 3])
def test_logits_that_lie_the_other_way_round_are_not_read(count):
    reader, answers = read(lambda y: y.T.softmax(0).T, count=count)
    assert reader.output.explained == "log-probability"
    assert torch.allclose(answers.exp(), read(nn.Softmax(1), count=count)[1].softmax(1), atol=1e-6)


# ------------------------------------------------------------------------------------------- maps


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("wrap", [nn.Softmax(1), nn.LogSoftmax(1), lambda y: functional.softmax(y, -1).squeeze(0)])
def test_map_of_a_visible_softmax_is_that_of_the_logit_bit_for_bit(wrap, method):
    plain, ours = (
        camctl.explain(net(own), picture(), methods=method, targets=2).maps[0] for own in (lambda y: y, wrap)
    )
    assert np.array_equal(plain.raw, ours.raw)
    assert plain.target.score == pytest.approx(ours.target.score, abs=1e-6)


@pytest.mark.parametrize("method", ["GradCAM", "ScoreCAM", "AblationCAM"])
def test_map_of_a_visible_sigmoid_is_that_of_the_logit_bit_for_bit(method):
    plain = camctl.explain(net(lambda y: y, score="sigmoid"), picture(), methods=method, targets=2).maps[0]
    ours = camctl.explain(net(nn.Sigmoid()), picture(), methods=method, targets=2).maps[0]
    assert np.array_equal(plain.raw, ours.raw)


def test_map_of_an_unseen_softmax_is_that_of_the_log_probability():
    """d log p_c = d z_c - sum_k p_k d z_k: Grad-CAM's evidence is linear in the gradient."""
    plain, hidden = net(lambda y: y), net(unseen_softmax)
    maps = [camctl.explain(plain, picture(), targets=index).maps[0] for index in range(CLASSES)]
    shares = [cam.target.score for cam in maps]
    expected = maps[2].raw - sum(share * cam.raw for share, cam in zip(shares, maps, strict=True))
    ours = camctl.explain(hidden, picture(), targets=2).maps[0]
    assert np.allclose(ours.raw, expected, atol=1e-5 * np.abs(expected).max())


def test_map_of_an_unseen_sigmoid_is_that_of_the_logit():
    plain = camctl.explain(net(lambda y: y, score="sigmoid"), picture(), targets=2).maps[0]
    ours = camctl.explain(net(unseen_sigmoid, output="sigmoid"), picture(), targets=2).maps[0]
    assert np.allclose(ours.raw, plain.raw, rtol=1e-3)


@pytest.mark.parametrize("metric", ["drop", "insertion", "adcc"])
def test_metrics_of_a_softmax_inside_are_those_of_the_logits(metric):
    evaluation = camctl.Evaluation(metrics=(metric,), verify=False)
    plain, ours = (
        camctl.compare(net(own), picture(), evaluation=evaluation).cells[0].figures[metric]
        for own in (lambda y: y, nn.Softmax(1))
    )
    assert ours == pytest.approx(plain, abs=1e-5)


def test_sanity_reads_the_redrawn_copy_as_the_model_is_read():
    found = camctl.compare(net(nn.Softmax(1)), picture(), evaluation=camctl.Evaluation(sanity=True))
    assert found.sanity[0].redrawn
    assert not found.faults


def test_finding_out_costs_no_forward_pass():
    model, passes = net(nn.Softmax(1)), []
    model.module.register_forward_pre_hook(lambda *_: passes.append(1))
    camctl.explain(model, picture(), target_layers="block2")
    assert len(passes) == 1


def test_model_that_runs_without_gradients_is_still_read():
    @torch.no_grad()
    def forward(x):
        return module(x)

    module = seeded(Wrapped(nn.Softmax(1)))
    reader = OutputReader(loaded(module, forward=forward))
    reader(pictures())
    assert reader.output.explained == "logit before the softmax"


# ------------------------------------------------------------------------------------------- shapes


@pytest.mark.parametrize("wrap", [lambda y: y[..., None, None], lambda y: y.squeeze(0), lambda y: y[:, None]])
def test_empty_dimensions_and_squeezed_batches_are_understood(wrap):
    plain = read(lambda y: y)[1]
    assert torch.equal(read(wrap)[1], plain)


@pytest.mark.parametrize("count", [1, 3])
def test_squeezed_column_is_one_logit_of_two_classes(count):
    reader, answers = read(lambda y: y.squeeze(), classes=1, count=count, class_names=("ill",))
    plain = read(lambda y: y, classes=1, count=count, class_names=("ill",))[1]
    assert torch.equal(answers, plain)
    assert (answers.shape, reader.score) == ((count, 2), "sigmoid")
    assert torch.equal(answers[:, 0], -answers[:, 1])


@pytest.mark.parametrize("names", [("ill",), ("well", "ill")])
def test_both_classes_of_one_probability_can_be_asked_for(names):
    model = net(nn.Sigmoid(), classes=1, class_names=names)
    own = float(model.forward(model.preprocess(picture())[None]).detach())
    against, of = ("not ill" if len(names) == 1 else "well"), "ill"
    found = camctl.explain(model, picture(), targets=[against, of])
    assert [cam.target.score for cam in found.maps] == [pytest.approx(1 - own, abs=1e-6), pytest.approx(own, abs=1e-6)]
    assert np.array_equal(found.maps[0].raw, -found.maps[1].raw)


# -------------------------------------------------------------------------------------------- heads


class Pair(NamedTuple):
    age: Any
    kind: Any


@dataclass
class Result:
    age: Any
    kind: Any


def two(make):
    return lambda y: make(y[:, :3], y[:, 1:])


@pytest.mark.parametrize("make", [lambda a, b: {"age": a, "kind": b}, Pair, Result])
def test_heads_are_listed_and_the_largest_is_explained(make):
    reader, answers = read(two(make))
    assert (reader.output.head, dict(reader.output.heads)) == ("kind", {"age": (1, 3), "kind": (1, 4)})
    assert torch.equal(answers, read(lambda y: y)[1][:, 1:])
    (note,) = reader.output.notes
    assert note.startswith("The model has 2 heads: age (1x3), kind (1x4). The head kind is explained, the largest.")
    assert note.endswith("--head age")


@pytest.mark.parametrize(("head", "columns"), [("age", 3), ("kind", 4), (0, 3), ("1", 4)])
def test_head_is_chosen_by_name_or_index(head, columns):
    reader, answers = read(two(Pair), head=head)
    assert answers.shape[1] == columns
    assert reader.output.notes == ()


def test_head_with_as_many_columns_as_there_are_names_comes_first():
    reader, _ = read(two(Pair), class_names=("a", "b", "c"))
    assert reader.output.head == "age"


def test_unknown_head_lists_those_that_there_are():
    with pytest.raises(UnknownNameError) as raised:
        read(two(Pair), head="gender")
    assert "age (1x3), kind (1x4)" in raised.value.hint


def test_head_of_a_single_output_is_refused():
    with pytest.raises(InputError, match="one output, of 1x5"):
        read(lambda y: y, head="age")


@pytest.mark.parametrize("make", [lambda features, y: (features, y), lambda features, y: {"y": y, "x": features}])
def test_features_that_the_head_reads_are_no_head(make):
    class Both(TinyCnn):
        def forward(self, x):
            features = self.pool(self.block2(self.block1(self.stem(x)))).flatten(1)
            return make(features, self.fc(features))

    module = seeded(Both())
    reader = OutputReader(loaded(module))
    answers = reader(pictures())
    assert torch.equal(answers, seeded(TinyCnn())(pictures()))
    assert reader.output.notes == ()


@pytest.mark.parametrize("scores", [nn.Softmax(1), nn.Sigmoid(), unseen_softmax])
@pytest.mark.parametrize("first", [True, False])
def test_of_probabilities_and_logits_the_logits_are_read(scores, first):
    reader, answers = read(lambda y: (scores(y), y) if first else [y, scores(y)])
    assert torch.equal(answers, read(lambda y: y)[1])
    assert reader.output.head == ("1" if first else "0")
    assert reader.score == ("sigmoid" if isinstance(scores, nn.Sigmoid) else "softmax")


def test_head_named_logits_is_explained_without_a_word():
    reader, answers = read(lambda y: {"hidden": torch.ones(1, 40), "logits": y, "loss": torch.tensor(1.0)})
    assert torch.equal(answers, read(lambda y: y)[1])
    assert reader.output.notes == ()


# -------------------------------------------------------------------------------------------- values


@pytest.mark.parametrize("fields", [{"output": "values"}, {}])
def test_value_is_shown_in_its_own_unit_and_goes_up_and_down(fields):
    model = net(lambda y: y + 34, classes=1, **fields)
    own = float(model.forward(model.preprocess(picture())[None]).detach())
    found = camctl.explain(model, picture(), targets=["up", "down"])
    assert [cam.target.score for cam in found.maps] == [pytest.approx(own)] * 2
    assert [cam.target.title for cam in found.maps] == ["value up", "value down"]
    assert np.array_equal(found.maps[0].raw, -found.maps[1].raw)
    plain = camctl.explain(net(lambda y: y, classes=1, class_names=("x",)), picture(), targets=1).maps[0]
    assert np.array_equal(found.maps[0].raw, plain.raw)
    assert found.maps[0].target.to_dict()["direction"] == "up"


def test_value_without_evidence_names_the_other_direction():
    module = seeded(
        nn.Sequential(nn.Conv2d(3, 8, 4, 4), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 1))
    )
    module[-1].weight.data.abs_().neg_()
    up, down = camctl.explain(
        loaded(module, output="values"), picture(), targets=["up", "down"], target_layers="1"
    ).maps
    assert (up.verdict, down.verdict) == ("negative-only", "ok")
    assert up.hint == "See the evidence for the other direction: --target-category 0:down"


@pytest.mark.parametrize(
    ("text", "index", "direction"),
    [("age:down", 0, "down"), ("size", 1, "up"), ("1:UP", 1, "up"), (1, 1, "up"), ("0", 0, "up"), (" age ", 0, "up")],
)
def test_one_of_several_values_is_asked_for_by_name_or_index(text, index, direction):
    model = net(lambda y: y, classes=2, class_names=("age", "size"), output="values")
    target = camctl.explain(model, picture(), targets=[text]).maps[0].target
    assert (target.index, target.direction) == (index, direction)


@pytest.mark.parametrize(
    ("text", "says"), [("2:up", "no value 2"), ("tall", "no value named"), ("up", "no value named")]
)
def test_value_that_there_is_not_is_refused(text, says):
    model = net(lambda y: y, classes=2, class_names=("age", "size"), output="values")
    with pytest.raises(InputError, match=says):
        camctl.explain(model, picture(), targets=text)


def test_values_cannot_be_contrasted_and_pass_no_threshold():
    model = net(lambda y: y, classes=2, output="values")
    with pytest.raises(InputError, match="only classes can be contrasted"):
        camctl.explain(model, picture(), targets=camctl.Classes(versus="1"))
    with pytest.raises(InputError, match="a threshold is for the scores of classes"):
        camctl.explain(model, picture(), targets=camctl.Classes(threshold=0.5))


def test_metrics_of_scores_say_that_a_value_is_none():
    evaluation = camctl.Evaluation(metrics=("drop", "energy"), boxes=(0, 0, 16, 16))
    found = camctl.compare(net(lambda y: y, classes=2, output="values"), picture(), evaluation=evaluation)
    assert set(found.cells[0].figures) == {"energy"}
    assert "this model's output is a value" in found.faults[0].message


@pytest.mark.parametrize(
    ("wrap", "fields", "kind", "noted"),
    [
        (lambda y: y, {}, "logits", True),
        (lambda y: y, {"class_names": ("ill",)}, "logits", False),
        (lambda y: y, {"output": "values"}, "values", False),
        (lambda y: y.abs() + 20, {}, "values", True),
        (lambda y: y.abs() + 20, {"class_names": ("well", "ill")}, "logits", False),
        (lambda y: y.abs() + 20, {"class_names": ("age",)}, "values", True),
        (nn.Softplus(), {}, "values", True),
        (nn.Sigmoid(), {}, "sigmoid", False),
        (lambda y: torch.cat([-y, y], 1).softmax(1)[:, 1:], {}, "sigmoid", False),
    ],
)
def test_single_output_is_a_logit_or_a_value(wrap, fields, kind, noted):
    reader, _ = read(wrap, classes=1, **fields)
    assert reader.output.kind == kind
    assert bool(reader.output.notes) == noted


@pytest.mark.parametrize(
    ("loss", "kind", "score"),
    [
        (nn.MSELoss(), "values", "value"),
        (nn.HuberLoss(), "values", "value"),
        (nn.BCEWithLogitsLoss(), "logits", "sigmoid"),
        (nn.CrossEntropyLoss(), "logits", "softmax"),
    ],
)
def test_loss_that_is_a_part_of_the_model_tells_its_kind(loss, kind, score):
    module = seeded(TinyCnn())
    module.criterion = loss
    reader = OutputReader(loaded(module))
    reader(pictures())
    assert (reader.output.kind, reader.score) == (kind, score)
    assert ("sigmoid" in reader.output.title) == (score == "sigmoid")


# --------------------------------------------------------------------------------- others, and what is said


@pytest.mark.parametrize(
    ("wrap", "kind", "shape"),
    [
        (lambda y: functional.normalize(torch.cat([y, -2 * y], 1)), "embedding", (1, 10)),
        (lambda y: {"last_hidden_state": y[:, None].expand(-1, 4, -1), "pooler_output": y}, "embedding", (1, 5)),
        (lambda y: y[..., None, None].expand(-1, -1, 4, 4), "dense", (1, 5, 4, 4)),
        (lambda y: y[:, :1, None, None].expand(-1, -1, 4, 4), "dense", (1, 2, 4, 4)),
        (lambda y: {"aux": y[..., None, None].expand(-1, -1, 4, 4), "out": y[..., None, None].expand(-1, -1, 3, 4)},
         "dense", (1, 5, 3, 4)),
        (lambda y: [{"boxes": torch.zeros(1, 4), "scores": y[0, :1]}], "boxes", (1, 300, 6)),
        (lambda y: {"logits": y[:, None].expand(-1, 9, -1), "pred_boxes": torch.zeros(1, 9, 4)}, "boxes", (1, 300, 6)),
    ],
)  # fmt: skip
def test_output_that_is_no_table_of_scores_is_found(wrap, kind, shape):
    reader, rows = read(wrap)
    assert (reader.output.kind, reader.output.decided_by) == (kind, "found")
    assert rows.shape == shape


def test_tokens_are_no_scores():
    with pytest.raises(InputError, match=r"returned \(1, 7, 5\); a classifier returns"):
        read(lambda y: y[:, None].expand(-1, 7, -1))


@pytest.mark.parametrize(("wrap", "kind"), [(nn.Softmax(1), "probabilities"), (nn.LogSoftmax(1), "log-probabilities")])
def test_dense_probabilities_are_read_as_logits(wrap, kind):
    _, rows = read(lambda y: wrap(y[..., None, None].expand(-1, -1, 4, 4)))
    _, plain = read(lambda y: y)
    assert torch.allclose(rows[:, :, 0, 0].softmax(1), plain.softmax(1), atol=1e-6), kind


def test_net_without_its_head_outputs_an_embedding():
    module = seeded(TinyCnn())
    module.fc = nn.Identity()
    reader = OutputReader(loaded(module))
    assert reader(pictures()).shape == (1, 8)
    assert reader.output.kind == "embedding"
    names = tuple("abcdefgh")
    assert OutputReader(loaded(module, class_names=names))(pictures()).shape == (1, 8)


def test_heads_are_those_of_one_picture_whatever_the_batch():
    reader, _ = read(two(Pair), count=6)
    assert dict(reader.output.heads) == {"age": (1, 3), "kind": (1, 4)}
    assert "age (1x3)" in reader.output.notes[0]


def test_many_heads_are_not_all_listed():
    reader, _ = read(lambda y: [y[:, :1]] * 40, output="logits")
    (note,) = reader.output.notes
    assert "7 (1x1), and 32 more. The head 0 is explained, the first of that size" in note
    assert len(reader.output.title) < 200


@pytest.mark.parametrize("family", CONFIGS)
def test_families_of_mmpretrain_are_found_to_have_logits(family):
    module = of_mmpretrain(family)
    for inputs in (pictures(size=(64, 64)), torch.zeros(1, 3, 64, 64), 10 * pictures(2, (64, 64))):
        reader = OutputReader(loaded(module, forward=lambda x: module(x, mode="tensor")))
        reader(inputs)
        assert (reader.output.kind, reader.output.notes) == ("logits", ())


def test_unit_length_with_class_names_is_no_embedding():
    reader, _ = read(functional.normalize, class_names=tuple("abcde"))
    assert reader.output.kind == "logits"


@pytest.mark.parametrize("kind", KINDS)
def test_kind_that_is_said_is_not_looked_for(kind):
    unclassed = kind in {"dense", "boxes"}
    wrap = {"log-probabilities": nn.LogSoftmax(1), "logits": nn.Identity()}.get(kind, nn.Softmax(1))
    if unclassed:
        with pytest.raises(InputError, match="The model's output is said to be"):
            read(wrap, output=kind, output_by="you")
        return
    reader, _ = read(wrap, output=kind, output_by="you")
    assert (reader.output.kind, reader.output.decided_by) == (kind, "you")


def test_logits_that_are_said_to_be_probabilities_are_refused():
    with pytest.raises(InputError, match="said to be probabilities, and lies in"):
        read(lambda y: y, output="probabilities")


def test_unknown_kind_lists_the_kinds():
    with pytest.raises(UnknownNameError) as raised:
        read(lambda y: y, output="probs")
    assert "log-probabilities" in raised.value.hint


@pytest.mark.parametrize("names", [("a", "b"), tuple("abcdefg")])
def test_names_that_do_not_fit_are_counted_in_a_note(names):
    reader, _ = read(lambda y: y, class_names=names)
    assert reader.output.notes == (f"There are {len(names)} names for 5 classes, so that no name is used.",)


def test_classes_above_a_threshold_are_all_explained():
    model = net(nn.Sigmoid())
    own = model.forward(model.preprocess(picture())[None])[0]
    expected = [index for index in own.argsort(descending=True).tolist() if own[index] > 0.5]
    assert 0 < len(expected) < CLASSES
    found = camctl.explain(model, picture(), targets=camctl.Classes(threshold=0.5))
    assert [cam.target.index for cam in found.maps] == expected
    with pytest.raises(InputError, match="No class scores above 1: the best"):
        camctl.explain(model, picture(), targets=camctl.Classes(threshold=1))


def test_comparison_takes_no_threshold():
    with pytest.raises(InputError, match="the same for all"):
        camctl.compare(net(nn.Sigmoid()), picture(), targets=camctl.Classes(threshold=0.5))
