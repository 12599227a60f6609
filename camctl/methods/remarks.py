"""Weaknesses that were measured with several methods, as sentences for `camctl methods NAME`."""


def blind_on_lite0(correlation: str) -> str:
    """The map on EfficientNet-Lite0 ignores the class."""
    return (
        "Does not see the class on EfficientNet-Lite0: its map stays when the head is random (median rank correlation "
        f"{correlation}, 11 photographs x 4 heads, at `_swish`; GradCAM .13)."
    )


def weak_on_class_tokens(vit: str, t2t: str) -> str:
    """The peak of the map misses the object where a class token alone is read."""
    return (
        f"Weak where a class token alone is read: its peak lies on the asked object in {vit} of 60 questions to "
        f"demo:vit and {t2t} to demo:t2t (GradCAM .93, .95; a blob in the middle .18)."
    )
