"""transformers' detectors, segmenters, depth estimators and encoders: what they answer, against oracles of others."""

import subprocess
import sys
from functools import partial

import numpy as np
import pytest
import torch
import transformers
from camctl_transformers.finding import quiet
from camctl_transformers.tasks import REFUSED
from PIL import Image
from pytorch_grad_cam import GradCAM
from pytorch_grad_cam.utils.model_targets import (
    FasterRCNNBoxScoreTarget,
    RawScoresOutputTarget,
    SemanticSegmentationTarget,
)
from torch import nn
from torch.nn.functional import cosine_similarity
from transformers import AutoConfig, AutoImageProcessor
from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES
from transformers_making import NAMES, module_of, processor_of, saved
from transformers_sweep import explained, load, picture
from transformers_tasks import ALL, DEPTHS, DETECTORS, ENCODERS, SEGMENTERS

import camctl
from camctl import Classes, Detection, Likeness, Region
from camctl.errors import InputError


def loaded_from(name, folder, **more):
    """A family saved, and loaded from its folder: (what camctl loads, the model as it was saved)."""
    module = saved(ALL[name], folder)
    return load(ALL[name], folder, **more), module


class Part(nn.Module):
    """What grad-cam is given: a function of the model's own output."""

    def __init__(self, net, read):
        super().__init__()
        self.net, self.read = net, read

    def forward(self, pixel_values):
        return self.read(self.net(pixel_values=pixel_values), pixel_values)


def by_grad_cam(loaded, cam, read, target):
    """grad-cam's map at the layer and the grid of a map of camctl's, over 0..1."""
    (layer,) = cam.layers
    rows, columns = cam.grid

    def reshape(output):
        if output.ndim == 4:
            return output
        extra = output.shape[1] - rows * columns
        return output[:, extra:].reshape(len(output), rows, columns, -1).permute(0, 3, 1, 2)

    inputs = loaded.preprocess(picture())[None]
    oracle = GradCAM(Part(loaded.module, read), [loaded.module.get_submodule(layer)], reshape_transform=reshape)
    made = oracle(inputs, [target])[0].astype(np.float64)
    oracle.activations_and_grads.gradients.clear()
    return made / made.max()  # random weights have gradients beside which grad-cam's 1e-7 is not small


def same(cam, theirs):
    assert cam.verdict == "ok", cam.reason
    assert np.abs(cam.values - theirs).max() < 1e-4


def processed(folder, output, inputs, **more):
    """Boxes, labels and scores by the model's own image processor."""
    with quiet():
        processor = AutoImageProcessor.from_pretrained(folder, backend="torchvision")
    sizes = [tuple(inputs.shape[-2:])] * len(inputs)
    return processor.post_process_object_detection(output, threshold=0.0, target_sizes=sizes, **more)


# ------------------------------------------------------------------------------------- detectors


@pytest.mark.parametrize(
    "name", ["detr", "table-transformer", "yolos", "conditional_detr", "deformable_detr", "rt_detr"]
)
def test_detections_are_those_of_the_models_own_processor(tmp_path, name):
    loaded, net = loaded_from(name, tmp_path)
    inputs = loaded.preprocess(picture())[None]
    with torch.no_grad():
        (own,) = processed(tmp_path, net(pixel_values=inputs), inputs)
    ours = camctl.explain(loaded, picture(), methods="GradCAM", targets=Classes(topk=3)).maps

    view = ours[0].view
    across, down = (view.box[2] - view.box[0]) / view.size[1], (view.box[3] - view.box[1]) / view.size[0]
    assert ours[0].target.score == pytest.approx(float(own["scores"].max()), abs=1e-5)
    for cam in ours:
        alike = (own["scores"] - cam.target.score).abs() < 1e-6
        rows = (alike & (own["labels"] == NAMES.index(cam.target.label))).nonzero()[:, 0].tolist()
        boxes = [(own["boxes"][row] * torch.tensor([across, down, across, down])).tolist() for row in rows]
        assert pytest.approx(cam.target.box, abs=0.5) in boxes  # a view is measured


