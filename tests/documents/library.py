"""The reference of the library: the docstrings of what `camctl` exports."""

from __future__ import annotations

import ast
import inspect
import re
from dataclasses import is_dataclass
from itertools import pairwise
from textwrap import dedent
from typing import Any

import camctl

HEADER = """# Library

```python
import camctl
```

Each name below is a member of `camctl`; `help(camctl.explain)` shows the same. What a plugin imports from
`camctl.plugin` is in [plugins/README.md](../plugins/README.md).
"""

FIRST = ("load", "explain", "compare", "survey", "check", "explain_dataset", "open_results")


def page() -> str:
    """Return the page as Markdown."""
    names = [*FIRST, *(name for name in camctl.__all__ if name not in {*FIRST, "__version__"})]
    return "\n".join([HEADER, *(_section(name, getattr(camctl, name)) for name in names)])


def _section(name: str, member: Any) -> str:
    parts = [f"## {name}"]
    if inspect.isfunction(member):
        parts.append(f"```python\n{_signature(name, member)}\n```")
    parts.append(_docstring(inspect.getdoc(member) or ""))
    if is_dataclass(member) and "**Parameters**" not in parts[-1]:
        parts.append(_fields(member))
    if inspect.isclass(member):
        parts += [_member(name, key, value) for key, value in vars(member).items() if _shown(key, value)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _fields(kind: Any) -> str:
    """Return the fields of a dataclass with their types, and the text under each."""
    (body,) = [node.body for node in ast.parse(dedent(inspect.getsource(kind))).body if isinstance(node, ast.ClassDef)]
    lines = []
    for node, following in pairwise([*body, ast.Pass()]):
        if isinstance(node, ast.AnnAssign) and not ast.unparse(node.target).startswith("_"):
            text = following.value.value if isinstance(following, ast.Expr) else ""  # type: ignore[attr-defined]
            kind_of = ast.unparse(node.annotation).strip("'")
            lines.append(
                f"- `{ast.unparse(node.target)}` ({kind_of})" + (f": {' '.join(text.split())}" if text else "")
            )
    return "\n".join(["**Fields**", "", *lines]) if lines else ""


def _shown(key: str, value: Any) -> bool:
    return not key.startswith("_") and isinstance(value, (property, classmethod)) | inspect.isfunction(value)


def _member(owner: str, key: str, value: Any) -> str:
    if isinstance(value, property):
        return f"### {owner}.{key}\n\n{_docstring(inspect.getdoc(value) or '')}"
    function = value.__func__ if isinstance(value, classmethod) else value
    call = _signature(f"{owner}.{key}", function)
    return f"### {owner}.{key}\n\n```python\n{call}\n```\n\n{_docstring(inspect.getdoc(function) or '')}"


def _signature(name: str, function: Any) -> str:
    """Return the call as the formatter has it. Types are left to the docstring."""
    return _call(name, function).replace("'", '"')


def _call(name: str, function: Any) -> str:
    signature = inspect.signature(function)
    bare = [
        parameter.replace(annotation=inspect.Parameter.empty)
        for parameter in signature.parameters.values()
        if parameter.name not in {"self", "cls"}
    ]
    line = f"{name}{signature.replace(parameters=bare, return_annotation=inspect.Signature.empty)}"
    if len(line) <= 100:
        return line
    stars = ["*"] if any(parameter.kind is parameter.KEYWORD_ONLY for parameter in bare) else []
    by_place = [str(parameter) for parameter in bare if parameter.kind is not parameter.KEYWORD_ONLY]
    by_name = [str(parameter) for parameter in bare if parameter.kind is parameter.KEYWORD_ONLY]
    return f"{name}(\n" + "".join(f"    {part},\n" for part in [*by_place, *stars, *by_name]) + ")"


def _docstring(text: str) -> str:
    """Return a numpydoc docstring as Markdown: sections in bold, parameters as a list, examples as a block."""
    sections = re.split(r"^(\w[\w ]*)\n-{3,}\n", text, flags=re.MULTILINE)
    parts = [sections[0].strip()]
    for title, body in zip(sections[1::2], sections[2::2], strict=True):
        code = title == "Examples"
        parts.append(f"**{title}**\n\n" + (_examples(body) if code else _entries(body)))
    return "\n\n".join(part for part in parts if part)


def _examples(body: str) -> str:
    lines = [re.sub(r"\s*#\s*doctest:.*", "", line) for line in body.strip().splitlines()]
    return "\n".join(["```pycon", *lines, "```"])


def _entries(body: str) -> str:
    entries = re.split(r"^(?=\S)", body.strip("\n"), flags=re.MULTILINE)
    lines = []
    for entry in filter(str.strip, entries):
        name, _, words = entry.partition("\n")
        lines.append(f"- `{name.strip()}`: {' '.join(words.split())}" if words.strip() else name.strip())
    return "\n".join(lines)
