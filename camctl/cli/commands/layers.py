"""`camctl layers`: what each module of a model puts out, and which of them can be a target layer."""

from pathlib import PurePath
from typing import TYPE_CHECKING, Annotated, Any

import typer

from camctl import registry
from camctl.cli.output.progress import working
from camctl.cli.output.screen import out, print_json, say
from camctl.cli.parsing import options
from camctl.cli.parsing.assignments import parse_assignments
from camctl.cli.parsing.models import Layout, Loading, named_in_hints, source_of
from camctl.cli.parsing.names import labels_of
from camctl.errors import InputError

if TYPE_CHECKING:
    from camctl.values.explanation import LayerMap
    from camctl.values.picture import Picture

Depth = Annotated[
    int | None,
    typer.Option(metavar="N", min=1, help="Draw no more than N levels.", show_default=False),
]
Filter = Annotated[
    str | None,
    typer.Option(
        metavar="GLOB",
        help="Only layers of such names, unfolded: backbone.layer4.*.bn3, or *norm* for the last part of a name.",
        show_default=False,
    ),
]
Usable = Annotated[bool, typer.Option("--usable", help="Only layers that can be target layers.")]
Image = Annotated[
    str | None,
    typer.Option(metavar="FILE", help="Probe with this picture instead of noise.", show_default=False),
]
Check = Annotated[
    bool,
    typer.Option(
        "--check",
        help="Instead of the layers: whether a map of this model can be made and trusted, and what else works on it.",
    ),
]
JsonLayers = Annotated[bool, typer.Option("--json", help="JSON on stdout: every module, or all of --check.")]


def layers(  # noqa: PLR0913
    model: options.ModelArgument,
    checkpoint: options.CheckpointArgument = None,
    *,
    depth: Depth = None,
    filter: Filter = None,  # noqa: A002 - the option's name
    usable: Usable = False,
    image: Image = None,
    check: Check = False,
    json: JsonLayers = False,
    device: options.Device = "cpu",
    cfg_options: options.CfgOptions = None,
    labels: options.Labels = None,
    random_weights: options.RandomWeights = False,
    seed: options.Seed = 0,
    trust_checkpoint: options.TrustCheckpoint = False,
    no_repairs: options.NoRepairs = False,
    adapter: options.Adapter = None,
    vit_like: options.VitLike = False,
    num_extra_tokens: options.NumExtraTokens = None,
) -> None:
    """List a model's layers as they ran, and mark those that can be target layers.

    Names can be copied into --target-layers. A grid of "14x14 + 1" is 196 patch tokens after 1 extra token.

    camctl layers python:package.module:factory weights.pth --check
    """
    from camctl.values.picture import read_picture

    if check and (usable or depth is not None or filter is not None):
        message = "--check draws no tree that --depth, --filter or --usable could prune."
        raise InputError(message, hint="Leave them out, or leave out --check.")
    layout = Layout(adapter=adapter, vit_like=vit_like, num_extra_tokens=num_extra_tokens)
    layout.check()
    source = source_of(model)
    # Layers are about structure: no weights are fetched for them.
    own_weights = registry.pick("source", source).plugin.own_weights
    structure_only = checkpoint is None and not random_weights and not own_weights
    loading = Loading(
        model=model,
        checkpoint=checkpoint,
        source=source,
        device=device,
        cfg_options=parse_assignments(cfg_options or []),
        labels=labels_of(labels),
        random_weights=random_weights or structure_only,
        seed=seed,
        trust_checkpoint=trust_checkpoint,
        repairs=not no_repairs,
    )
    picture = read_picture(image) if image is not None else None
    if check:
        from camctl.cli.output.check_report import check_model

        check_model(loading, layout, picture, json=json)
        return
    seen = survey(loading, layout, picture, quiet=json)
    if json:
        print_json(as_json(model, seen))
        return
    if structure_only:
        say(("note: ", "cyan"), "The weights are random: names, shapes and grids do not depend on them.")
    show(model, seen, depth=depth, only=filter, usable=usable)


def preview(loading: Loading, layout: Layout, *, json: bool = False) -> None:
    """What `camctl run --preview-model` shows: the whole tree."""
    seen = survey(loading, layout, None, quiet=json)
    if json:
        print_json(as_json(loading.model, seen))
    else:
        show(loading.model, seen)


def survey(loading: Loading, layout: Layout, picture: "Picture | None", *, quiet: bool = False) -> "LayerMap":
    """Load the model and run it once, on the picture or on noise."""
    with named_in_hints(loading.model), working(quiet=quiet) as work:
        loaded = loading.load(work)
        work.say("Running it once")
        from camctl.pipeline.scene import survey

        return survey(loaded, picture, family=layout.family)


def show(
    model: str, seen: "LayerMap", *, depth: int | None = None, only: str | None = None, usable: bool = False
) -> None:
    """Draw the tree on stdout, and what its marks mean on stderr. Raises `InputError` where nothing is left of it."""
    from camctl.cli.output.branches import grow, pattern, prune
    from camctl.cli.output.tree import draw

    branches = grow(seen)
    if only is not None:
        wanted = pattern(only)
        branches = prune(branches, lambda record: bool(wanted.fullmatch(record.name)))
        if not branches:
            raise InputError(f"No layer matches '{only}'.", hint=f"See the names with: camctl layers {model}")
    if usable:
        branches = prune(branches, lambda record: record.usable)
        if not branches:
            message = f"No layer of {model} has a spatial grid that the class score depends on."
            raise InputError(message, hint=f"See what each layer puts out with: camctl layers {model}")
    height, width = seen.input_size
    tree, widest = draw(f"{PurePath(model).name} ({height} x {width})", branches, depth=depth, fold=only is None)
    console = out()
    if not console.is_terminal:
        console.width = max(console.width, widest)
    console.print(tree)
    if seen.default:
        before = (
            f" ({', '.join(seen.pre_activation)}, before the activation, for GradCAM)" if seen.pre_activation else ""
        )
        say(
            ("● ", "bold green"),
            f"the default, chosen by {seen.chosen_by}{before}   ",
            ("○ ", "green"),
            "usable: give its name to --target-layers",
        )
    else:
        say(("No layer is usable: ", "bold yellow"), "none has a spatial grid that the class score depends on.")


def as_json(model: str, seen: "LayerMap") -> dict[str, Any]:
    """What `--json` prints: every module, in the order they finished."""
    return {
        "model": model,
        "input_size": list(seen.input_size),
        "default": list(seen.default),
        "chosen_by": seen.chosen_by,
        "pre_activation": list(seen.pre_activation),
        "rectified": seen.rectified,
        "layers": [
            {
                "name": record.name,
                "type": record.type,
                "order": record.order,
                "calls": record.calls,
                "shape": record.shape,
                "layout": record.layout,
                "grid": record.grid,
                "extra_tokens": record.extra_tokens,
                "gradient": record.gradient,
                "negative": record.negative,
                "norm": record.norm,
                "usable": record.usable,
                "why_not": record.why_not,
                "default": record.name in seen.default,
            }
            for record in seen.records
        ],
    }
