"""Each question's answers worked by hand, and its maps against grad-cam's target of that kind."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from pytorch_grad_cam import GradCAM, LayerCAM
from pytorch_grad_cam.utils.model_targets import FasterRCNNBoxScoreTarget, SemanticSegmentationTarget
from torch import nn
from torch.nn import functional

import camctl
from camctl import Classes, Detection, Likeness, Region
from camctl.engine.dense import RegionQuestion
from camctl.engine.detections import BoxPredictions, BoxQuestion, overlaps, rows
from camctl.engine.embedding import FeaturesQuestion, LengthQuestion, LikenessQuestion
from camctl.engine.predictions import choose
from camctl.errors import InputError
from camctl.plugin import ClassQuestion
from tests.models import loaded, pictures, seeded

ORACLES = {"GradCAM": GradCAM, "LayerCAM": LayerCAM}


class Trunk(nn.Module):
    """Two convolutions; what follows them differs."""

    def __init__(self, columns=4):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU(), nn.Conv2d(8, 8, 3, 2, 1), nn.ReLU())
        self.head = nn.Conv2d(8, columns, 3, padding=1)


class Segmenter(Trunk):
    def forward(self, x):
        return functional.interpolate(self.head(self.body(x)), size=x.shape[-2:], mode="bilinear")


class Encoder(Trunk):
    def forward(self, x):
        return functional.normalize(self.head(self.body(x)).relu().mean((2, 3)) - 0.05)


class Detector(Trunk):
    """Three boxes at fixed places, each with the score of what lies in it."""

    places = ((0, 0, 8, 8), (4, 4, 16, 16), (16, 8, 30, 30))

    def forward(self, x):
        scores = self.head(self.body(x)).sigmoid()
        found = []
        for picture in scores:
            own = [picture[k, y0 // 4 : y1 // 4, x0 // 4 : x1 // 4].mean() for k, (x0, y0, x1, y1) in self.columns]
            boxes = torch.tensor(self.places).float()
            found.append({"boxes": boxes, "labels": torch.tensor([1, 2, 3]), "scores": torch.stack(own)})
        return found

    @property
    def columns(self):
        return enumerate(self.places, 1)


def model(kind, **fields):
    module = seeded(kind()).eval()
    return loaded(module, output={Segmenter: "dense", Detector: "boxes"}.get(kind), **fields)


def picture(seed=0):
    torch.manual_seed(seed)
    return (torch.rand(32, 32, 3) * 255).byte().numpy()


def shared(one, other):
    """Largest difference of two maps (h, w), each over 0..1."""
    return float(np.abs(np.asarray(one) - np.asarray(other)).max())


def by_grad_cam(oracle, module, inputs, target):
    """grad-cam's map at the grid of the layer, over 0..1."""
    with oracle(model=module, target_layers=[module.body[3]]) as cam:
        return cam(input_tensor=inputs, targets=[target])[0]


def ours(loaded_model, method, targets):
    return camctl.explain(loaded_model, picture(), methods=f"camctl[{method}]", targets=targets, target_layers="body.3")


@pytest.mark.parametrize("method", ORACLES)
def test_class_in_a_region_is_grad_cams_segmentation_target(method):
    segmenter = model(Segmenter)
    mask = np.zeros((32, 32), np.float32)
    mask[4:20, 8:28] = 1
    (cam,) = ours(segmenter, method, Region(2, (8, 4, 28, 20))).maps
    inputs = segmenter.preprocess(picture())[None]
    theirs = by_grad_cam(ORACLES[method], segmenter.module, inputs, SemanticSegmentationTarget(2, mask))
    assert cam.target.title == "2 in 8,4,28,20"
    assert shared(cam.values, theirs) < 1e-4


@pytest.mark.parametrize("method", ORACLES)
def test_where_a_class_is_predicted_is_grad_cams_recipe(method):
    segmenter = model(Segmenter)
    inputs = segmenter.preprocess(picture())[None]
    winners = segmenter.module(inputs)[0].argmax(0)
    best = int(winners.flatten().bincount().argmax())
    target = SemanticSegmentationTarget(best, (winners == best).float().numpy())
    theirs = by_grad_cam(ORACLES[method], segmenter.module, inputs, target)
    (cam,) = ours(segmenter, method, None).maps
    assert (cam.target.index, cam.target.where) == (best, "predicted")
    assert shared(cam.values, theirs) < 1e-4


