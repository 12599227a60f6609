"""What is going on, on stderr, while something takes long; silent where nobody watches."""

from __future__ import annotations

from contextlib import contextmanager, redirect_stdout
from typing import TYPE_CHECKING

from camctl.cli.output.screen import err

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console
    from rich.progress import Progress, TaskID
    from rich.status import Status

    Step = Callable[[str, int, int], None]


class Working:
    """A line with a spinner; it gives way to a bar while a file is fetched or steps are counted."""

    def __init__(self, console: Console, *, watched: bool) -> None:
        self._console = console
        self._watched = watched
        self._text = ""
        self._status: Status | None = None
        self._bar: Progress | None = None
        self._task: TaskID | None = None

    def say(self, text: str) -> None:
        """What is being done now; empty for nothing."""
        self._text = text
        self._stop()
        if text and self._watched:
            from rich.text import Text

            self._status = self._console.status(Text(text))
            self._status.start()

    @property
    def fetched(self) -> Step | None:
        """Call it with a text, and the bytes that are here and there will be; None where nobody watches."""
        return self._fetched if self._watched else None

    @property
    def counted(self) -> Step | None:
        """Call it with a text, the steps done and all steps; None where nobody watches."""
        return self._counted if self._watched else None

    def _fetched(self, text: str, done: int, total: int) -> None:
        self._advance(text, done, total, in_bytes=True)

    def _counted(self, text: str, done: int, total: int) -> None:
        self._advance(text, done, total, in_bytes=False)

    def _advance(self, text: str, done: int, total: int, *, in_bytes: bool) -> None:
        if self._bar is None or self._task is None:
            self._stop()
            self._bar, self._task = _bar(self._console, text, in_bytes=in_bytes)
            self._bar.start()
        self._bar.update(self._task, description=text, completed=done, total=total or None)
        if total and done >= total:
            self.say(self._text)

    def _stop(self) -> None:
        if self._bar is not None:
            self._bar.stop()
        if self._status is not None:
            self._status.stop()
        self._bar = self._status = self._task = None


@contextmanager
def working(*, quiet: bool = False) -> Iterator[Working]:
    """Show what is being done, and keep stdout clean of what libraries print meanwhile."""
    console = err()
    state = Working(console, watched=console.is_terminal and not quiet)
    # A picture, a table or JSON is all that may stand on stdout; what a library says is for people.
    with redirect_stdout(console.file):
        try:
            yield state
        finally:
            state.say("")


def _bar(console: Console, text: str, *, in_bytes: bool) -> tuple[Progress, TaskID]:
    from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    bar = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn() if in_bytes else MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    )
    return bar, bar.add_task(text, total=None)
