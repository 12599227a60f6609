"""Plugins: discovery, loading, and the sandbox around third parties'."""

from __future__ import annotations

from camctl.registry.discovery import Kind
from camctl.registry.loading import (
    MADE_BY_DECORATOR,
    Loaded,
    adapters,
    at_work,
    load,
    load_all,
    locate,
    match_adapter,
    pick,
    split_model,
)

__all__ = [
    "MADE_BY_DECORATOR",
    "Kind",
    "Loaded",
    "adapters",
    "at_work",
    "load",
    "load_all",
    "locate",
    "match_adapter",
    "pick",
    "split_model",
]
