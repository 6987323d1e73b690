"""Neural networks: architectures, inference engines, and weights."""
