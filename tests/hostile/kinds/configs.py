"""Configs: sound ones, data formats that ask for code, bases of another kind, bombs, and `--cfg-options`."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import TYPE_CHECKING, Any

from tests.hostile.case import ESCAPE, Case, Expected, Lot
from tests.hostile.kinds.mutation import damaged, nonsense, spoilt

if TYPE_CHECKING:
    from random import Random

SOUND: dict[str, Any] = {
    "model": {
        "type": "ImageClassifier",
        "backbone": {
            "type": "ResNet",
            "depth": 18,
            "stem_channels": 8,
            "base_channels": 4,
            "out_indices": [3],
            "style": "pytorch",
        },
        "neck": {"type": "GlobalAveragePooling"},
        "head": {"type": "LinearClsHead", "num_classes": 5, "in_channels": 32},
    },
    "data_preprocessor": {"num_classes": 5, "mean": [123.0, 116.0, 103.0], "std": [58.0, 57.0, 57.0], "to_rgb": True},
    "test_dataloader": {
        "dataset": {
            "type": "CustomDataset",
            "pipeline": [{"type": "LoadImageFromFile"}, {"type": "Resize", "scale": 64}, {"type": "PackInputs"}],
        }
    },
    "default_scope": "mmpretrain",
}


def _case(lot: Lot, name: str, content: bytes | str, *more: str, expected: Expected = "any", **fields: Any) -> Case:
    file = lot.write(name, content)
    words = ["layers", file, "--json", *more]
    if lot.random.random() < 0.3:
        words = ["run", lot.copy("scene.png"), file, "--random-weights", "--save-path", "out.png", "--quiet", *more]
    fields.setdefault("code_allowed", name.endswith(".py"))
    return Case(words=words, expected=expected, **fields)


def _python(config: dict[str, Any]) -> str:
    return "\n".join(f"{key} = {value!r}" for key, value in config.items())


def _yaml(config: dict[str, Any]) -> str:
    import yaml

    return yaml.safe_dump(config)


def sound(lot: Lot) -> Case:
    """A whole config in each of its formats."""
    name, write = lot.random.choice(
        (("tiny.py", _python), ("tiny.json", json.dumps), ("tiny.yaml", _yaml), ("tiny.yml", _yaml))
    )
    return _case(lot, name, write(SOUND), expected="accepted")


def spoilt_values(lot: Lot) -> Case:
    """A config with values of any kind in random places."""
    config = spoilt(lot.random, deepcopy(SOUND), lot.random.choice((1, 1, 2, 4)))
    name = lot.random.choice(("tiny.json", "tiny.json", "tiny.py"))
    text = (
        json.dumps(config)
        if name.endswith("json")
        else _python(config if isinstance(config, dict) else {"model": config})
    )
    text = (
        text.replace("Infinity", "1e999")
        if name.endswith("json")
        else text.replace("inf,", "1e999,").replace("nan", "None")
    )
    return _case(lot, name, text)


def mutated(lot: Lot) -> Case:
    """A config with bytes changed."""
    name, write = lot.random.choice((("tiny.json", json.dumps), ("tiny.yaml", _yaml), ("tiny.py", _python)))
    return _case(lot, name, damaged(lot.random, write(SOUND).encode()))


def yaml_objects(lot: Lot) -> Case:
    """YAML whose tags ask for Python's objects and calls."""
    shell = json.dumps(f"touch '{lot.canary}'")
    touch = json.dumps(f"open({lot.canary!r}, 'w').close()")
    tag = lot.random.choice((
        f"!!python/object/apply:os.system [{shell}]",
        f"!!python/object/apply:subprocess.getoutput [{shell}]",
        f"!!python/object/apply:builtins.eval [{touch}]",
        f"!!python/object/new:os.system [{shell}]",
        f"!!python/object/apply:builtins.exec [{touch}]",
        "!!python/name:os.system",
        "!!python/module:this",
        f"!!python/object/new:tuple [!!python/object/new:map [!!python/name:eval , [{touch}]]]",
    ))  # fmt: skip
    place = lot.random.choice(("evil: {}\n{}", "{1}evil: {0}\n", "{1}custom_hooks:\n- {0}\n"))
    return _case(lot, lot.random.choice(("tiny.yaml", "tiny.yml")), place.format(tag, _yaml(SOUND)))


