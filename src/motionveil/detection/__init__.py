"""Where something is: dense descriptors, templates, saliency, and how it is followed over time."""
