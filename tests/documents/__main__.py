"""Write the pages in `docs/` that are made from the code: `python -m tests.documents`."""

from tests.documents.pages import PAGES

for path, text in PAGES.items():
    path.write_text(text(), encoding="utf-8")
