"""A data set in tar shards, as WebDataset lays them out: files of one sample share their name up to its first dot.

The headers alone are read with Python's tarfile, once, and then each picture by its offset. The package webdataset
streams shards from their start, which neither counts pictures nor finds the one at which a run goes on; its indexed
shards need an index file beside each tar.
"""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from camctl.datasets.columns import Columns
from camctl.datasets.data import Data, numbers
from camctl.datasets.locations import common_folder, content, one_row, opened, suffix
from camctl.errors import InputError, one_line
from camctl.values.picture_file import picture_suffixes

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_BLOCK = 512
_LONGEST_LABEL = 1 << 20
"""Maximum size of a file with a label in bytes."""

_LABELS = ("cls", "json", "txt")
"""Endings of the files of a sample that are read for its label; `.json` holds other columns too."""


def open_shards(text: str, files: Sequence[str]) -> Data:
    """Return the pictures of tar shards; of one that is cut short those that are whole. Raises `InputError`."""
    columns, notes = Columns(), []
    where: list[tuple[int, int, int]] = []
    root = common_folder(files)
    for number, file in enumerate(files):
        shard = _shard(file)
        notes += shard.notes
        prefix = f"{file[len(root) :]}/" if len(files) > 1 else ""
        for member, cells, fault in shard.pictures():
            path = f"{file}/{member.name}"
            columns.add(f"{prefix}{member.name}", path, cells, place=f"'{path}'", fault=fault)
            where.append((number, member.start, member.size))
    if not where:
        note = f" {notes[0]}" if notes else ""
        raise InputError(f"'{text}' holds no pictures.{note}", hint="Give tar files that hold pictures.")
    return columns.data(text, Members(tuple(files), numbers(where)), notes)


@dataclass(frozen=True, eq=False)
class Members:
    """Reads pictures out of tar files. `where` is (pictures, 3): number of the file, first byte, size."""

    files: tuple[str, ...]
    where: NDArray[np.int64] = field(repr=False)

    def read(self, index: int, path: str) -> bytes | Path:
        """Return the bytes of a picture. Raises `InputError`, in one line."""
        number, start, size = map(int, self.where[index])
        file = self.files[number]
        try:
            found = content(file, "tar file", start, size)
        except InputError as error:
            raise one_row(error) from None
        if len(found) != size:
            raise one_row(InputError(f"'{path}' is cut short.", hint="Copy or download the tar file again."))
        return found


@dataclass(frozen=True)
class _Member:
    name: str
    start: int
    size: int


@dataclass
class _Sample:
    """The files of one sample, by the rest of their names."""

    pictures: dict[str, _Member] = field(default_factory=dict)
    texts: dict[str, bytes] = field(default_factory=dict)


@dataclass
class _Shard:
    """The samples of one shard by their keys, and sentences about it for the user."""

    samples: dict[str, _Sample] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def pictures(self) -> Iterator[tuple[_Member, dict[str, Any], str]]:
        """Yield each picture, with its label and columns, and what is wrong with them."""
        for sample in self.samples.values():
            cells, fault = _cells(sample.texts)
            # `a.jpg` is the sample's picture, and `a.seg.png` is not; names with dots alone are pictures of their own.
            plain = [member for rest, member in sample.pictures.items() if "." not in rest]
            for member in plain[:1] or sample.pictures.values():
                yield member, cells, fault


def _shard(file: str) -> _Shard:
    """Read the headers of a tar file."""
    shard, suffixes = _Shard(), picture_suffixes()
    labels: list[tuple[_Sample, str, _Member]] = []
    with opened(file, "tar file") as stream:
        size = stream.seek(0, 2)
        stream.seek(0)
        end, cut = 0, ""
        for member in _members(stream, file):
            end = member.start + -(-member.size // _BLOCK) * _BLOCK
            if member.start + member.size > size:
                cut, end = f" in '{member.name}'", size
                break
            folder, _, name = member.name.rpartition("/")
            if name.startswith((".", "__")):
                continue
            key, _, rest = name.partition(".")
            sample = shard.samples.setdefault(f"{folder}/{key}", _Sample())
            if suffix(name) in suffixes:
                sample.pictures.setdefault(rest.lower(), member)
            elif rest in _LABELS and member.size <= _LONGEST_LABEL:
                labels.append((sample, rest, member))
        for sample, rest, member in labels:
            stream.seek(member.start)
            sample.texts[rest] = stream.read(member.size)
        stream.seek(min(end, size))
        if cut or stream.read(_BLOCK) != bytes(_BLOCK):
            count = sum(bool(sample.pictures) for sample in shard.samples.values())
            shard.notes.append(f"'{file}' is cut short{cut}: of its pictures the first {count} are used.")
    return shard


def _members(stream: IO[bytes], file: str) -> Iterator[_Member]:
    """Yield the files in a tar until its end, or until it is cut short. Raises `InputError` if it is no tar."""
    try:
        archive = tarfile.open(fileobj=stream, mode="r:")  # noqa: SIM115 - its file is closed by who opened it
    except (tarfile.TarError, OSError, EOFError) as error:
        message = f"'{file}' is no tar file, or a compressed one: {one_line(error)}."
        raise InputError(message, hint="Give plain tar files; unpack compressed ones first.") from None
    try:
        for member in archive:
            if member.isfile():
                yield _Member(member.name, member.offset_data, member.size)
    except (tarfile.TarError, OSError, EOFError, ValueError):
        return


def _cells(texts: dict[str, bytes]) -> tuple[dict[str, Any], str]:
    """Return the label and the columns of a sample, and what is wrong with them."""
    cells: dict[str, Any] = {}
    fault = ""
    try:
        decoded = {name: text.decode("utf-8-sig").strip() for name, text in texts.items()}
    except UnicodeDecodeError:
        return {}, "its label is not UTF-8"
    if "json" in decoded:
        try:
            value = json.loads(decoded["json"])
        except (ValueError, RecursionError):
            value, fault = None, "its .json is no JSON"
        cells = value if isinstance(value, dict) else {} if value is None else {"label": value}
    if "cls" in decoded:
        cells["label"] = decoded["cls"]
    elif "txt" in decoded and "\n" not in decoded["txt"]:
        cells.setdefault("label", decoded["txt"])
    return cells, fault
