"""What the four models share: 112 px pictures of the demo's eight classes."""
# ruff: noqa: INP001 - a configuration that mmengine reads; nothing imports it

data_preprocessor = {
    "num_classes": 8,
    "mean": [123.675, 116.28, 103.53],
    "std": [58.395, 57.12, 57.375],
    "to_rgb": True,
}
test_pipeline = [
    {"type": "LoadImageFromFile"},
    {"type": "Resize", "scale": 112},
    {"type": "PackInputs"},
]
test_dataloader = {
    "batch_size": 32,
    "num_workers": 0,
    "dataset": {"type": "CustomDataset", "data_root": "", "pipeline": test_pipeline},
    "sampler": {"type": "DefaultSampler", "shuffle": False},
}
default_scope = "mmpretrain"
