"""The only place that knows where arithmetic runs; every function has one meaning on every device."""

from .cpu import (
    blend,
    dilate,
    grey,
    mix,
    pixel_grid,
    resize_flow,
    resize_image,
    resize_lanczos,
    resize_map,
    sample,
    sample_image,
    single_threaded,
    smooth,
    stack,
    warp,
)

__all__ = [
    "blend",
    "dilate",
    "grey",
    "mix",
    "pixel_grid",
    "resize_flow",
    "resize_image",
    "resize_lanczos",
    "resize_map",
    "sample",
    "sample_image",
    "single_threaded",
    "smooth",
    "stack",
    "warp",
]
