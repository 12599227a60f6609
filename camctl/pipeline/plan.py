"""A model with everything known about it that depends on no picture."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from weakref import finalize

from camctl import registry
from camctl.errors import Hint
from camctl.kit.data_sets import IMAGENET, imagenet_names, imagenet_synonyms
from camctl.values.request import DETECTED, Family

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from camctl.engine.layout import LayoutHints
    from camctl.engine.model_state import ModuleTable
    from camctl.engine.output import OutputReader
    from camctl.engine.predictions import Predictions
    from camctl.engine.rows import Place
    from camctl.engine.view import ViewMeter
    from camctl.plugin import LoadedModel, Question
    from camctl.values.layer_map import LayerMap
    from camctl.values.output import Output
    from camctl.values.picture import Picture


@dataclass(kw_only=True, eq=False)
class _Known:
    """What is found out once about a model that is alive; nothing in it may refer to the model itself."""

    table: ModuleTable
    modules: tuple[int, ...]
    """Identities of its modules: a user may have put in others since."""
    reader: OutputReader
    meter: ViewMeter
    hints: dict[Family, tuple[LayoutHints, str]] = field(default_factory=dict)
    """What is said about its layouts, and the name of the adapter that says it, by what the user says."""
    surveys: dict[tuple[LayoutHints, tuple[int, int]], LayerMap] = field(default_factory=dict)
    """What a probe found, by what is said about layouts and the size of the model's input."""
    alone: dict[tuple[int, ...], str] = field(default_factory=dict)
    """Shape of an input -> why pictures of it are run alone; empty if they are not."""


_known: dict[int, _Known] = {}
"""Identity of a model that is alive -> what is known about it."""


ASSUMED = Hint(
    "The class names are assumed: ImageNet's 1000, in the order of mmpretrain, timm and torchvision. For others",
    labels="FILE",
)

CLASSES = ("logits", "probabilities", "log-probabilities")


