"""torchvision's classifiers for camctl: `torchvision:NAME`."""
