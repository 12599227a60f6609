"""What is being done now: a spinner and bars for who watches, a line for each long step on a pipe."""

from __future__ import annotations

from contextlib import suppress
from threading import Timer
from typing import TYPE_CHECKING

from rich.text import Text

from camctl.errors import printable

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich import progress
    from rich.console import Console
    from rich.status import Status

    Step = Callable[[str, int, int], None]

WHILE = 30.0
"""Seconds after which a step is worth a line on a pipe."""


class Progress:
    """A line with a spinner; it gives way to a bar while a file is fetched or steps are counted.

    Where nobody watches, a line for each step that takes long, if it is `told` at all.
    """

    def __init__(self, console: Console, *, watched: bool, told: bool = False) -> None:
        self._console = console
        self._text = ""
        self._live: Status | progress.Progress | None = None
        self.watched = watched
        self._told, self._log = told and not watched, Log(console)

    def say(self, text: str) -> None:
        """Show what is being done now; an empty text shows nothing."""
        self._text = text
        if self._told:
            self._log.start(text)
        self._replace(None)
        if text and self.watched:
            self._replace(self._console.status(Text(unbroken(text))))

    def steps(self, *, in_bytes: bool = False, speed: str = "") -> Step | None:
        """Return what to call with a text, the steps (or bytes) done and all of them; None if nobody is told.

        `speed`: unit of the steps a second, such as `pictures/s`, if it is shown.
        """
        bar: progress.Progress | None = None

        def advance(text: str, done: int, total: int) -> None:
            nonlocal bar
            if bar is None or self._live is not bar:
                bar = _bar(self._console, text, in_bytes=in_bytes, speed=speed)
                self._replace(bar)
            bar.update(bar.task_ids[0], description=unbroken(text), completed=done, total=total or None)
            if total and done >= total:
                self.say(self._text)

        def note(text: str, done: int, total: int) -> None:
            over = total and done >= total
            self._log.start(self._text if over else f"Fetching {text}" if in_bytes else text)

        return advance if self.watched else note if self._told else None

    def _replace(self, live: Status | progress.Progress | None) -> None:
        if self._live is not None:
            self._live.stop()
        self._live = live
        if live is not None:
            live.start()


class Log:
    """Prints a line for each step that takes longer than `WHILE`, while it runs: short ones would bury what counts."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._text = ""
        self._timer: Timer | None = None

    def start(self, text: str) -> None:
        """Begin a step, unless it has begun already; an empty text ends the last one."""
        if text == self._text:
            return
        self._text = text
        if self._timer is not None:
            self._timer.cancel()
        if text:
            self._timer = Timer(WHILE, self._print, [text])
            self._timer.daemon = True
            self._timer.start()

    def _print(self, text: str) -> None:
        # What is wrong with the stream is told when the command itself writes there.
        with suppress(Exception):
            self._console.print(Text(unbroken(text), "dim"), soft_wrap=True)


def _bar(console: Console, text: str, *, in_bytes: bool, speed: str) -> progress.Progress:
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        Task,
        TextColumn,
        TimeRemainingColumn,
    )

    class Speed(ProgressColumn):
        def render(self, task: Task) -> Text:
            return Text(f"{task.speed:,.0f} {speed}" if speed and task.speed else "")

    bar = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn() if in_bytes else MofNCompleteColumn(),
        Speed(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    )
    bar.add_task(unbroken(text), total=None)
    return bar


def unbroken(text: str) -> str:
    """Return a text without ends of lines and control characters."""
    return text if text.isprintable() else printable(" ".join(text.splitlines()))
