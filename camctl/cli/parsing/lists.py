"""Options that take several values after one flag: `--target-layers A B`, `--cfg-options k=v k=v`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperCommand

from camctl.cli.parsing.params import tuned

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence


ALONE = {"--metrics": "all", "--versus": "auto"}
"""Flag that may stand without a value -> the value that it then means."""

LIST_GIVEN = "camctl.list_given"
"""Key of a context's notes: whether an option that takes several values was given."""


class ListCommand(TyperCommand):
    """A command whose repeatable options also take their values in a row, and any option either spelling.

    `--aug_smooth` is `--aug-smooth`, for every option of two words.
    """

    def get_params(self, ctx: Any) -> list[Any]:
        """The parameters, tuned."""
        return tuned(super().get_params(ctx))

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the arguments once they are spelt as typer knows them."""
        params = self.get_params(ctx)
        every = {flag for param in params for flag in param.opts if flag.startswith("--")}
        lists = {flag for param in params if getattr(param, "multiple", False) for flag in param.opts}
        try:
            spelt = spread(respell(args, every), lists, strict=not ctx.resilient_parsing)
        except typer.BadParameter as error:
            error.ctx = ctx
            raise
        # For the hint, should an argument be missed: the list may have taken it.
        ctx.meta[LIST_GIVEN] = any(word.partition("=")[0] in lists for word in spelt)
        return super().parse_args(ctx, spelt)


def respell(args: Sequence[str], known: Collection[str]) -> list[str]:
    """`--two_words` -> `--two-words`, where the latter is a known flag; nothing is changed after `--`."""
    end = list(args).index("--") if "--" in args else len(args)
    spelt = []
    for token in args[:end]:
        flag, equals, value = token.partition("=")
        dashed = flag.replace("_", "-")
        spelt.append(dashed + equals + value if dashed in known else token)
    return [*spelt, *args[end:]]


def spread(args: Sequence[str], flags: Collection[str], *, strict: bool = True) -> list[str]:
    """`--flag A B` -> `--flag=A --flag=B`, for each of `flags`.

    Values end at the next token that starts with `-`, or at `--`. Raises `typer.BadParameter` for a flag
    without a value, if `strict` (completion is not: there the value is still being typed) and `ALONE` has none for it.
    """
    spelt: list[str] = []
    words = list(args)
    while words:
        word = words.pop(0)
        if word == "--":
            return [*spelt, word, *words]
        if word not in flags:
            spelt.append(word)
            continue
        values: list[str] = []
        while words and not words[0].startswith("-"):
            values.append(words.pop(0))
        # A class index may be wrong and negative: that is for the model to say.
        if not values and words and words[0][1:].isdecimal():
            values.append(words.pop(0))
        if not values and strict and word in ALONE:
            values.append(ALONE[word])
        if not values and strict:
            message = f"{word} needs at least one value."
            raise typer.BadParameter(message)
        spelt.extend(f"{word}={value}" for value in values)
        if not values:
            spelt.append(word)
    return spelt
