"""What `camctl compare` writes: a figure, a report, a manifest, the raw maps; and what was kept before."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from camctl.cli.output.saving import check_raw, place, same_file, save_numbers
from camctl.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from camctl.files.raw_maps import RawFile
    from camctl.ranking import Drift
    from camctl.values.comparison import Comparison
    from camctl.values.look import Looks

MANIFEST = ".json"


@dataclass(kw_only=True)
class Outputs:
    """Files to write, checked, and the maps of before."""

    files: Sequence[Path]
    raw: str | None
    before: RawFile | None
    least: float = 0.0
    drifts: Sequence[Drift] = field(default_factory=tuple)
    gone: int = 0

    def save(self, comparison: Comparison, look: Looks) -> list[str]:
        """Write every file; returns their paths, the manifest last, as it names the others. Raises `CamctlError`."""
        from camctl.files.atomic import write_atomically
        from camctl.files.manifest import json_text
        from camctl.render.save import save_comparison

        drawn = [path for path in self.files if path.suffix.lower() != MANIFEST]
        written = [each for path in drawn for each in save_comparison(comparison, path, **look)]
        paths = list(map(str, written))
        if self.raw is not None:
            save_numbers(comparison, self.raw)
            paths.append(str(place(self.raw)))
        for path in self.files:
            if path.suffix.lower() == MANIFEST:
                write_atomically(path, json_text(comparison.to_dict(paths)).encode())
                paths.append(str(path))
        return paths

    def drifted(self, comparison: Comparison, least: float) -> bool:
        """Whether a map left its predecessor. Raises `InputError` where no map has one."""
        if self.before is None:
            return False
        from camctl.ranking import drift

        self.least = least
        self.drifts, self.gone = drift(comparison, self.before.maps)
        if all(one.correlation is None for one in self.drifts):
            message = "None of these maps has a predecessor in the --baseline: other pictures, classes or methods."
            raise InputError(message, hint="Compare as the baseline was made; its manifest says how.")
        return any(one.under(least) for one in self.drifts)

    def drift_to_dict(self) -> dict[str, Any]:
        """What `--json` says of the baseline; nothing where there is none."""
        if self.before is None:
            return {}
        maps = [
            {
                "method": one.cam.method,
                "target": one.cam.target.title,
                "model": one.cam.model,
                "image": one.cam.picture.path,
                "layers": list(one.cam.layers),
                "smoothing": one.cam.smoothing,
                "correlation": one.correlation,
                "under": one.under(self.least),
            }
            for one in self.drifts
        ]
        return {"baseline": {"maps": maps, "gone": self.gone, "min_correlation": self.least}}


def plan(
    texts: Sequence[str], raw: str | None, baseline: str | None, *, kept: Sequence[str], sanity: bool = False
) -> Outputs:
    """See, before any work is done, that every file can be written and the baseline be read.

    `kept`: the pictures, which are never overwritten; `sanity`: beside each figure another is written. Raises
    `InputError`.
    """
    from camctl.files.atomic import check_writable
    from camctl.files.raw_maps import load_raw
    from camctl.render.save import ENDINGS, FIGURES, sanity_path

    files = []
    for text in texts:
        if text.strip() in {"", "-"}:
            raise InputError(f"'{text}' is no place to save to.", hint="Give a file: --save-path grid.png")
        path = place(text)
        if text.endswith(("/", "\\")):
            raise InputError(f"'{text}' is a folder.", hint=f"Name a file in it: --save-path {path / 'grid.png'}")
        written = [path, sanity_path(path)] if sanity and path.suffix.lower() in FIGURES else [path]
        lost = next((each for each in written for picture in kept if same_file(each, Path(picture))), None)
        if lost is not None:
            hint = f"Choose another name: --save-path {path.with_name(f'{path.stem}_grid.png')}"
            message = f"'{text if lost is path else lost}' is a picture of the comparison, which would be lost."
            raise InputError(message, hint=hint)
        files.append(check_writable(path, (*ENDINGS, MANIFEST)))
    if raw is not None:
        check_raw(raw)
    # Read now: it may be the very file that --save-raw writes anew.
    before = load_raw(place(baseline)) if baseline is not None else None
    return Outputs(files=tuple(dict.fromkeys(files)), raw=raw, before=before)