@pytest.mark.parametrize("method", ORACLES)
def test_likeness_is_grad_cams_recipe_for_embeddings(method):
    encoder = model(Encoder)
    inputs, other = (encoder.preprocess(picture(seed))[None] for seed in (0, 1))
    wanted = encoder.module(other)[0].detach()
    theirs = by_grad_cam(
        ORACLES[method], encoder.module, inputs, lambda row: functional.cosine_similarity(row, wanted, dim=0)
    )
    first, _ = ours(encoder, method, Likeness(picture(1))).maps
    assert first.target.score == pytest.approx((encoder.module(inputs)[0] @ wanted).item(), abs=1e-5)
    assert shared(first.values, theirs) < 1e-4


@pytest.mark.parametrize("method", ORACLES)
@pytest.mark.parametrize("asked", [1, (3, 5, 15, 16)])
def test_box_is_grad_cams_score_of_a_box_that_stays(method, asked):
    detector = model(Detector)
    inputs = detector.preprocess(picture())[None]
    plain = camctl.explain(detector, picture(), targets=Detection(asked), methods="GradCAM", target_layers="body.3")
    box, label = plain.maps[0].target.box, plain.maps[0].target.index
    target = FasterRCNNBoxScoreTarget([label], np.array([box]))

    class Boxes(nn.Module):
        def __init__(self):
            super().__init__()
            self.net, self.body = detector.module, detector.module.body

        def forward(self, x):
            return self.net(x)

    theirs = by_grad_cam(ORACLES[method], Boxes(), inputs, target)
    (cam,) = ours(detector, method, Detection(asked)).maps
    assert shared(cam.values, theirs) < 1e-4


def test_region_is_the_mean_of_its_places():
    output = torch.arange(24.0).reshape(1, 2, 3, 4)
    weights = torch.zeros(3, 4)
    weights[1, 1:3] = 0.5
    question = RegionQuestion(weights, ClassQuestion(1))
    assert question.answers(output).tolist() == [[5.5, 17.5]]
    assert question.mirrored(0).answers(output.flip(3)).tolist() == [[5.5, 17.5]]


def test_likeness_is_a_cosine_and_features_are_a_share_of_the_way_from_an_empty_picture():
    rows_ = torch.tensor([[3.0, 4.0], [0.0, -2.0]])
    assert torch.allclose(LikenessQuestion((0.0, 1.0)).answers(rows_), torch.tensor([[0.8], [-1.0]]))
    assert torch.allclose(FeaturesQuestion((0.0, 1.0), 0.2).answers(rows_), torch.tensor([[1.0], [10.0]]))
    assert torch.allclose(LengthQuestion((3.0, 4.0)).answers(rows_), torch.tensor([[1.0], [-8 / 25]]))


def test_box_is_followed_by_its_overlap_and_has_no_score_where_none_fits():
    at = torch.tensor([[[0.0, 0, 10, 10, 1, 0.5], [1, 0, 11, 10, 2, 0.9], [2, 0, 12, 10, 1, 0.8]]])
    question = BoxQuestion((0.0, 0.0, 10.0, 10.0), 1)
    assert float(question.answers(at)[0, 0]) == pytest.approx(0.0, abs=1e-6)  # the box of the class that fits best
    moved = at.clone()
    moved[0, :, 0] += 20
    moved[0, :, 2] += 20
    assert float(question.answers(moved)[0, 0].sigmoid()) < 1e-6
    assert question.mirrored(40).box == (30.0, 0.0, 40.0, 10.0)
    assert overlaps((0, 0, 10, 10), at[0]).tolist() == pytest.approx([1, 90 / 110, 80 / 120])


def test_networks_of_queries_are_read_as_boxes():
    logits = torch.tensor([[[4.0, 0, 0], [0, 0, 9.0]]])
    raw = {"logits": logits, "pred_boxes": torch.tensor([[[0.5, 0.5, 0.2, 0.4], [0.1, 0.1, 0.1, 0.1]]])}
    first, second = rows(raw, torch.zeros(1, 3, 10, 20))[0, :2]
    assert first[:5].tolist() == pytest.approx([8, 3, 12, 7, 0])
    assert float(first[5]) == pytest.approx(logits[0, 0].softmax(0)[0].item())
    assert float(second[5]) < 0.01  # no object


