"""Clips as networks see them: decoded once, sampled and cropped."""
