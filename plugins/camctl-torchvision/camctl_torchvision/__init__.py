"""torchvision's classifiers, segmenters and detectors for camctl: `torchvision:NAME`."""
