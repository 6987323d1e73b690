"""Dense descriptors of frames."""

from .encoder import PartsEncoder
from .extractor import DescriptorGrid, FeatureExtractor

__all__ = ["FEATURE_EXTRACTORS", "DescriptorGrid", "FeatureExtractor", "PartsEncoder"]

FEATURE_EXTRACTORS = {"parts": PartsEncoder}
"""Extractors by name; a new one is one file and one line here."""
