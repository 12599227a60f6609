"""Source of timm's classifiers for camctl."""