@pytest.mark.parametrize("name", ["detr", "conditional_detr", "rt_detr", "rf_detr"])
def test_map_of_a_box_is_grad_cams_box_score(tmp_path, name):
    loaded, _ = loaded_from(name, tmp_path, random_weights=True)
    (cam,) = camctl.explain(loaded, picture(), methods="GradCAM", targets=Detection(0)).maps
    apart = loaded.score == "sigmoid"

    def scores_of(output):
        return output.logits.sigmoid() if apart else output.logits.softmax(-1)[..., :-1]

    def boxes(output, inputs):
        middle, half = output.pred_boxes[..., :2], output.pred_boxes[..., 2:] / 2
        size = torch.tensor([inputs.shape[-1], inputs.shape[-2]] * 2)
        # The overlap of a box with itself has no slope: only the score is differentiated.
        edges = (torch.cat([middle - half, middle + half], -1) * size).detach()
        scores = scores_of(output)[0, :, label]
        return [{"boxes": edges[0], "labels": torch.full(scores.shape, label), "scores": scores}]

    with torch.no_grad():
        inputs = loaded.preprocess(picture())[None]
        output = loaded.module(pixel_values=inputs)
        query, label = divmod(int(scores_of(output)[0].argmax()), len(NAMES))
        box = boxes(output, inputs)[0]["boxes"][query]
    assert cam.target.label == NAMES[label]
    same(cam, by_grad_cam(loaded, cam, boxes, FasterRCNNBoxScoreTarget([label], box[None].numpy())))


def test_patches_of_yolos_lie_before_the_tokens_of_detections():
    from camctl_transformers.yolos import Yolos

    rows, columns = 4, 6
    places = torch.arange(1 + rows * columns + 100, dtype=torch.float32)[None, :, None]
    grid = Yolos().to_grid(places, (rows * 16, columns * 16))
    assert grid[0, 0].tolist() == [[1 + row * columns + column for column in range(columns)] for row in range(rows)]
    assert Yolos().to_grid(places[:, 1:], (rows * 16, columns * 16)) is None
    assert Yolos().to_grid(places[..., 0], (rows * 16, columns * 16)) is None
    assert Yolos().matches(module_of(DETECTORS["yolos"]))
    assert not Yolos().matches(module_of(DETECTORS["detr"]))


def test_tokens_of_queries_are_never_taken_for_places(tmp_path):
    """Twenty-five queries would make a grid of 5 x 5."""
    from dataclasses import replace

    from camctl.pipeline.scene import survey

    family = replace(DETECTORS["detr"], config=DETECTORS["detr"].config | {"num_queries": 25})
    saved(family, tmp_path)
    records = {record.name: record for record in survey(load(family, tmp_path), picture()).records}
    assert records["model.decoder.layernorm"].shape[1] == 25
    assert {record.why_not for record in records.values() if record.shape and record.shape[1:2] == (25,)} == {"no-grid"}
    assert records["model.encoder.layers.1.final_layer_norm"].usable


# ------------------------------------------------------------------------------------- segmenters