@pytest.mark.parametrize("key", ["logits", "pred_logits"])
def test_networks_of_queries_with_a_score_for_each_class_give_each_class_of_each_box(key):
    logits = torch.tensor([[[2.0, 1.0], [0.0, -3.0]]])
    raw = {key: logits, "pred_boxes": torch.tensor([[[0.5, 0.5, 0.2, 0.4], [0.1, 0.1, 0.1, 0.1]]])}
    for told in ({"apart": True}, {"names": 2}):  # said, or a name for each column
        found = rows(raw, torch.zeros(1, 3, 10, 20), **told)[0, :5]
        assert found[:, 5].tolist() == pytest.approx([*torch.tensor([2.0, 1.0, 0.0, -3.0]).sigmoid().tolist(), 0])
        assert found[:4, 4].tolist() == [0, 1, 0, 1]
        assert found[:2, :4].tolist() == [pytest.approx([8, 3, 12, 7])] * 2
        assert found[2, :4].tolist() == pytest.approx([1, 0.5, 3, 1.5])
    background = rows(raw, torch.zeros(1, 3, 10, 20), names=1)[0, 0]  # a column more than names: no object
    assert float(background[5]) == pytest.approx(logits[0, 1].softmax(0)[0].item())


class Queries(nn.Module):
    """Sixteen queries look at 64 places: as many as a grid of 4 x 4."""

    def __init__(self):
        super().__init__()
        self.patches, self.norm = nn.Conv2d(3, 12, 4, 4), nn.LayerNorm(12)
        self.queries, self.look = nn.Parameter(torch.randn(1, 16, 12)), nn.MultiheadAttention(12, 2, batch_first=True)
        self.after, self.classes, self.boxes = nn.LayerNorm(12), nn.Linear(12, 4), nn.Linear(12, 4)

    def forward(self, x):
        places = self.norm(self.patches(x).flatten(2).mT)
        found = self.after(self.queries + self.look(self.queries.expand(len(x), -1, -1), places, places)[0])
        return {"logits": self.classes(found), "pred_boxes": self.boxes(found).sigmoid()}


def test_queries_are_no_places_of_the_picture():
    layers = camctl.survey(model(Queries), picture())
    grids = {record.name: record.grid for record in layers.records}
    assert layers.default == ("norm",)
    assert grids["norm"] == (8, 8)
    assert {grids[name] for name in ("after", "classes", "boxes")} == {None}


class Depth(Trunk):
    """One value a place, within 0..1, as (N, h, w)."""

    def __init__(self):
        super().__init__(1)

    def forward(self, x):
        return self.head(self.body(x)).sigmoid().squeeze(1)


def test_a_dense_value_is_the_mean_of_what_the_model_returns():
    """Values within 0..1 are no probabilities where they are said to be values."""
    depth = model(Depth, score="value", class_names=("depth",))
    depth = replace(depth, output="dense")
    inputs = depth.preprocess(picture())[None]
    expected = depth.module(inputs)[0, :4, :6].mean().item()
    for direction in ("up", "down"):
        (cam,) = camctl.explain(depth, picture(), targets=Region(f"depth:{direction}", (0, 0, 24, 16))).maps
        assert cam.target.score == pytest.approx(expected, abs=1e-6)
        assert cam.layers == ("body.3",)  # the head's one channel is the value itself


def test_of_boxes_that_read_alike_the_best_is_kept():
    found = torch.tensor([[0, 0, 10, 10, 1, 0.9], [0.1, 0, 10, 10, 1, 0.8], [5, 5, 9, 9, 1, 0.7]])
    targets = choose(BoxPredictions(found, None, (), None, None), Classes(topk=3))
    assert [target.score for target in targets] == pytest.approx([0.9, 0.7])


