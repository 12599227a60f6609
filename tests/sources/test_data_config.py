"""Configs in JSON and YAML: the same model as in Python, and nothing in them runs."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from camctl.errors import InputError
from tests.sources.tiny import PIPELINE, PREPROCESSOR, RESNET

SOUND: dict[str, Any] = {
    "model": RESNET,
    "data_preprocessor": PREPROCESSOR,
    "test_dataloader": {"dataset": {"type": "CustomDataset", "pipeline": PIPELINE}},
}
TOUCH = {"type": "pathlib.Path.touch", "self": "canary"}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, importable, with code that writes a canary."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "evil.py").write_text("open('canary', 'w').close()\n")
    (tmp_path / "canary_package").mkdir()
    (tmp_path / "canary_package" / "registry.py").write_text("open('canary', 'w').close()\n")
    return tmp_path


def changed(value: Any, *path: Any) -> dict[str, Any]:
    """The sound config with a value put somewhere."""
    config = copy.deepcopy(SOUND)
    part: Any = config
    for key in path[:-1]:
        part = part[key]
    part[path[-1]] = value
    return config


def write(content: Any, name: str) -> Path:
    path = Path(name)
    path.write_text(json.dumps(content) if path.suffix == ".json" else yaml.safe_dump(content))
    return path


@pytest.mark.parametrize("name", ["tiny.json", "tiny.yaml", "tiny.yml"])
def test_model_is_that_of_the_same_config_in_python(write_config, load, name: str) -> None:
    batch = torch.zeros(1, 3, 32, 32)
    assert torch.equal(load(write(SOUND, name)).forward(batch), load(write_config()).forward(batch))


def test_bases_are_merged_as_in_python(load) -> None:
    write(SOUND, "base.json")
    own = {"_base_": ["base.json"], "model": {"head": {"num_classes": 7}}, "data_preprocessor": {"_delete_": True}}
    assert load(write(own, "tiny.yaml")).forward(torch.zeros(1, 3, 32, 32)).shape == (1, 7)


@pytest.mark.parametrize("name", ["tiny.json", "tiny.yaml"])
@pytest.mark.parametrize(
    ("config", "message"),
    [
        *(
            (changed(TOUCH, *path), "names 'pathlib.Path.touch', which is no registered class")
            for path in [
                ("model",),
                ("model", "backbone"),
                ("model", "head", "loss"),
                ("data_preprocessor",),
                ("test_dataloader", "dataset", "pipeline", 1),
            ]
        ),
        (changed({"type": "evil"}, "model", "neck"), "names 'evil'"),
        (changed({"type": "canary_package.X"}, "model", "neck"), "names 'canary_package.X'"),
        (changed({"type": "mmengine.utils.mkdir_or_exist", "dir_name": "canary"}, "model", "neck"), "names 'mmengine"),
        (changed(True, "model", "neck", "trust_remote_code"), "has True as its `trust_remote_code`"),
        (changed("canary_package", "model", "neck", "_scope_"), "has 'canary_package' as its `_scope_`"),
        (
            changed(
                {"type": "torchvision/ConvertImageDtype", "dtype": "os.mknod('canary')"},
                *("test_dataloader", "dataset", "pipeline", 1),
            ),
            r"has .*mknod.* as its `dtype`",
        ),
        ({**SOUND, "_base_": "evil.py"}, "its base 'evil.py' is not"),
        ({**SOUND, "_base_": ["mmpretrain::resnet/resnet50_8xb32_in1k.py"]}, "is not: it is no .json"),
        ({**SOUND, "_base_": "tiny.json"}, "is a base of itself|There is no config file"),
        ({**SOUND, "_base_": "missing.json"}, "There is no config file"),
        ([SOUND], "is no table of names and values"),
    ],
)
def test_what_asks_for_code_is_refused_and_does_not_run(
    load, folder: Path, name: str, config: Any, message: str
) -> None:
    with pytest.raises(InputError, match=message) as caught:
        load(write(config, name))
    assert caught.value.hint
    assert not (folder / "canary").exists()


def test_code_by_options_alone_is_refused(load, folder: Path) -> None:
    options = {"model.neck.type": "pathlib.Path.touch", "model.neck.self": "canary"}
    with pytest.raises(InputError, match=r"pathlib\.Path\.touch"):
        load(write(SOUND, "tiny.json"), cfg_options=options)
    assert not (folder / "canary").exists()


@pytest.mark.parametrize("tag", ["!!python/object/apply:os.mknod [canary]", "!!python/name:os.system"])
def test_tags_of_yaml_are_refused(load, folder: Path, tag: str) -> None:
    path = write(SOUND, "tiny.yaml")
    path.write_text(f"{path.read_text()}evil: {tag}\n")
    with pytest.raises(InputError, match="cannot be read: ConstructorError"):
        load(path)
    assert not (folder / "canary").exists()


def test_custom_imports_and_datasets_are_not_imported(load, folder: Path) -> None:
    config = changed("evil", "test_dataloader", "dataset", "type")
    assert load(write({**config, "custom_imports": {"imports": ["evil"]}}, "tiny.json")).class_names is None
    assert not (folder / "canary").exists()


@pytest.mark.parametrize(
    "text",
    [
        "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
        + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 30)),
        "model: &m\n  type: ImageClassifier\n  backbone: *m\n",
    ],
)
def test_aliases_that_never_end_are_refused(load, text: str) -> None:
    Path("tiny.yaml").write_text(text)
    with pytest.raises(InputError, match="holds too much"):
        load("tiny.yaml")
