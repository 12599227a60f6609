"""What the pages in `docs/` that are references say, made from the code: `python -m tests.documents` writes them."""
