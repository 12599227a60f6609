"""The environments that camctl's metadata allows: `python -m tests.environments [NAME ...]`."""
