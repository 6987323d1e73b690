"""Datasets in their original layouts."""
