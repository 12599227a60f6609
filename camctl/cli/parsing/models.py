"""Loading a model as the options say; what `run` and `layers` share."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from shlex import quote
from typing import TYPE_CHECKING, Any

from camctl import registry
from camctl.errors import CamctlError
from camctl.values.request import Family

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from camctl.cli.output.progress import Working
    from camctl.plugin import LoadedModel


@dataclass(frozen=True, kw_only=True)
class Loading:
    """A model and how to load it, names and syntax checked."""

    model: str
    checkpoint: str | None
    source: str
    device: str
    cfg_options: Mapping[str, Any]
    labels: tuple[str, ...]
    random_weights: bool
    seed: int
    trust_checkpoint: bool
    repairs: bool

    def load(self, work: Working) -> LoadedModel:
        """Load it, and show how far it is."""
        from camctl.pipeline.load import load as load_

        work.say(f"Loading {self.model}")
        return load_(
            self.model,
            self.checkpoint,
            device=self.device,
            random_weights=self.random_weights,
            seed=self.seed,
            trust_checkpoint=self.trust_checkpoint,
            repairs=self.repairs,
            cfg_options=self.cfg_options,
            labels=self.labels,
            progress=work.fetched,
        )


@dataclass(frozen=True, kw_only=True)
class Layout:
    """What the user says of a model's layers."""

    adapter: str | None
    vit_like: bool
    num_extra_tokens: int | None

    @property
    def family(self) -> Family:
        """The same as the library takes it."""
        return Family(adapter=self.adapter, vit_like=self.vit_like, num_extra_tokens=self.num_extra_tokens)

    def check(self) -> None:
        """Raises `UnknownNameError` or `PluginError` for the adapter."""
        if self.adapter is not None:
            registry.locate("adapter", self.adapter)


@contextmanager
def named_in_hints(model: str) -> Iterator[None]:
    """A hint that says MODEL says the user's own, so that it can be copied to the shell."""
    try:
        yield
    except CamctlError as error:
        error.hint = error.hint.replace("camctl layers MODEL", f"camctl layers {quote(model)}")
        raise


def source_of(model: str) -> str:
    """Name of the model's source, which is not loaded yet: it may need torch. Raises `InputError`, `PluginError`."""
    source, _ = registry.split_model(model)
    registry.locate("source", source)
    return source
