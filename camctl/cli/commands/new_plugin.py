"""Templates of `camctl plugins new`: a package with one plugin that installs, runs and passes the check unchanged."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from camctl.errors import InputError
from camctl.plugin import GROUPS

if TYPE_CHECKING:
    from pathlib import Path

    from camctl.registry.discovery import Kind

PROJECT = """[build-system]
requires = ["hatchling>=1.24"]
build-backend = "hatchling.build"

[project]
name = "{package}"
version = "0.1.0"
description = "{title}: {a_kind} for camctl."
readme = "README.md"
requires-python = ">=3.11"
dependencies = ["camctl"]

[project.entry-points."{group}"]
{name} = "{module}:{attribute}"

[dependency-groups]
test = ["pytest>=8"]
"""

README = """# {package}

{title} is {a_kind} for camctl. Try it:

```bash
pip install -e .
camctl plugins check {name} --kind {kind}
{command}
```
"""

TEST = '''"""The {kind} holds the contract."""

from camctl.testing import check


def test_the_contract_is_held():
{note}    assert [finding for finding in check("{kind}", "{name}"{models}) if not finding.ok] == []
'''

METHOD = '''"""{title}."""

from camctl.plugin import Capture, method


@method(
    name="{title}",
    summary="Weights each channel by the softmax of its mean gradient.",
    paper="Nobody, {year}",
    formula="ReLU( sum_c softmax_c(g_c / (t max|g|)) A_c ),  g_c = mean_ij(G_c)",
    needs={{"activations", "gradients"}},
)
def {name}(capture: Capture, *, temperature: float = 0.1):
    """Evidence (N, C, H, W). `temperature`: higher values make the weights more even."""
    strength = capture.gradients.mean((2, 3), keepdim=True)
    strength = strength / strength.abs().amax(1, keepdim=True).clamp_min(1e-12)
    return (strength / temperature).softmax(1) * capture.activations
'''

METRIC = '''"""{title}."""

from camctl.plugin import Case, metric


@metric(
    name="{title}",
    summary="Share of the picture that the map values above a half.",
    paper="Nobody, {year}",
    formula="mean_ij [M_ij > 1/2]",
    better="neither",
)
def {name}(case: Case) -> float:
    """The share, 0 to 1."""
    return float((case.values > 0.5).float().mean())
'''

ADAPTER = '''"""{title}."""

from __future__ import annotations

from typing import TYPE_CHECKING

from camctl.plugin import Adapter

if TYPE_CHECKING:
    from torch import nn


class {attribute}(Adapter):
    """Describe the family here. For tokens, see also `extra_tokens` and `to_grid` of the base class."""

    summary = "Networks whose last stage is called layer4."

    def matches(self, model: nn.Module) -> bool:
        """Whether the model has the stage. Must be cheap: look at classes and attributes only."""
        return self._stage(model) is not None

    def target_layers(self, model: nn.Module) -> list[str]:
        """The last layer with positions that the class score depends on."""
        return [self._stage(model)]

    def _stage(self, model: nn.Module) -> str | None:
        return next((name for name, _ in model.named_modules() if name.split(".")[-1] == "layer4"), None)
'''

SOURCE = '''"""{title}."""

from __future__ import annotations

from camctl.errors import UnknownNameError
from camctl.kit.downloads import load_weights
from camctl.kit.fitting import fit
from camctl.kit.random_weights import seeded
from camctl.plugin import LoadedModel, LoadOptions, Source

MODELS = {{"tiny": 8}}
"""Name -> width."""


class {attribute}(Source):
    """Our networks: `{name}:NAME`."""

    summary = "Our own networks, by name."
    example = "tiny"

    def load(self, reference: str, checkpoint: str | None, device: str, options: LoadOptions) -> LoadedModel:
        """Build the network, and load the checkpoint if there is one."""
        if reference not in MODELS:
            raise UnknownNameError("network", reference, MODELS)
        weights = load_weights(checkpoint, options)
        import torch
        from torch import nn

        width = MODELS[reference]
        with seeded(options.seed):
            layers = (nn.Conv2d(3, width, 8, stride=8), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
            module = nn.Sequential(*layers, nn.Linear(width, 2))
        notes = fit(module, weights, hint="Its head has two classes.", where=f"{name}:{{reference}}") if weights else ()
        module.eval().to(device)

        def preprocess(pixels):
            picture = torch.from_numpy(pixels).permute(2, 0, 1).float()[None] / 255
            return nn.functional.interpolate(picture, size=(64, 64), mode="bilinear", antialias=True)[0]

        return LoadedModel(
            name=f"{name}:{{reference}}",
            source="{name}",
            module=module,
            forward=module,
            preprocess=preprocess,
            input_size=(64, 64),
            class_names=("cat", "dog"),
            checkpoint=weights.origin if weights else None,
            random_weights=weights is None,
            notes=notes,
        )
'''


def with_article(kind: str) -> str:
    """A kind with its article, such as `an adapter`."""
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"


CODE: dict[Kind, str] = {"method": METHOD, "metric": METRIC, "adapter": ADAPTER, "source": SOURCE}

COMMANDS: dict[Kind, str] = {
    "method": "camctl run photo.jpg demo:resnet --method {name}",
    "metric": "camctl compare photo.jpg demo:resnet --metrics {name}",
    "adapter": "camctl layers demo:resnet --adapter {name}",
    "source": "camctl run photo.jpg {name}:tiny",
}


MODELS: dict[Kind, str] = {"adapter": ', ["demo:resnet"]', "source": ', ["{name}:tiny"]'}
"""Models for the test of a new plugin."""


def files_of(kind: Kind, folder: Path, year: int) -> dict[str, str]:
    """Texts by path in the folder, for a new package named after it. Raises `InputError` for an invalid name."""
    package = folder.name
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_.-]*[A-Za-z0-9]", package):
        message = f"'{package}' cannot be the name of a package."
        raise InputError(message, hint="Use letters, digits and dashes: camctl plugins new camctl-mine")
    name = name_of(folder)
    title = "".join(part.capitalize() for part in name.split("_"))
    words = {
        "package": package,
        "kind": kind,
        "a_kind": with_article(kind),
        "group": GROUPS[kind],
        "name": name,
        "title": title,
        "module": f"camctl_{name}",
        "attribute": name if kind in {"method", "metric"} else title,
        "models": MODELS.get(kind, "").format(name=name),
        "note": "    # The list names models that the adapter knows.\n" if kind == "adapter" else "",
        "year": year,
    }
    words["command"] = COMMANDS[kind].format(**words)
    return {
        "pyproject.toml": PROJECT.format(**words),
        "README.md": README.format(**words),
        f"{words['module']}.py": CODE[kind].format(**words),
        "tests/test_contract.py": TEST.format(**words),
    }


def name_of(folder: Path) -> str:
    """Name of the plugin in a new package's folder."""
    return re.sub(r"[-_.]+", "_", folder.name.lower()).removeprefix("camctl_")
