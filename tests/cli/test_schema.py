"""Everything that `--json` prints is described by the published schema, and the schema describes nothing else."""

import json
from pathlib import Path
from typing import get_args

import pytest

import camctl
from camctl.demo.game import play
from camctl.demo.tour import Tour
from camctl.files.manifest import SCHEMA_VERSION, document
from camctl.values.cam import VerdictName
from camctl.values.layer_map import WhyNot
from camctl.values.output import OutputKind

jsonschema = pytest.importorskip("jsonschema")

PATH = Path(__file__).parents[2] / "docs" / "schemas" / f"camctl-{SCHEMA_VERSION}.schema.json"
SCHEMA = json.loads(PATH.read_text(encoding="utf-8"))
MODEL = "python:nets:small"


def faults(name, value):
    """Return how a value differs from a definition of the schema."""
    schema = {"$ref": f"#/$defs/{name}", "$defs": SCHEMA["$defs"]}
    errors = jsonschema.Draft202012Validator(schema).iter_errors(value)
    return [f"{error.json_path}: {error.message[:300]}" for error in errors]


def objects(schema):
    """Yield all descriptions of objects."""
    if isinstance(schema, dict):
        if "properties" in schema and schema.get("type") == "object":
            yield schema
        for part in schema.values():
            yield from objects(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from objects(part)


@pytest.fixture
def folder(picture, tmp_path):
    """A folder of pictures, by class."""
    place = tmp_path / "pictures"
    for number, name in enumerate(("cat", "dog", "cat", "dog")):
        (place / name).mkdir(parents=True, exist_ok=True)
        picture.rotate(90 * number).save(place / name / f"{number}.png")
    return place


def test_the_schema_is_a_schema():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_every_object_is_described_and_holds_no_other_field():
    kinds = [schema for schema in objects(SCHEMA) if schema != SCHEMA["$defs"]["review_worst"]["items"]]
    assert len(kinds) > 40
    assert all(kind["description"] and kind["additionalProperties"] is False for kind in kinds)


def test_the_words_of_the_schema_are_those_of_the_code():
    kinds = SCHEMA["$defs"]
    assert kinds["verdict"]["enum"] == [*get_args(VerdictName)]
    assert kinds["output"]["properties"]["kind"]["enum"] == [*get_args(OutputKind)]
    (module,) = (kind for kind in objects(kinds["layers"]) if "why_not" in kind["properties"])
    assert module["properties"]["why_not"]["enum"] == [*get_args(WhyNot)]


COMMANDS = {
    "run": "run {photo} demo:resnet --method GradCAM LayerCAM --topk 2",
    "run of a contrast": "run {photo} demo:resnet --target-category cat --versus dog",
    "run of parts and an expected class": "run {photo} demo:resnet --boxes q90 --expect cat",
    "run that draws nothing": "run {photo} demo:vit --target-layers backbone.ln1",
    "compare": "compare {photo} --model demo:resnet demo:vit --metrics drop --baselines",
    "compare of parts": "compare {photo} demo:resnet --method GradCAM --masks",
    "compare with holes": "compare {photo} --model demo:resnet demo:vit --method GradCAM LeGrad",
    "compare with sanity": "compare {photo} demo:resnet --method GradCAM Edges --sanity",
    "compare of layers": "compare {photo} demo:resnet --target-layers auto:2 --metrics drop",
    "layers": "layers demo:vit",
    "layers_check": "layers demo:swin --check",
    "methods": "methods",
    "method": "methods GradCAM",
    "metrics": "metrics",
    "metric": "metrics drop",
    "plugins": "plugins",
    "plugins_check": "plugins check gradcam --kind method",
    "versions": "--version",
}


@pytest.mark.parametrize("name", COMMANDS)
def test_what_a_command_prints_is_described(camctl, photo, name):
    done = camctl(*(word.format(photo=photo) for word in COMMANDS[name].split()), "--json")
    assert faults(name.split()[0], done.json) == [], done.err
    if isinstance(done.json, dict):
        assert done.json["schema_version"] == SCHEMA_VERSION


def test_a_data_set_its_review_and_its_drift_are_described(camctl, folder, tmp_path):
    out, other = tmp_path / "out", tmp_path / "other"
    common = ("demo:resnet", "--method", "GradCAM", "LayerCAM", "--metrics", "drop")
    assert faults("dataset_run", camctl("run", folder, *common, "--save-path", out, "--json").json) == []
    assert faults("review", camctl("review", out, "--save-path", tmp_path / "r.html", "--json").json) == []
    assert faults("review_worst", camctl("review", out, "--worst", 2, "--json").json) == []
    assert camctl("run", folder, *common, "--save-path", other, "--quiet").code == 0
    assert faults("drift", camctl("compare", "--results", out, "--baseline", other, "--json").json) == []


def test_a_comparison_with_an_earlier_one_and_a_manifest_are_described(camctl, photo, tmp_path):
    raw, manifest = tmp_path / "maps.npz", tmp_path / "grid.json"
    assert camctl("run", photo, "demo:resnet", "--save-raw", raw, "--quiet").code == 0
    done = camctl("compare", photo, "demo:resnet", "--baseline", raw, "--save-path", manifest, "--json")
    assert faults("compare", done.json) == []
    assert done.json["baseline"]["maps"]
    assert faults("compare", json.loads(manifest.read_text())) == []


def test_the_demo_is_described(tmp_path):
    scores = play({"resnet": camctl.load("demo:resnet")}, 1, methods=("GradCAM", "Random"))
    for photograph in (None, tmp_path / "photograph.png"):
        made = Tour(
            index=tmp_path / "index.html", sheet=tmp_path / "sheet.png", scores=scores, photograph=photograph
        ).to_dict()
        assert faults("demo", document(made)) == []
        assert [row["won"] for row in made["scores"]] == [*scores.won["resnet"].values()]


def test_a_field_that_is_not_described_is_a_fault():
    assert faults("plugins", [{"kind": "method"}])
    assert faults("place", dict.fromkeys(SCHEMA["$defs"]["place"]["properties"], "") | {"more": ""})
