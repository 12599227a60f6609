"""Plugins: discovery, loading, and the sandbox around third parties'."""

from camctl.registry.discovery import Kind
from camctl.registry.loading import FUNCTIONS, Loaded, load, load_all, locate, match_adapter, pick, split_model

__all__ = ["FUNCTIONS", "Kind", "Loaded", "load", "load_all", "locate", "match_adapter", "pick", "split_model"]
