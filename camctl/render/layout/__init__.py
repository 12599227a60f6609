"""The one layout of a comparison, which figures, reports and terminals paint."""