@pytest.mark.parametrize(
    "name", ["segformer-segmenter", "upernet", "mobilevit-segmenter", "dpt-segmenter", "beit-segmenter"]
)
def test_map_of_a_class_in_a_region_is_grad_cams_segmentation_target(tmp_path, name):
    loaded, net = loaded_from(name, tmp_path, random_weights=True)
    assert loaded.class_names == NAMES
    half = (0, 0, 320, 120)  # the upper half, whole places of any grid
    asked = [Region(label, half) for label in NAMES]
    cam = next(cam for cam in camctl.explain(loaded, picture(), methods="GradCAM", targets=asked).maps if not cam.blank)
    height, width = loaded.module(pixel_values=loaded.preprocess(picture())[None]).logits.shape[-2:]
    mask = np.zeros((height, width), np.float32)
    mask[: height // 2] = 1
    target = SemanticSegmentationTarget(cam.target.index, mask)
    same(cam, by_grad_cam(loaded, cam, lambda output, _: output.logits, target))
    assert type(net) is type(loaded.module)


def test_places_of_a_mask_former_are_its_processors_segmentation(tmp_path):
    loaded, net = loaded_from("maskformer", tmp_path)
    inputs = loaded.preprocess(picture())[None]
    with torch.no_grad():
        output = net(pixel_values=inputs)
        ours = loaded.forward(inputs)
    (theirs,) = processor_of(SEGMENTERS["maskformer"]).post_process_semantic_segmentation(output)
    assert torch.equal(ours[0].argmax(0), theirs)
    assert ours.shape[1] == len(NAMES)


# ------------------------------------------------------------------------------------- depth


@pytest.mark.parametrize("name", ["dpt", "depth_anything", "glpn"])
@pytest.mark.parametrize("direction", ["up", "down"])
def test_map_of_depth_is_grad_cams_raw_score_of_the_mean_depth(tmp_path, name, direction):
    loaded, _ = loaded_from(name, tmp_path, random_weights=True)
    sign = 1 if direction == "up" else -1
    (cam,) = camctl.explain(loaded, picture(), methods="GradCAM", targets=direction).maps
    depth = loaded.module(pixel_values=loaded.preprocess(picture())[None]).predicted_depth.detach()
    assert cam.target.title == f"depth {direction} in the whole"
    assert cam.target.score == pytest.approx(float(depth.mean()), rel=1e-4)
    if cam.blank:  # nothing lowers the depth
        assert cam.verdict == "negative-only"
        return
    same(
        cam,
        by_grad_cam(loaded, cam, lambda output, _: sign * output.predicted_depth.mean((1, 2)), RawScoresOutputTarget()),
    )


def test_depth_in_a_region_is_its_mean_there(tmp_path):
    loaded, _ = loaded_from("glpn", tmp_path, random_weights=True)
    (cam,) = camctl.explain(loaded, picture(), methods="GradCAM", targets=Region("depth", (0, 0, 160, 240))).maps
    depth = loaded.module(pixel_values=loaded.preprocess(picture())[None]).predicted_depth[0].detach()
    assert cam.target.score == pytest.approx(float(depth[:, : depth.shape[1] // 2].mean()), rel=1e-4)


# ------------------------------------------------------------------------------------- encoders


@pytest.mark.parametrize(
    "name", ["vit-encoder", "dinov2-encoder", "dinov3_vit-encoder", "siglip-encoder", "convnext-encoder"]
)
def test_map_of_a_likeness_is_grad_cams_recipe_for_embeddings(tmp_path, name):
    loaded, _ = loaded_from(name, tmp_path, random_weights=True)
    other = picture()[::-1].copy()
    cam = camctl.explain(loaded, picture(), methods="GradCAM", targets=Likeness(other)).maps[0]
    wanted = loaded.module(pixel_values=loaded.preprocess(other)[None]).pooler_output.flatten().detach()
    own = loaded.module(pixel_values=loaded.preprocess(picture())[None]).pooler_output.flatten().detach()
    assert cam.target.score == pytest.approx(float(cosine_similarity(own, wanted, dim=0)), abs=1e-5)
    if cam.blank:
        pytest.skip("random weights: nothing makes them alike")
    same(
        cam,
        by_grad_cam(
            loaded,
            cam,
            lambda output, _: output.pooler_output.flatten(1),
            lambda row: 1e3 * cosine_similarity(row, wanted, dim=0),  # far above grad-cam's 1e-7
        ),
    )


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("dinov2-encoder", lambda output: output.last_hidden_state[:, 0]),
        ("ijepa-encoder", lambda output: output.last_hidden_state.mean(1)),
        ("segformer-encoder", lambda output: output.last_hidden_state.mean((2, 3))),
        ("clip-projected", lambda output: output.image_embeds),
        ("swin-encoder", lambda output: output.pooler_output),
    ],
)
def test_features_are_the_models_own_pooling_or_the_papers(tmp_path, name, read):
    loaded, net = loaded_from(name, tmp_path)
    inputs = loaded.preprocess(picture())[None]
    with torch.no_grad():
        assert torch.allclose(loaded.forward(inputs), read(net(pixel_values=inputs)), atol=1e-5)
    assert (loaded.output, loaded.class_names) == ("embedding", None)


def test_a_masked_autoencoder_sees_the_whole_picture_in_its_order(tmp_path):
    loaded, net = loaded_from("vit_mae-encoder", tmp_path)
    inputs = loaded.preprocess(picture())[None]
    with torch.no_grad():
        first, again = loaded.forward(inputs), loaded.forward(inputs)
        embedded, _, order = loaded.module.embeddings(inputs, noise=torch.arange(64.0)[None])
    assert torch.equal(first, again)
    assert order[0].tolist() == list(range(64))
    assert embedded.shape[1] == 65
    assert net.config.mask_ratio == 0.75


def test_without_a_trained_pooler_the_class_token_is_read(tmp_path):
    loaded, net = loaded_from("vit-encoder", tmp_path)
    from safetensors.torch import load_file, save_file

    file = tmp_path / "model.safetensors"
    save_file(
        {key: value for key, value in load_file(file).items() if not key.startswith("pooler.")}, file, {"format": "pt"}
    )
    plain = camctl.load(f"transformers:{tmp_path}")
    inputs = loaded.preprocess(picture())[None]
    with torch.no_grad():
        output = net(pixel_values=inputs)
        assert torch.allclose(loaded.forward(inputs), output.pooler_output, atol=1e-5)
        assert torch.allclose(plain.forward(inputs), output.last_hidden_state[:, 0], atol=1e-5)
    assert plain.notes == ()


def test_a_model_of_pictures_and_texts_gives_the_pictures_features_if_asked(tmp_path):
    loaded, net = loaded_from("clip-zero-shot", tmp_path)
    assert loaded.output == "logits"
    encoder = camctl.load(f"transformers:{tmp_path}", output="embedding")
    inputs = encoder.preprocess(picture())[None]
    with torch.no_grad():
        own = net.vision_model(pixel_values=inputs).pooler_output
        assert torch.allclose(encoder.forward(inputs), net.visual_projection(own), atol=1e-5)
    assert camctl.explain(encoder, picture()).maps[0].verdict == "ok"


# ------------------------------------------------------------------------------------- what is loaded


@pytest.mark.parametrize(
    ("saved_by", "wanted", "output", "kind"),
    [
        ("SegformerForSemanticSegmentation", None, "dense", "SegformerForSemanticSegmentation"),
        ("SegformerForImageClassification", None, "logits", "SegformerForImageClassification"),
        ("SegformerModel", None, "embedding", "SegformerModel"),
        (None, None, "logits", "SegformerForImageClassification"),
        (None, "dense", "dense", "SegformerForSemanticSegmentation"),
        (None, "embedding", "embedding", "SegformerModel"),
    ],
)
def test_the_class_that_saved_a_model_says_what_it_is_for_then_the_user(saved_by, wanted, output, kind):
    from camctl_transformers.tasks import task_of

    config = AutoConfig.for_model("segformer")
    config.architectures = saved_by and [saved_by]
    task = task_of(config, named=saved_by is not None, wanted=wanted)
    assert (task.output, task.kind.__name__) == (output, kind)


@pytest.mark.parametrize("family", sorted(set(REFUSED) & set(CONFIG_MAPPING_NAMES)))
def test_a_family_that_can_be_asked_nothing_is_refused_in_one_line(tmp_path, family):
    config = AutoConfig.for_model(family)
    config.save_pretrained(tmp_path)
    with pytest.raises(InputError, match=f"is {REFUSED[family]}") as raised:
        camctl.load(f"transformers:{tmp_path}", random_weights=True)
    assert "\n" not in raised.value.message
    assert raised.value.hint


def test_a_model_of_videos_is_refused(tmp_path):
    transformers.VideoMAEConfig(architectures=["VideoMAEModel"]).save_pretrained(tmp_path)
    with pytest.raises(InputError, match="no image classifier, detector, segmenter, depth estimator or encoder"):
        camctl.load(f"transformers:{tmp_path}", random_weights=True)


@pytest.mark.parametrize(
    ("name", "asked", "says"),
    [
        ("detr", Likeness(picture()), "A likeness to another picture is asked of an embedding"),
        ("detr", Region("dog", (0, 0, 9, 9)), "A region is asked of a dense output"),
        ("detr", Classes("dog", versus="ant"), "'|detection"),
        ("detr", "zebra", "There is no class named 'zebra'"),
        ("segformer-segmenter", Detection(0), "A box is asked of a detector's boxes"),
        ("segformer-segmenter", Classes(threshold=0.5), "no classes that score above 0.5"),
        ("depth_anything", "dog", "There is no value named 'dog'"),
        ("depth_anything", Detection(0), "A box is asked of a detector's boxes"),
        ("dinov2-encoder", "dog", "an embedding, which has no class 'dog'"),
        ("dinov2-encoder", Region("dog", (0, 0, 9, 9)), "A region is asked of a dense output"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_a_question_that_a_kind_has_no_answer_to_is_one_line(tmp_path, name, asked, says):
    loaded, _ = loaded_from(name, tmp_path, random_weights=True)
    with pytest.raises(InputError, match=says) as raised:
        camctl.explain(loaded, picture(), targets=asked)
    assert raised.value.hint
    assert "\n" not in raised.value.message


def test_the_command_refuses_with_2_and_draws_what_can_be_asked(tmp_path):
    saved(DETECTORS["detr"], tmp_path / "detr")
    Image.fromarray(picture()).save(tmp_path / "a.png")
    words = [sys.executable, "-m", "camctl", "run", str(tmp_path / "a.png"), f"transformers:{tmp_path / 'detr'}"]
    run = partial(subprocess.run, capture_output=True, text=True, check=False)
    refused = run([*words, "--like", str(tmp_path / "a.png"), "--save-path", str(tmp_path / "maps")])
    drawn = run([*words, "--target-box", "0", "--save-path", str(tmp_path / "map.png")])
    assert refused.returncode == 2
    assert "asked of an embedding" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert drawn.returncode == 0, drawn.stderr
    assert (tmp_path / "map.png").exists()


SAMPLE = (
    "deformable_detr-two-stage", "d_fine", "lw_detr", "pp_doclayout_v3", "upernet-convnext", "mask2former",
    "detr-segmenter", "eomt", "chmv2", "depth_pro", "dinov2_with_registers-encoder", "siglip2-encoder", "cvt-encoder",
    "hiera-encoder", "radio-encoder",
)  # fmt: skip


@pytest.mark.parametrize("name", [name for name in SAMPLE if name in ALL])
def test_without_a_flag_the_map_is_ok_and_the_layer_the_experts(name):
    row = explained(name)

    assert row.verdict == "ok", row.reason
    assert (row.layer, row.grid, row.extra_tokens) == row.expected


def test_every_kind_has_families():
    assert min(map(len, (DETECTORS, SEGMENTERS, DEPTHS, ENCODERS))) > 7
