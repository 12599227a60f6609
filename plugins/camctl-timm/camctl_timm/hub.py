"""Files of the Hugging Face hub and of addresses: from this machine where they are here, else fetched once."""

from __future__ import annotations

from pathlib import Path

from camctl.errors import CamctlError, InputError, one_line
from camctl_timm.quiet import quiet

WEIGHTS = ("model.safetensors", "pytorch_model.bin")
"""A hub's names for weights, the one that cannot hold code first."""

FOLDER_WEIGHTS = (*WEIGHTS, "pytorch_model.pth", "model.pth")

HINT = "Give a checkpoint file after the name, or try the plumbing with --random-weights."


def hub_file(repository: str, *names: str, hint: str = HINT) -> Path:
    """The first of these files that a repository (`org/name` or `org/name@revision`) has.

    `hint` is for those without a network. What lies in the hub's cache is taken without asking the network.
    Raises InputError where there is no such repository or file, CamctlError where it cannot be fetched.
    """
    from huggingface_hub import errors, hf_hub_download

    place, _, revision = repository.partition("@")
    lacking: Exception | None = None
    for here in (True, False):
        if not here:
            _check_network(repository, hint)
        for name in names:
            try:
                with quiet():
                    found = hf_hub_download(place, name, revision=revision or None, local_files_only=here)
                return Path(found)
            except errors.LocalEntryNotFoundError as error:
                lacking = error
                if not here:
                    raise _unreachable(repository, one_line(error), hint) from error
            except (errors.EntryNotFoundError, errors.RevisionNotFoundError) as error:
                lacking = error
            except (errors.RepositoryNotFoundError, errors.HFValidationError) as error:
                message = f"The hub has no model '{place}' that you may read."
                raise InputError(message, hint="Check the name; a private one needs: hf auth login") from error
            except Exception as error:
                raise _unreachable(repository, one_line(error), hint) from error
    message = f"The hub's '{repository}' has no {' or '.join(names)}."
    raise InputError(message, hint="Check the name and the revision.") from lacking


def address_file(address: str) -> Path:
    """The file at an http(s) address, kept in torch's cache. Raises InputError, CamctlError."""
    from timm.models._hub import download_cached_file

    if not address.lower().startswith(("http://", "https://")):
        message = f"'{address}' cannot be fetched: only http and https addresses can."
        raise InputError(message, hint="Download the file by hand and give its path.")
    try:
        with quiet():
            return Path(download_cached_file(address, check_hash=True, progress=False))
    except Exception as error:
        message = f"'{address}' could not be fetched: {one_line(error)}"
        raise CamctlError(message, hint="Give the path of a checkpoint that is already here.") from error


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
