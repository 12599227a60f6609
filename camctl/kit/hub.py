"""Files of the Hugging Face hub, from its cache where they are here, else fetched once.

For sources whose library keeps its models there; the package `huggingface_hub` is theirs to depend on.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from camctl.errors import CamctlError, InputError, one_line
from camctl.kit.quiet import quiet

HINT = "Give a checkpoint file after the name, or try the plumbing with --random-weights."


def hub_file(
    repository: str,
    *names: str,
    revision: str | None = None,
    progress: Callable[[str, int, int], None] | None = None,
    hint: str = HINT,
) -> Path:
    """The first of these files that a repository (`org/name`) has at a revision (a branch, a tag or a commit).

    What lies in the hub's cache is taken without asking the network. `progress` is called as
    `progress(name, done, total)` in bytes; `hint` is for those without a network.
    Raises InputError where there is no such repository, revision or file, CamctlError where it cannot be fetched.
    """
    from huggingface_hub import errors, hf_hub_download

    called = f"{repository}@{revision}" if revision else repository
    lacking: Exception | None = None
    for here in (True, False):
        if not here:
            _check_network(called, hint)
        for name in names:
            try:
                with quiet():
                    return Path(
                        hf_hub_download(
                            repository, name, revision=revision, local_files_only=here, tqdm_class=_bar(progress, name)
                        )
                    )
            except errors.LocalEntryNotFoundError as error:
                lacking = error
                if not here:
                    raise _unreachable(called, one_line(error), hint) from error
            except (errors.EntryNotFoundError, errors.RevisionNotFoundError) as error:
                lacking = error
            except (errors.RepositoryNotFoundError, errors.HFValidationError) as error:
                message = f"The hub has no model '{repository}' that you may read."
                raise InputError(message, hint="Check the name; a private one needs: hf auth login") from error
            except Exception as error:
                raise _unreachable(called, one_line(error), hint) from error
    if isinstance(lacking, errors.RevisionNotFoundError):
        message = f"The hub's '{repository}' has no revision '{revision}'."
        raise InputError(message, hint="Give a branch, a tag or a commit, or leave out what stands behind the @.")
    message = f"The hub's '{called}' has no {' or '.join(names)}."
    raise InputError(message, hint="Check the name and the revision.") from lacking


def _bar(progress: Callable[[str, int, int], None] | None, file: str) -> type:
    """A class that stands for a progress bar of tqdm's, draws none, and hands on what it is told."""

    class Bar:
        def __init__(self, *_args: Any, total: float | None = None, initial: float = 0, **_options: Any) -> None:
            self.total, self.n = total, initial

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_raised: object) -> None:
            """Nothing to close."""

        def update(self, step: float | None = 1) -> None:
            self.n += step or 0
            if progress is not None:
                progress(file, int(self.n), int(self.total or 0))

        def update_transfer(self, step: float | None = 1) -> None:
            """Of the hub's second way to download, which else wants a second bar for what is not yet written."""

        def __getattr__(self, _name: str) -> Callable[..., None]:
            return lambda *_args, **_options: None  # set_description, refresh and the like

    return Bar


def _check_network(repository: str, hint: str) -> None:
    """Say at once that there is no network: the hub's own client tries again for half a minute."""
    import socket
    from urllib.parse import urlsplit
    from urllib.request import getproxies

    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        raise _unreachable(repository, "the hub is switched off (HF_HUB_OFFLINE)", hint)
    host = urlsplit(constants.ENDPOINT).hostname or ""
    if getproxies():  # the proxy looks names up, not this machine
        return
    try:
        socket.getaddrinfo(host, 443)
    except OSError as error:
        raise _unreachable(repository, "no network", hint) from error


def _unreachable(repository: str, reason: str, hint: str) -> CamctlError:
    message = f"'{repository}' is not on this machine and could not be fetched from the hub: {reason}"
    return CamctlError(f"{message.rstrip('.')}.", hint=hint)
