"""From what the user named as a checkpoint to a file on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from camctl.errors import InputError
from camctl.sources.download import fetch, is_url

if TYPE_CHECKING:
    from camctl.plugin import LoadOptions


def local_file(checkpoint: str | None, options: LoadOptions) -> Path | None:
    """The file of a checkpoint, fetched where it is an address; None where none was named.

    Raises InputError where random weights were asked for as well, CamctlError where a download fails.
    """
    if checkpoint is None:
        return None
    if not checkpoint.strip():
        raise InputError("The checkpoint's name is empty.", hint="Give a file or an address, or leave it out.")
    if options.random_weights:
        message = f"Both the checkpoint '{checkpoint}' and random weights were asked for."
        raise InputError(message, hint="Leave out the checkpoint or --random-weights.")
    return fetch(checkpoint, options.progress) if is_url(checkpoint) else Path(checkpoint).expanduser()
