"""Measures of what networks recognise."""
