"""Every classifier of timm, for camctl."""
