"""What is being done, on stderr, while something takes long; silent if nobody watches."""

from __future__ import annotations

from contextlib import contextmanager, redirect_stdout
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich import progress
    from rich.console import Console
    from rich.status import Status

    Step = Callable[[str, int, int], None]


class Progress:
    """A line with a spinner; it gives way to a bar while a file is fetched or steps are counted."""

    def __init__(self, console: Console, *, watched: bool) -> None:
        self._console = console
        self._text = ""
        self._live: Status | progress.Progress | None = None
        self.watched = watched

    def say(self, text: str) -> None:
        """Show what is being done now; an empty text shows nothing."""
        self._text = text
        self._replace(None)
        if text and self.watched:
            from rich.text import Text

            self._replace(self._console.status(Text(text)))

    @property
    def fetched(self) -> Step | None:
        """Call it with a text, the bytes that are here and all bytes; None if nobody watches."""
        return self._step(in_bytes=True)

    @property
    def counted(self) -> Step | None:
        """Call it with a text, the steps done and all steps; None if nobody watches."""
        return self._step(in_bytes=False)

    def _step(self, *, in_bytes: bool) -> Step | None:
        from rich.progress import Progress as Bar

        def advance(text: str, done: int, total: int) -> None:
            if not isinstance(self._live, Bar):
                self._replace(_bar(self._console, text, in_bytes=in_bytes))
            bar = self._live
            assert isinstance(bar, Bar)  # noqa: S101 - for the type checker
            bar.update(bar.task_ids[0], description=text, completed=done, total=total or None)
            if total and done >= total:
                self.say(self._text)

        return advance if self.watched else None

    def _replace(self, live: Status | progress.Progress | None) -> None:
        if self._live is not None:
            self._live.stop()
        self._live = live
        if live is not None:
            live.start()


@contextmanager
def working(console: Console, *, quiet: bool = False) -> Iterator[Progress]:
    """Show what is being done, and keep stdout clean of what libraries print meanwhile."""
    progress = Progress(console, watched=console.is_terminal and not quiet)
    # A picture, a table or JSON is all that may stand on stdout; what a library says is for people.
    with redirect_stdout(console.file):
        try:
            yield progress
        finally:
            progress.say("")


def _bar(console: Console, text: str, *, in_bytes: bool) -> progress.Progress:
    from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    bar = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn() if in_bytes else MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    )
    bar.add_task(text, total=None)
    return bar
