"""What sources load models with: checkpoints, fitting, downloads, hub files, random weights."""
