"""Files of the Hugging Face hub, for sources that depend on the package `huggingface_hub` themselves."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from camctl.errors import CamctlError, Hint, InputError, one_line
from camctl.kit.downloads import Progress, reason
from camctl.kit.quiet import quiet

_TIMEOUT = 10.0
HINT = Hint("Give a checkpoint file after the name, or try the model with", random_weights=True)


def hub_file(
    repository: str,
    *names: str,
    revision: str | None = None,
    progress: Progress | None = None,
    hint: str = HINT,
) -> Path:
    """Return the first of these files that a repository has, downloading it if it is not in the cache.

    Parameters
    ----------
    repository, names, revision
        `org/name`; paths in it, the preferred one first; a branch, a tag or a commit.
    progress
        Called as `progress(name, done, total)` in bytes.
    hint
        Hint if the network fails, which is a `CamctlError`; what does not exist is an `InputError`.
    """
    from huggingface_hub import errors, hf_hub_download

    title = f"{repository}@{revision}" if revision else repository
    missing: Exception | None = None
    for cached in (True, False):
        if not cached:
            _check_network(title, hint)
        for name in names:
            try:
                with quiet():
                    bar = _bar(progress, name)
                    options: Any = {"revision": revision, "local_files_only": cached, "tqdm_class": bar}
                    return Path(hf_hub_download(repository, name, **options))
            except (errors.EntryNotFoundError, errors.RevisionNotFoundError) as error:
                missing = error
                if not cached and isinstance(error, errors.LocalEntryNotFoundError):  # the connection was lost
                    raise _unreachable(title, one_line(error), hint) from error
            except (errors.RepositoryNotFoundError, errors.HFValidationError) as error:
                message = f"The hub has no public model '{repository}'."
                raise InputError(message, hint="Check the name; for a private model: hf auth login") from error
            except Exception as error:
                raise _unreachable(title, one_line(error), hint) from error
    if isinstance(missing, errors.RevisionNotFoundError):
        message = f"The hub's '{repository}' has no revision '{revision}'."
        raise InputError(message, hint="Give a branch, a tag or a commit after the @, or nothing.")
    message = f"The hub's '{title}' has no {' or '.join(names)}."
    raise InputError(message, hint="Check the name and the revision.") from missing


def _bar(progress: Progress | None, file: str) -> type:
    """Make a class that replaces tqdm's progress bar: it draws nothing and calls `progress`."""

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
            """Without this method the hub's Xet downloads would need a second bar for received bytes."""

        def __getattr__(self, _name: str) -> Callable[..., None]:
            return lambda *_args, **_options: None  # set_description, refresh and the like

    return Bar


def _check_network(repository: str, hint: str) -> None:
    """Raise `CamctlError` at once if the hub cannot be reached: its own client retries for half a minute."""
    from urllib.error import HTTPError
    from urllib.request import Request, urlopen

    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        raise _unreachable(repository, "downloads are switched off (HF_HUB_OFFLINE)", hint)
    request = Request(constants.ENDPOINT, method="HEAD")  # noqa: S310 - the library's own address
    try:
        urlopen(request, timeout=_TIMEOUT).close()  # noqa: S310
    except OSError as error:
        text = reason(error)
        if not isinstance(error, HTTPError):  # which is an answer of the hub
            raise _unreachable(repository, text, hint) from error


def _unreachable(repository: str, reason: str, hint: str) -> CamctlError:
    message = f"'{repository}' is not on this machine and could not be downloaded from the hub: {reason}"
    return CamctlError(f"{message.rstrip('.')}.", hint=hint)