def dotted_types(lot: Lot) -> Case:
    """JSON, YAML or options whose `type` names any function there is."""
    shell = f"touch '{lot.canary}'"
    evil = lot.random.choice((
        {"type": "subprocess.getoutput", "cmd": shell},
        {"type": "subprocess.getstatusoutput", "cmd": shell},
        {"type": "subprocess.check_output", "args": ["touch", lot.canary]},
        {"type": "subprocess.Popen", "args": ["touch", lot.canary]},
        {"type": "pathlib.Path.touch", "self": lot.canary},
        {"type": "shutil.copyfile", "src": "/dev/null", "dst": lot.canary},
        {"type": "builtins.open", "file": lot.canary, "mode": "w"},
        {"type": "io.open", "file": lot.canary, "mode": "w"},
        {"type": "os.mknod", "path": lot.canary},
        {"type": "mmengine.utils.mkdir_or_exist", "dir_name": lot.canary},
    ))  # fmt: skip
    config = deepcopy(SOUND)
    pipeline = config["test_dataloader"]["dataset"]["pipeline"]
    match lot.random.randrange(7):
        case 0:
            config["model"]["backbone"] = evil
        case 1:
            config["model"]["head"] = evil
        case 2:
            config["model"]["neck"] = evil
        case 3:
            pipeline.insert(1, evil)
        case 4:
            config["data_preprocessor"] = config["model"]["data_preprocessor"] = evil
        case 5:
            config["model"]["head"]["loss"] = evil
        case 6:
            config["model"] = evil
    name, write = lot.random.choice((("tiny.json", json.dumps), ("tiny.yaml", _yaml)))
    case = _case(lot, name, write(config))
    if lot.random.random() < 0.2:  # the same by options alone
        name = lot.write("tiny.json", json.dumps(SOUND))
        case.words = [
            "layers",
            name,
            "--cfg-options",
            f"model.neck.type={evil['type']}",
            *(f"model.neck.{key}={value}" for key, value in evil.items() if isinstance(value, str) and key != "type"),
        ]
    return case


def imports(lot: Lot) -> Case:
    """Data that imports: `custom_imports`, a `_base_` of another kind, files of others as a base."""
    touch = f"open({lot.canary!r}, 'w').close()\n"
    lot.write("evil.py", touch)
    evil_base = lot.random.choice(("evil.py", "./evil.py", str(lot.folder / "evil.py"), ["evil.py"], {"a": "evil.py"}))
    config = deepcopy(SOUND)
    if lot.random.random() < 0.4:
        config["custom_imports"] = {
            "imports": lot.random.choice((["evil"], "evil")),
            "allow_failed_imports": lot.random.choice((True, False)),
        }
    else:
        config["_base_"] = evil_base
    name, write = lot.random.choice((("tiny.json", json.dumps), ("tiny.yaml", _yaml)))
    return _case(lot, name, write(config), path=(".",), code_allowed=False)


def bases(lot: Lot) -> Case:
    """Bases that are not there, that are the config itself, devices, addresses, or of any type."""
    lot.write("other.json", json.dumps({"_base_": "tiny.json", "a": 1}))
    base = lot.random.choice(
        (
            "tiny.json",
            "other.json",
            "missing.json",
            "/dev/zero",
            "/dev/null",
            "/",
            "",
            5,
            None,
            [],
            ["tiny.json"] * 3,
            "http://127.0.0.1:1/a.py",
            "mmpretrain::x.py",
            "mmpretrain::resnet/resnet50_8xb32_in1k.py",
            "\0",
            "x" * 5000,
            "~nobody/x.json",
            {"a": 5},
        )
    )
    return _case(lot, "tiny.json", json.dumps(deepcopy(SOUND) | {"_base_": base}), code_allowed=True)


def bombs(lot: Lot) -> Case:
    """Files whose reading takes time or memory without end."""
    random = lot.random
    laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, random.choice((6, 10, 30)))
    )
    depth = random.choice((500, 5_000, 200_000))
    name, content = random.choice((
        ("bomb.yaml", laughs + _yaml(SOUND)),
        ("bomb.yaml", "&a [*a]\n"),
        ("bomb.yaml", "model: &m\n  type: ImageClassifier\n  backbone: *m\n"),
        ("bomb.yaml", "[" * depth),
        ("bomb.yaml", "{" * depth),
        ("bomb.yaml", "- " * depth),
        ("bomb.yaml", "a: " + "9" * 5000 + "\nmodel: {type: " + "9" * 5000 + "}"),
        ("bomb.yaml", "a: 1_000:59:59:59\n? [a, b]\n: 5\n<<: 5\n"),
        ("bomb.json", "[" * depth + "]" * depth),
        ("bomb.json", '{"a":' * depth + "1" + "}" * depth),
        ("bomb.json", json.dumps(deepcopy(SOUND) | {"x": "{{" * 20000})),
        ("bomb.json", json.dumps(deepcopy(SOUND) | {"x": "{{ fileDirname }} {{ $HOME:x }} {{ $NO_SUCH }}"})),
        ("bomb.json", json.dumps(deepcopy(SOUND)).replace("18", "9" * 5000)),
        ("bomb.json", '{"model": {"type": "ImageClassifier", "type": ["a"]}, "model": 5}'),
        ("bomb.json",
        json.dumps({"model": {"type": "ImageClassifier",
        "backbone": {"type": "ResNet", "depth": 18, "base_channels": 2**40}}})),
        ("bomb.json",
        json.dumps({"model": {"type": "ImageClassifier", "backbone": {"type": "ResNet", "depth": 10**9}}})),
        ("bomb.py", f"model = {'[' * 150}{']' * 150}"),
        ("bomb.py", "raise KeyboardInterrupt"), ("bomb.py", "import sys; sys.exit(0)"),
        ("bomb.py", "raise BaseException('x\\x1b]0;PWNED\\x07')"),
        ("bomb.py", "raise GeneratorExit"), ("bomb.py", f"raise ValueError({ESCAPE!r})"),
        ("bomb.py", "def f(): f()\nf()"),
        ("bomb.py", "class E(Exception):\n    def __str__(self): raise self\nraise E"), ("bomb.py", "x = 'é"),
        ("bomb.py", "\0"),
        ("bomb.py", "# -*- coding: rot13 -*-\nx=1"),
        ("bomb.py", "from mmengine.config import read_base\nwith read_base():\n    from .x import *"),
        ("bomb.py", _python(SOUND) + "\nimport os; os.close(1)"),
        ("bomb.py", _python(SOUND) + "\nprint('\\x1b]0;PWNED\\x07')"),
    ))  # fmt: skip
    return _case(lot, name, content)


