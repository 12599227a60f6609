"""The references are those of the code, and no link of a page leads nowhere."""

from __future__ import annotations

import re

import pytest

from tests.documents.pages import PAGES, ROOT, WRITTEN, anchors


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_a_page_made_from_the_code_is_up_to_date(path):
    assert path.read_text(encoding="utf-8") == PAGES[path](), "Write it again: python -m tests.documents"


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_within_the_repository_leads_somewhere(path):
    text = path.read_text(encoding="utf-8")
    dead = []
    for link in re.findall(r"\]\((?!https?:)([^)\s]+)\)", re.sub(r"```.*?```", "", text, flags=re.DOTALL)):
        name, _, anchor = link.partition("#")
        target = (path.parent / name) if name else path
        if not target.exists() or (anchor and anchor not in anchors(target.read_text(encoding="utf-8"))):
            dead.append(link)
    assert dead == []


def test_every_page_is_reached_from_the_readme():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [path.name for path in WRITTEN if path.parent.name == "docs" and f"docs/{path.name}" not in readme] == []
