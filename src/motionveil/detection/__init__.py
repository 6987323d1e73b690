"""Detection: dense descriptors, templates, saliency, and tracking over time."""
