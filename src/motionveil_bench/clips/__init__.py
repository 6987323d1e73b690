"""Clips as input of networks: decoded once, sampled and cropped."""
