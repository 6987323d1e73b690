"""Vision transformers as sources of dense descriptors (Amir et al., 2021; DINO: Caron et al., ICCV 2021).

One small network for every ViT whose weights carry DINO's names: ViT-S and ViT-B with any patch, supervised or
self-supervised, and DINOv2, whose blocks scale their outputs and whose tokens may include registers.
"""

from .checkpoint import ViTShape, standard_names
from .network import BINS, DescriptorTransformer, Facet, check_settings, log_bins

__all__ = ["BINS", "DescriptorTransformer", "Facet", "ViTShape", "check_settings", "log_bins", "standard_names"]
