"""Dense descriptors of frames."""

from collections.abc import Callable, Mapping
from functools import partial

from .encoder import PartsEncoder
from .extractor import DescriptorGrid, Detailed, FeatureExtractor
from .vit import BACKBONES, ViTEncoder

__all__ = [
    "BACKBONES",
    "FEATURE_EXTRACTORS",
    "DescriptorGrid",
    "Detailed",
    "FeatureExtractor",
    "PartsEncoder",
    "ViTEncoder",
]

FEATURE_EXTRACTORS: Mapping[str, Callable[..., FeatureExtractor]] = {
    "parts": PartsEncoder,
    **{name: partial(ViTEncoder, name) for name in BACKBONES},
}
"""Extractors by name; a new one is one file and one line here."""
