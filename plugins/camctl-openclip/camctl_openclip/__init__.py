"""CLIP and SigLIP of open_clip in camctl."""
