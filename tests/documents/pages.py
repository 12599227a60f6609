"""Pages that are made from the code, and the blocks of the pages that are written by hand."""

from __future__ import annotations

import re
from pathlib import Path

from tests.documents import commands, library, methods

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
WRITTEN = (ROOT / "README.md", *sorted(DOCS.glob("*.md")), ROOT / "plugins" / "README.md")
"""Every page that a user reads."""


def methods_page() -> str:
    """Return `docs/methods.md` with today's table between its marks."""
    text = (DOCS / "methods.md").read_text(encoding="utf-8")
    before, rest = text.split("<!-- methods -->\n", 1)
    after = rest.split("<!-- /methods -->", 1)[1]
    return f"{before}<!-- methods -->\n{methods.table()}\n<!-- /methods -->{after}"


PAGES = {DOCS / "commands.md": commands.page, DOCS / "library.md": library.page, DOCS / "methods.md": methods_page}
"""Page -> what makes its text."""


def anchors(text: str) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", re.sub(r"```.*?```", "", text, flags=re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
