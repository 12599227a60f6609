"""Plugins are found by entry point, and none of them can break a command."""

from __future__ import annotations

import os
import sys
import warnings
from itertools import count
from typing import TYPE_CHECKING

import pytest
from torch import nn

import camctl
from camctl import registry
from camctl.demo.scenes import render, scene
from camctl.errors import InputError, PluginError, PluginWarning, SpoiltModelError, UnknownNameError
from camctl.pipeline.method_selection import pick_methods
from camctl.registry import discovery
from camctl.registry.versions import versions

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Install = Callable[..., Path]

GOOD = """
from camctl.plugin import method

@method(name="Shiny", summary="Shines.", paper="none", needs={"activations"})
def shiny(capture):
    return capture.activations

class Nets:
    summary = "Nets."
    def matches(self, model): return type(model).__name__ == "Net"
    def target_layers(self, model): return ["last"]
    def extra_tokens(self, model): return 0
    def to_grid(self, output, input_size): return None

class Shelf:
    summary = "A shelf."
    def load(self, reference, checkpoint, device, options): ...
"""

modules = count()


class Net(nn.Module):
    """A model that no built-in adapter knows."""

    def __init__(self) -> None:
        super().__init__()
        self.last = nn.Identity()


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Put a fake distribution on the path: a `.dist-info` folder and a module; gives the folder."""
    monkeypatch.setattr(discovery, "_warned", set())

    def install(
        distribution: str, entries: str, code: str = GOOD, *, version: str = "1.0", folder: Path | None = None
    ) -> Path:
        # Modules stay in memory from test to test, so each gets a name of its own.
        module = f"fake_plugin_{next(modules)}"
        folder = folder or tmp_path / f"site{next(modules)}"
        info = folder / f"{distribution.replace('-', '_')}-{version}.dist-info"
        info.mkdir(parents=True)
        (info / "entry_points.txt").write_text(entries.replace("MODULE", module))
        (folder / f"{module}.py").write_text(code)
        if str(folder) not in sys.path:
            monkeypatch.syspath_prepend(folder)
        return folder

    return install


def one_method(name: str, attribute: str = "shiny") -> str:
    return f"[camctl.methods]\n{name} = MODULE:{attribute}\n"


def names(kind: registry.Kind) -> list[str]:
    return [found.name for found in discovery.find(kind)]


def test_built_in_plugins_are_found_by_their_own_entry_points() -> None:
    assert {"gradcam", "gradcam++", "layercam", "eigencam"} <= set(names("method"))
    assert {"cnn", "vit", "swin", "t2t"} <= set(names("adapter"))
    assert {"mmpretrain", "python", "demo"} <= set(names("source"))
    own = {"cnn", "vit", "swin", "t2t"}
    assert all(found.built_in for found in discovery.find("adapter") if found.name in own)


def test_finding_imports_nothing_and_sorts_by_name(install: Install) -> None:
    install("camctl-shiny", one_method("aardvark"), "raise RuntimeError('imported')")

    assert names("method") == sorted(names("method"), key=str.casefold)
    assert names("method")[0] == "aardvark"


def test_found_plugin_knows_its_package_and_version(install: Install) -> None:
    install("Camctl_Shiny", one_method("shiny"), version="2.5")

    found = registry.locate("method", "shiny")

    assert (found.label, found.version, found.built_in) == ("camctl-shiny[shiny]", "2.5", False)


@pytest.mark.parametrize("spelling", ["gradcam++", "GradCAM++", "gradcam-plus-plus", "GradCAMPlusPlus", "Grad_CAM++"])
def test_plus_plus_is_found_in_every_spelling(spelling: str) -> None:
    assert registry.locate("method", spelling).name == "gradcam++"


@pytest.mark.parametrize("spelling", ["gradcam", "GradCAM", "grad-cam", "Grad CAM"])
def test_name_without_plus_never_finds_plus_plus(spelling: str) -> None:
    assert registry.locate("method", spelling).name == "gradcam"


def test_name_spelt_exactly_goes_before_one_spelt_alike(install: Install) -> None:
    install("camctl-shiny", one_method("layer-cam"))

    assert registry.locate("method", "Layer-CAM").label == "camctl-shiny[layer-cam]"
    assert registry.locate("method", "LayerCAM").label == "camctl[layercam]"


def test_unknown_name_suggests_near_ones() -> None:
    with pytest.raises(UnknownNameError, match="no method named 'gradcan'") as caught:
        registry.locate("method", "gradcan")

    assert "gradcam" in caught.value.hint


def test_one_distribution_twice_on_the_path_is_no_clash(install: Install) -> None:
    install("camctl-shiny", one_method("shiny"), version="1.0")
    install("camctl-shiny", one_method("shiny"), version="2.0")

    # What comes first on the path is what Python would import.
    assert registry.locate("method", "shiny").version == "2.0"


@pytest.mark.parametrize(
    "entries",
    ["no section here\n", "[camctl.methods\nx = y\n", "[camctl.methods]\nx = 1\nx = 2\n", "[a]\n\xff = %(x\n[a]\n"],
)
def test_malformed_neighbour_costs_one_warning_and_nothing_else(install: Install, entries: str) -> None:
    folder = install("aaa-neighbour", entries)
    install("camctl-shiny", one_method("shiny"), folder=folder)

    with pytest.warns(PluginWarning, match="aaa-neighbour") as caught:
        found = [*names("method"), *names("adapter")]

    assert {"shiny", "vit"} <= set(found)
    assert len(caught) == 1


def test_entry_that_names_no_object_costs_a_warning_with_its_package(install: Install) -> None:
    install("camctl-shiny", "[camctl.methods]\nodd = not an object!\nshiny = MODULE:shiny\n")

    with pytest.warns(PluginWarning, match=r"camctl-shiny\[odd\]"):
        assert "shiny" in names("method")


def test_class_of_adapter_or_source_is_made_an_instance(install: Install) -> None:
    install("camctl-shiny", "[camctl.adapters]\nnets = MODULE:Nets\n[camctl.sources]\nshelf = MODULE:Shelf\n")

    assert registry.pick("adapter", "nets").plugin.summary == "Nets."
    assert not isinstance(registry.pick("source", "shelf").plugin, type)


def test_adapter_that_lacks_a_member_says_which(install: Install) -> None:
    install("camctl-shiny", "[camctl.adapters]\nnets = MODULE:Shelf\n")

    with pytest.raises(PluginError, match="without matches, target_layers, extra_tokens, to_grid"):
        registry.pick("adapter", "nets")


def test_third_partys_adapter_goes_before_the_built_in_ones(install: Install) -> None:
    install("camctl-shiny", "[camctl.adapters]\nzebra = MODULE:Nets\n", GOOD.replace('"Net"', '"ResNet"'))

    class ResNet(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.last = self.layer4 = nn.Sequential(nn.Sequential())
            self.layer4[0].bn2 = nn.Identity()

    matched = registry.match_adapter(ResNet())
    assert matched is not None
    assert matched.found.name == "zebra"
    assert registry.pick("adapter", "cnn").plugin.matches(ResNet())


def test_two_third_parties_that_know_a_model_ask_for_the_option(install: Install) -> None:
    install("camctl-one", "[camctl.adapters]\none = MODULE:Nets\n")
    install("camctl-two", "[camctl.adapters]\ntwo = MODULE:Nets\n")

    with pytest.raises(PluginError, match=r"camctl-one\[one\] and camctl-two\[two\]") as caught:
        registry.match_adapter(Net())

    assert "such as: --adapter one" in caught.value.hint
    chosen = registry.match_adapter(Net(), "two")
    assert chosen is not None
    assert chosen.found.label == "camctl-two[two]"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("configs/resnet/resnet50.py", ("mmpretrain", "configs/resnet/resnet50.py")),
        ("resnet50_8xb32_in1k", ("mmpretrain", "resnet50_8xb32_in1k")),
        ("mmpretrain:resnet50_8xb32_in1k", ("mmpretrain", "resnet50_8xb32_in1k")),
        ("demo:vit", ("demo", "vit")),
        ("DEMO:vit", ("demo", "vit")),
        ("python:package.module:factory", ("python", "package.module:factory")),
        (r"C:\configs\resnet.py", ("mmpretrain", r"C:\configs\resnet.py")),
        ("C:/configs/resnet.py", ("mmpretrain", "C:/configs/resnet.py")),
        ("https://example.org/resnet.py", ("mmpretrain", "https://example.org/resnet.py")),
    ],
)
def test_model_text_is_split_into_source_and_reference(text: str, expected: tuple[str, str]) -> None:
    assert registry.split_model(text) == expected


def test_file_with_a_colon_in_its_name_is_a_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "demo:vit").write_text("")

    assert registry.split_model("demo:vit") == ("mmpretrain", "demo:vit")


def test_source_that_is_not_installed_names_its_package_and_another_way(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # Where the workspace's own plugins are installed, they are taken off the path's entry points.
    (tmp_path / "camctl-1.0.dist-info").mkdir()
    (tmp_path / "camctl-1.0.dist-info" / "entry_points.txt").write_text("[camctl.sources]\ndemo = x:y\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path)])

    with pytest.raises(InputError) as caught:
        registry.split_model("timm:resnet50")

    assert "camctl-timm" in caught.value.hint
    assert "python:timm:resnet50" in caught.value.hint


def test_unknown_source_suggests_near_ones() -> None:
    with pytest.raises(UnknownNameError, match="no source named 'demos'") as caught:
        registry.split_model("demos:vit")

    assert "demo" in caught.value.hint


@pytest.mark.parametrize("text", ["demo:", "demo"])
def test_source_without_a_model_says_how_to_write_it(text: str) -> None:
    with pytest.raises(InputError, match=f"'{text}' names a source, but no model") as caught:
        registry.split_model(text)

    assert caught.value.hint == "Write it as demo:vit"


def test_a_file_with_the_name_of_a_source_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "demo").mkdir()

    assert registry.split_model("demo") == ("mmpretrain", "demo")


def test_a_baseline_is_told_by_its_field_and_not_by_its_displayed_name(install: Install) -> None:
    words = 'summary="x", paper="x", needs={"activations"}, reduction="none", discriminative=False'
    code = f"""