@dataclass(kw_only=True, eq=False)
class Plan:
    """A model with everything about it that depends on no picture: found once per model."""

    loaded: LoadedModel
    table: ModuleTable
    hints: LayoutHints
    adapter: str
    """Name of the adapter that knows the model; empty if none does."""
    reader: OutputReader
    surveys: dict[tuple[LayoutHints, tuple[int, int]], LayerMap]
    """What a probe found, by layouts and size of the model's input."""
    meter: ViewMeter
    """What measures the views of pictures."""
    alone: dict[tuple[int, ...], str]
    """Why pictures are run alone, by the shape of their input, as far as it was found."""
    embeddings: dict[str, Tensor] = field(default_factory=dict)
    """SHA-256 of a picture that others are compared with -> its embedding."""
    assumed: bool = False
    """Whether the class names are ImageNet's since nobody has said any."""

    def inputs(self, picture: Picture | None) -> Tensor:
        """Return a picture, or noise, as the model's input (1, 3, h, w)."""
        from camctl.engine.view import inputs_of

        return inputs_of(self.loaded, picture, self.table.parameters)

    def forward(self, inputs: Tensor) -> Tensor:
        """Compute the answers (N, K) of inputs (N, 3, h, w). Raises `InputError` if the model fails on these."""
        return self.reader(inputs)

    @property
    def output(self) -> Output:
        """What the model's output is, known after a first forward pass."""
        assert self.reader.output is not None  # noqa: S101 - a pass comes first
        return self.reader.output

    def predictions(self, answers: Tensor, places: Sequence[Place] = ()) -> list[Predictions]:
        """Return what each picture's rows (B, ...) say, and can be asked; `places` are where the pictures lie."""
        from camctl.engine.predictions import Predictions
        from camctl.engine.rows import embeddings_of, objects_of

        reader, output = self.reader, self.output
        if output.kind not in {"embedding", "dense", "boxes"}:
            names, others = self.names(answers.shape[1])
            return Predictions.of_batch(answers, names, reader.score, others, output)
        rows = answers.detach().float().cpu()
        if output.kind == "embedding":
            return embeddings_of(rows, reader, self.embedding, self.empty)
        return objects_of(rows, reader, self.loaded.synonyms, places)

    def embedding(self, picture: Picture) -> Tensor:
        """Return a picture's embedding (D,); it is computed once."""
        import torch

        from camctl.engine.model_state import untouched

        if picture.sha256 not in self.embeddings:
            with torch.no_grad(), untouched(self.table):
                self.embeddings[picture.sha256] = self.forward(self.inputs(picture))[0].float().cpu()
        return self.embeddings[picture.sha256]

    def empty(self) -> Tensor:
        """Return the embedding (D,) of an empty picture: of the mean colour, if pictures are normalised."""
        import torch

        from camctl.engine.model_state import untouched

        if "" not in self.embeddings:
            with torch.no_grad(), untouched(self.table):
                self.embeddings[""] = self.forward(torch.zeros_like(self.inputs(None)))[0].float().cpu()
        return self.embeddings[""]

    def usual_question(self, answers: Tensor) -> Question:
        """Return what is asked of the first picture's rows if nobody says: of a classifier the best class.

        Raises `InputError`: there is nothing to ask, as of a detector that detects nothing.
        """
        from camctl.engine.predictions import choose
        from camctl.values.request import Classes

        (predictions,) = self.predictions(answers[:1])
        (target,) = choose(predictions, Classes())
        return predictions.question(target)

    def names(self, count: int) -> tuple[Sequence[str] | None, Sequence[str]]:
        """Return the names of `count` classes and their synonyms; a thousand classes without names are ImageNet's."""
        if self.reader.names is None and count == IMAGENET and self.output.kind in CLASSES and not self.output.heads:
            self.assumed = True
            return imagenet_names(), imagenet_synonyms()
        return self.reader.names, self.loaded.synonyms

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know about the model, its output and the names of its classes."""
        return (*self.loaded.notes, *self.output.notes, *((ASSUMED,) if self.assumed else ()))

    def claimed_layers(self) -> tuple[str, ...]:
        """Return the target layers that the adapter names; empty without an adapter."""
        return tuple(self.hints.adapter.target_layers(self.loaded.module)) if self.hints.adapter else ()


def plan_of(loaded: LoadedModel, family: Family = DETECTED) -> Plan:
    """Find the adapter that knows a model, and list its modules."""
    known = _known_of(loaded)
    if family not in known.hints:
        known.hints[family] = _hints(loaded, family)
    hints, name = known.hints[family]
    return Plan(
        loaded=loaded,
        table=known.table,
        hints=hints,
        adapter=name,
        reader=known.reader,
        surveys=known.surveys,
        meter=known.meter,
        alone=known.alone,
    )


def _hints(loaded: LoadedModel, family: Family) -> tuple[LayoutHints, str]:
    """Return what the user and the adapter that knows a model say about its layouts, and the adapter's name."""
    from camctl.engine.layout import LayoutHints

    match = registry.match_adapter(loaded.module, family.adapter)
    hints = LayoutHints(
        adapter=match.plugin if match else None,
        claimed_tokens=match.plugin.extra_tokens(loaded.module) if match else None,
        extra_tokens=family.num_extra_tokens,
        call=family.call,
        tokens=family.vit_like,
    )
    return hints, match.found.name if match else ""


def _known_of(loaded: LoadedModel) -> _Known:
    """Return what is known about a model, found once as long as the model is alive and its modules are the same."""
    from camctl.engine.model_state import ModuleTable
    from camctl.engine.output import OutputReader
    from camctl.engine.view import ViewMeter

    key, modules = id(loaded), tuple(map(id, loaded.module.modules()))
    if key not in _known or _known[key].modules != modules:
        if key not in _known:
            finalize(loaded, _known.pop, key, None).atexit = False
        _known[key] = _Known(
            table=replace(ModuleTable.of(loaded.module), tf32=loaded.precision == "tf32"),
            modules=modules,
            reader=OutputReader(loaded),
            meter=ViewMeter(loaded),
        )
    return _known[key]
