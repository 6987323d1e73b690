"""Feature extractors: dense descriptors of frames."""

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
"""Feature extractors by name. To add one, write a module and add a line here."""