from camctl.plugin import method

@method(name="Random", {words})
def shown(capture):
    return capture.activations.sum(1)

@method(name="Mine", {words}, baseline=True)
def said(capture):
    return capture.activations.sum(1)
"""
    install("camctl-shiny", "[camctl.methods]\nshown = MODULE:shown\nsaid = MODULE:said\n", code)

    comparison = camctl.compare("demo:resnet", render(scene(6_000_000, 2), 112), methods=["shown", "said"])

    assert comparison.axis("method").labels == ("Random", "Mine")
    assert comparison.baselines == ("Mine",)
    assert {"Random", "Mine"} & {one.name for one in pick_methods(["all"])} == {"Random"}


def test_a_model_that_a_method_spoils_draws_no_more_maps(install: Install) -> None:
    spoil = GOOD.replace(
        "    return capture.activations",
        "    next(capture.module.parameters()).detach().zero_()\n    return capture.activations",
    )
    install("camctl-shiny", one_method("shiny"), spoil)
    pictures = [render(scene(6_000_000 + number, 2), 112) for number in range(2)]

    with pytest.raises(SpoiltModelError, match="must be loaded again"):
        camctl.compare(["demo:resnet"], pictures, methods=["shiny"])


def test_healthy_environment_gives_no_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for kind in ("method", "adapter", "source"):
            discovery.find(kind)


def test_entry_points_that_are_no_file_cost_a_warning_and_no_wait(install: Install) -> None:
    folder = install("camctl-shiny", one_method("shiny"))
    (folder / "pipe-1.0.dist-info").mkdir()
    os.mkfifo(folder / "pipe-1.0.dist-info" / "entry_points.txt")
    (folder / "folder-1.0.dist-info" / "entry_points.txt").mkdir(parents=True)

    with pytest.warns(PluginWarning, match="is not a regular file") as caught:
        assert "shiny" in names("method")

    assert [str(warning.message).split(" are ignored")[0] for warning in caught] == [
        "The entry points of the package folder",
        "The entry points of the package pipe",
    ]


@pytest.mark.parametrize(
    "content",
    [b"\xff\xfe", b"\0" * 1000, b"[camctl.methods]\n" + b"x" * (5 << 20), b"%(x)s = y\n", b"[camctl.methods\n"],
)
def test_binary_huge_and_broken_entry_points_cost_one_warning(install: Install, content: bytes) -> None:
    folder = install("camctl-shiny", one_method("shiny"))
    (folder / "torn-1.0.dist-info").mkdir()
    (folder / "torn-1.0.dist-info" / "entry_points.txt").write_bytes(content)

    with pytest.warns(PluginWarning, match="of the package torn are ignored") as caught:
        assert "shiny" in names("method")

    assert len(caught) == 1
    assert len(str(caught[0].message)) < 400


@pytest.mark.parametrize("name", ["a\x1b[2Jb", "x" * 100_000, "a\x00b", "\u202eb"])
def test_a_name_that_cannot_be_shown_costs_a_warning_that_can(install: Install, name: str) -> None:
    install("camctl-shiny", f"[camctl.methods]\n{name} = a:b\nshiny = MODULE:shiny\n")

    with pytest.warns(PluginWarning, match="is no name") as caught:
        assert "shiny" in names("method")

    assert str(caught[0].message).isprintable()
    assert len(str(caught[0].message)) < 400


def test_ten_thousand_plugins_are_found_by_name_and_know_their_rivals(install: Install) -> None:
    lines = "".join(f"m{number} = a:b\n" for number in range(10_000))
    install("camctl-many", f"[camctl.methods]\n{lines}")
    install("camctl-other", "[camctl.methods]\nM-77 = a:b\n")

    plugins = [found for found in discovery.find("method") if found.distribution == "camctl-many"]

    assert len(plugins) == 10_000
    clashes = {found.name: [rival.label for rival in discovery.rivals(found)] for found in plugins}
    assert {name: labels for name, labels in clashes.items() if labels} == {"m77": ["camctl-other[M-77]"]}
    assert registry.locate("method", "m_9999").label == "camctl-many[m9999]"


def test_versions_survive_a_package_without_metadata(install: Install) -> None:
    folder = install("camctl-shiny", one_method("shiny"), version="3.1")
    (folder / "numpy-9.dist-info").mkdir()

    found = versions()

    assert found["camctl-shiny"] == "3.1"
    assert "torch" in found


@pytest.mark.parametrize("text", ["python:" + "x" * 5000, "a\0b", "python:a\0b:c"])
def test_a_model_that_no_file_can_be_named_is_split_like_any_other(text: str) -> None:
    source, reference = registry.split_model(text)

    assert f"{source}:{reference}" in {text, f"mmpretrain:{text}"}
