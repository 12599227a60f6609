"""`camctl layers`: the modules of a model, and which of them can be target layers."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from camctl.cli import model_cache
from camctl.cli.output.layer_report import (
    check_notes,
    check_report,
    layer_table,
    layers_to_dict,
    legend,
    output_parts,
)
from camctl.cli.output.sink import Sink, line, note
from camctl.cli.parsing.groups import option, switch
from camctl.cli.parsing.options import ModelRequest, OneModel, ReadingOptions
from camctl.errors import ExitCode, InputError
from camctl.values.class_search import holding, nearest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from camctl.values.picture import Picture


@dataclass(frozen=True, kw_only=True)
class LayerOptions:
    """Which layers are listed, and how.

    filter: Only layers of such names, unfolded: backbone.layer4.*.bn3, or *norm* for the last part of a name.
    classes: Instead of the layers: the classes whose names hold a word, or all, with their indices.
    check: Instead of the layers: whether a map of this model can be made and trusted, and what else works on it.
    """

    all: bool = switch(help="Every module, not only stages and blocks.")
    depth: int | None = option("N", help="Draw only N levels.", min=1)
    filter: str | None = option("GLOB")
    usable: bool = switch(help="Only layers that can be target layers.")
    image: str | None = option("FILE", help="Probe with this picture instead of noise.")
    reading: ReadingOptions = field(default_factory=ReadingOptions)
    classes: list[str] | None = option("[WORD...]")
    check: bool = switch()
    json: bool = switch(help="Print JSON on stdout: every module, or all of --check.")


WHOLE_TREE = LayerOptions(all=True)


def layers(options: LayerOptions, model: OneModel) -> ExitCode:
    """List a model's layers as they ran, and mark those that can be target layers.

    Stages and blocks are shown; --all shows every module. Names can be copied into --target-layers. A grid of
    "14x14 + 1" is 196 patch tokens after 1 extra token.

    camctl layers demo:vit --all

    camctl layers python:package.module:factory weights.pth --check

    camctl layers imagenet:lite0 --classes retriever
    """
    from camctl.values.picture import read_picture

    if options.check and (options.usable or options.depth is not None or options.filter is not None):
        message = "--check draws no tree that --depth, --filter or --usable could prune."
        raise InputError(message, hint="Leave them out, or leave out --check.")
    # Layers are about structure: no weights are fetched for them.
    request, sink = model.request(structure_only=True), Sink(json=options.json)
    picture = read_picture(options.image, options.reading.reading()) if options.image is not None else None
    if options.classes is not None:
        return list_classes(request, sink, [word for word in options.classes if word])
    return check_model(request, sink, picture) if options.check else list_layers(request, sink, picture, options)


def check_model(request: ModelRequest, sink: Sink, picture: "Picture | None") -> ExitCode:
    """Load a model, check it and report; returns exit code 4 unless all is well."""
    with sink.working() as progress:
        loaded = request.load(progress)
        progress.say("Making a map, and trying what may be wrong with it")
        from camctl.pipeline.check import check

        result = check(loaded, picture, family=request.family)
    sink.data(result.to_dict())
    sink.tell(check_notes(result))
    sink.show(*check_report(result))
    return ExitCode.DONE if result.ok else ExitCode.NOT_OK


def list_classes(request: ModelRequest, sink: Sink, words: "Sequence[str]") -> ExitCode:
    """Load a model, and report its classes, or those whose names hold all words."""
    with sink.working() as progress:
        loaded = request.load(progress)
        progress.say("Running it once")
        from camctl.pipeline.scene import classes_of

        names, notes = classes_of(loaded)
    model_cache.keep(request.model, classes=names)
    found = {index: names[index] for index in holding(words, names)}
    if not found:
        near = "; ".join(f"{index} {names[index]}" for index in nearest(" ".join(words), names))
        hint = f"{f'The nearest: {near}. ' if near else ''}Leave out the word to see all."
        raise InputError(f"No class of {request.model} is named '{' '.join(words)}'.", hint=hint)
    sink.data({"model": request.model, "classes": [{"index": i, "label": name} for i, name in found.items()]})
    sink.show(*(line((f"{i:>5}  ", "dim"), name) for i, name in found.items()))
    sink.tell(map(note, notes))
    return ExitCode.DONE


def list_layers(
    request: ModelRequest, sink: Sink, picture: "Picture | None" = None, options: LayerOptions = WHOLE_TREE
) -> ExitCode:
    """Load a model, run it once, on the picture or on noise, and report its layers."""
    with sink.working() as progress:
        loaded = request.load(progress)
        progress.say("Running it once")
        from camctl.pipeline.scene import survey

        result = survey(loaded, picture, family=request.family)
    usable = (record.name for record in result.records if record.usable)
    model_cache.keep(request.model, layers=usable, classes=loaded.class_names)
    sink.data(layers_to_dict(request.model, result))
    if request.structure_only:
        sink.tell([note("The weights are random: names, shapes and grids do not depend on them.")])
    if not sink.json:
        whole = options.all or options.usable or options.filter is not None or options.depth is not None
        table = layer_table(
            request.model, result, depth=options.depth, only=options.filter, usable=options.usable, whole=whole
        )  # fmt: skip
        sink.show_wide(table, spare=2)  # output and type
    sink.tell([*legend(result), *output_parts(result.output)])
    return ExitCode.DONE