def _value(random: Random) -> str:
    depth = random.choice((10, 900, 5_000, 60_000))
    return random.choice((
        "[" * depth, "[" * depth + "]" * depth, "(" * depth + ")" * depth, "[(" * depth, "],[" * depth, "," * depth,
        "[" * depth + "1,2" + "]" * depth,
        "'" * depth, '"[' + "'" * 9, "9" * 5000, "1e" + "9" * 50, "0x1", "1_000", "nan", "inf", "None", "True", "[]",
        "()", "[,]", "(,)", "[None]",
        "{'a':1}", "__import__('os')", ESCAPE, "é" * depth, "\udcff", "a=b=c", "{{ $HOME }}", "[1,[2,(3,4],5)]", " ",
        "",
    ))  # fmt: skip


def cfg_options(lot: Lot) -> Case:
    """`--cfg-options` with nested brackets, odd keys, odd values."""
    random = lot.random
    key = random.choice((
        "model", "model.type", "model.head.num_classes", "model.head", "model.backbone.depth", "a", "a.b.c",
        "a." * 3000 + "b", ".", "..", "a..b", "model.head.type",
        "test_dataloader.dataset.pipeline.1.scale", "test_dataloader.dataset.pipeline.-1",
        "test_dataloader.dataset.pipeline.99", "test_dataloader", "__class__", "_base_",
        "model.__init__", "_delete_", "filename", "pretty_text", ESCAPE, "data_preprocessor.mean", "default_scope",
        "custom_imports.imports", "model.neck", "_cfg_dict", "get", "dump",
    ))  # fmt: skip
    more = ["--cfg-options", *(f"{key}={_value(random)}" for _ in range(random.choice((1, 1, 3))))]
    return _case(lot, "tiny.json", json.dumps(SOUND), *more)


def _places(value: Any, place: str = "") -> list[str]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [each for key, part in items for each in (f"{place}{key}", *_places(part, f"{place}{key}."))]


def kinds(lot: Lot) -> Case:
    """`--cfg-options` that put a value of another kind at any place of a config."""
    random = lot.random
    unset = (
        "model.init_cfg", "model.backbone.init_cfg", "model.head.loss", "model.head.topk", "model.pretrained",
        "model.train_cfg", "model._scope_", "data_preprocessor.batch_augments", "test_dataloader.dataset.dataset",
        "test_dataloader.dataset.datasets", "test_dataloader.dataset.classes", "test_dataloader.dataset.metainfo",
        "val_dataloader", "data", "data.test", "test_pipeline", "model.backbone.norm_cfg", "_base_",
        "test_dataloader.dataset.pipeline.0.color_type", "test_dataloader.dataset.pipeline.0.to_float32",
    )  # fmt: skip
    values = (
        "None",
        "True",
        "0",
        "-1",
        "5",
        "1e9",
        "nan",
        "x",
        "",
        "[]",
        "[None]",
        "[1,2]",
        "(1,2)",
        "[[1],x]",
        "Resize",
    )
    places = random.choices((*_places(SOUND), *unset), k=random.choice((1, 1, 2, 4)))
    more = ["--cfg-options", *(f"{place}={random.choice(values)}" for place in places)]
    return _case(lot, "tiny.json", json.dumps(SOUND), *more)


def other(lot: Lot) -> Case:
    """Files that are no configs, of a config's ending."""
    content = lot.random.choice(
        (
            b"",
            b"\0" * 100,
            lot.sound("scene.png"),
            lot.sound("resnet.pth"),
            b"\xff\xfe{\0}\0",
            b"\xef\xbb\xbf{}",
            b"null",
            b"5",
            b'"x"',
            b"[]",
            b"{}",
            json.dumps(nonsense(lot.random, 4)).encode(),
        )
    )
    return _case(lot, lot.random.choice(("x.json", "x.yaml", "x.yml", "x.py", "x.toml")), content)


SORTS = {
    "sound": sound, "spoilt": spoilt_values, "mutated": mutated, "yaml-objects": yaml_objects,
    "dotted-types": dotted_types,
    "imports": imports, "bases": bases, "bombs": bombs, "cfg-options": cfg_options, "kinds": kinds,
    "other": other,
}  # fmt: skip
