"""Vision transformers as extractors of dense descriptors (Amir et al., 2021; DINO: Caron et al., ICCV 2021).

One implementation for every ViT with DINO's parameter names: ViT-S and ViT-B with any patch size, supervised or
self-supervised, and DINOv2, which adds LayerScale and optional register tokens.
"""

from .checkpoint import ViTShape, standard_names
from .network import BINS, DescriptorTransformer, Facet, check_settings, log_bins

__all__ = ["BINS", "DescriptorTransformer", "Facet", "ViTShape", "check_settings", "log_bins", "standard_names"]
