"""A model with everything known about it, and a scene: the model with one picture."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from weakref import finalize

from camctl import registry
from camctl.errors import Hint
from camctl.kit.data_sets import IMAGENET, imagenet_names, imagenet_synonyms
from camctl.pipeline.load import loaded_of
from camctl.values.picture import read_picture
from camctl.values.request import DETECTED, Family

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from camctl.engine.layout import LayoutHints
    from camctl.engine.model_state import ModuleTable
    from camctl.engine.output import OutputReader
    from camctl.engine.predictions import Predictions
    from camctl.engine.view import ViewMeter
    from camctl.pipeline.load import AnyModel
    from camctl.plugin import LoadedModel, Method, Question
    from camctl.values.layer_map import LayerMap
    from camctl.values.output import Output
    from camctl.values.picture import AnyPicture, Picture
    from camctl.values.view import View

NO_LAYER = "No layer of this model has a spatial grid that the class score depends on."

PICTURE = "picture"
"""Layer of a model that nothing can be seen of: its input."""

SEE_LAYERS = Hint("See every layer's output", "layers", all=True)


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

    def predictions(self, answers: Tensor, scenes: Sequence[Scene] = ()) -> list[Predictions]:
        """Return what each picture's rows (B, ...) say, and can be asked; `scenes` are the pictures."""
        from camctl.engine.predictions import Predictions
        from camctl.engine.rows import embeddings_of, objects_of

        reader, output = self.reader, self.output
        if output.kind not in {"embedding", "dense", "boxes"}:
            names, others = self.names(answers.shape[1])
            return Predictions.of_batch(answers, names, reader.score, others, output)
        rows = answers.detach().float().cpu()
        if output.kind == "embedding":
            return embeddings_of(rows, reader, self.embedding, self.empty)
        places = [(scene.view, scene.picture.size) for scene in scenes]
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


@dataclass(frozen=True, kw_only=True, eq=False)
class Scene:
    """A model with a picture, ready for the passes."""

    plan: Plan
    picture: Picture
    inputs: Tensor
    """(1, 3, h, w)."""
    view: View

    @property
    def loaded(self) -> LoadedModel:
        """The model."""
        return self.plan.loaded

    def probe(self, question: Question | None = None) -> LayerMap:
        """Observe every layer in one forward and one backward pass from a question (the best class by default)."""
        from camctl.engine.probe import probe

        plan = self.plan
        return probe(plan.table, plan.forward, self.inputs, plan.hints, question or plan.usual_question)

    def survey(self) -> LayerMap:
        """Return what a probe finds out about the layers, once for all pictures of a size.

        The first picture decides whose score depends on the default layers; until there is one, each is probed.
        """
        key = (self.plan.hints, (self.inputs.shape[-2], self.inputs.shape[-1]))
        if key in self.plan.surveys:
            return self.plan.surveys[key]
        layers = self.probe()
        if layers.default and {record.name for record in layers.records if record.usable}.issuperset(layers.default):
            self.plan.surveys[key] = layers
        return layers


@dataclass(frozen=True)
class LayerGroup:
    """Target layers that make one map, and who chose them: `you`, `adapter NAME` or `probe`.

    `pre_activation` and `rectified` are those of `LayerMap`; a layer that the user names has neither.
    """

    names: tuple[str, ...]
    chosen_by: str
    pre_activation: tuple[str, ...] = ()
    rectified: bool = False
    note: str = ""
    """How it was chosen, if that is worth a line."""

    def of(self, method: Method) -> tuple[str, ...]:
        """Return a method's layers: before the activation if it accepts activations of both signs."""
        return self.pre_activation if method.signed and self.pre_activation else self.names


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


def scene_of(plan: Plan, picture: Picture) -> Scene:
    """Prepare a picture for a model."""
    return Scene(plan=plan, picture=picture, inputs=plan.inputs(picture), view=plan.meter.view(picture))


def classes_of(model: AnyModel) -> tuple[Sequence[str], tuple[str, ...]]:
    """Return the names of a model's classes, by one run on noise, and what the user should know about them.

    Raises `InputError`: they are not known.
    """
    import torch

    from camctl.engine.model_state import untouched
    from camctl.errors import InputError

    plan = plan_of(loaded_of(model))
    with torch.no_grad(), untouched(plan.table):
        count = plan.forward(plan.inputs(None)).shape[1]
    names, _ = plan.names(count)
    if names is None:
        message = f"The names of the model's {count} classes are not known."
        raise InputError(message, hint=Hint("Give them", labels="FILE"))
    return names, plan.notes


def survey(model: AnyModel, image: AnyPicture | None = None, *, family: Family = DETECTED) -> LayerMap:
    """Run a model once and return every module's output, grid and gradient, and the default target layers.

    Parameters
    ----------
    model
        What `load` returns, its `model` text, or a module of your own.
    image
        A path, a PIL image, or pixels (H, W, 3), uint8 RGB; None takes seeded noise of the model's usual input size.
    family
        What is known about the model's family.

    Raises
    ------
    InputError
        The model or the picture cannot be used.

    Examples
    --------
    >>> import camctl
    >>> layers = camctl.survey("demo:vit")
    >>> layers.default
    ('backbone.layers.4.ln1',)
    """
    from camctl.engine.probe import probe

    plan = plan_of(loaded_of(model), family)
    inputs = plan.inputs(read_picture(image) if image is not None else None)
    layers = replace(probe(plan.table, plan.forward, inputs, plan.hints, plan.usual_question), output=plan.output)
    if not plan.adapter and not plan.loaded.opaque:
        return layers
    default, chosen_by = plan.claimed_layers(), f"adapter {plan.adapter}"
    if plan.loaded.opaque:
        default, chosen_by = (PICTURE,), "source"
    return replace(layers, default=default, chosen_by=chosen_by, pre_activation=(), rectified=False)