@pytest.mark.parametrize(("kind", "targets"), [(Segmenter, Region(1, (0, 0, 12, 20))), (Detector, Detection(0))])
def test_views_of_a_mirrored_picture_are_asked_about_the_mirrored_place(kind, targets):
    net = model(kind)
    net.module.head.weight.data = (net.module.head.weight + net.module.head.weight.flip(3)) / 2
    for layer in (0, 2):  # a net that sees a mirrored picture mirrored, but for the stride
        net.module.body[layer].stride = (1, 1)
        net.module.body[layer].weight.data = (net.module.body[layer].weight + net.module.body[layer].weight.flip(3)) / 2
    if kind is Detector:
        return  # its places do not move with the picture; what moves is tested by hand above
    plain, six = (
        camctl.explain(net, picture(), targets=targets, methods="GradCAM", smooth=how, target_layers="body.3").maps[0]
        for how in ("none", "aug")
    )
    assert np.corrcoef(plain.raw.ravel(), six.raw.ravel())[0, 1] > 0.98


@pytest.mark.parametrize("method", ["GradCAM", "AblationCAM", "ScoreCAM"])
@pytest.mark.parametrize(
    ("kind", "targets"),
    [(Segmenter, None), (Encoder, None), (Encoder, Likeness(picture(1))), (Detector, Detection(1))],
)
def test_methods_with_gradients_replay_and_rescoring_answer_every_question(method, kind, targets):
    for cam in camctl.explain(model(kind), picture(), targets=targets, methods=method, verify=True).maps:
        assert np.isfinite(cam.raw).all()
        assert cam.verdict not in {"flat", "no-graph", "not-finite"}


@pytest.mark.parametrize(
    ("kind", "targets", "says"),
    [
        (Segmenter, Likeness(picture(1)), "asked of an embedding, and this model's output is dense"),
        (Segmenter, Detection(0), "asked of a detector's boxes"),
        (Encoder, 3, "an embedding, which has no class '3'"),
        (Encoder, Region(1), "asked of a dense output"),
        (Encoder, Classes(threshold=0.5), "an embedding, which has no class that scores above 0.5"),
        (Detector, Detection(7), "There is no detection 7: the model found 3"),
        (Detector, Detection((0, 20, 4, 30)), r"No detected box fits 0,20,4,30: .*\(IoU\)"),
        (Detector, 0, "No '0' is detected"),
        (Segmenter, Region(1, (40, 40, 50, 50)), "lies outside the picture"),
    ],
)
def test_question_that_an_output_has_no_answer_to_is_one_line(kind, targets, says):
    with pytest.raises(InputError, match=says) as raised:
        camctl.explain(model(kind), picture(), targets=targets)
    assert raised.value.hint
    assert "\n" not in raised.value.message


def test_picture_is_not_more_like_itself_than_it_is():
    first, _ = ours(model(Encoder), "GradCAM", Likeness(picture())).maps
    assert first.target.score == pytest.approx(1)
    assert first.verdict == "ok"


def test_contrast_within_a_region_is_the_difference_of_both_means():
    segmenter = model(Segmenter)
    found = camctl.explain(segmenter, picture(), targets=Classes(Region(2, (0, 0, 16, 16)), versus=1)).maps[0]
    means = segmenter.module(segmenter.preprocess(picture())[None])[0, :, :16, :16].mean((1, 2))
    assert found.target.score == pytest.approx((means[2] - means[1]).sigmoid().item(), abs=1e-5)
    assert pictures(1).ndim == 4


class TwoHeads(Detector):
    """Scores and edges come from features that both share, through layers of their own."""

    def __init__(self):
        super().__init__()
        self.edges = nn.Conv2d(8, 4, 3, padding=1)

    def forward(self, x):
        features = self.body(x)
        scores, moved = self.head(features).sigmoid().mean((2, 3)), self.edges(features).mean((2, 3))
        boxes = torch.tensor(self.places).float()
        return [
            {"boxes": boxes + move, "labels": torch.tensor([0, 1, 2]), "scores": score[:3]}
            for move, score in zip(moved, scores, strict=True)
        ]


def test_layer_of_a_detector_is_one_that_says_where_and_what():
    detector = loaded(seeded(TwoHeads()).eval(), output="boxes")
    (cam,) = camctl.explain(detector, picture(), methods="GradCAM").maps
    assert cam.layers[0].startswith("body")
