"""Experiments: what is trained on what, and judged by whom; frozen, retrained, two-fold and searched."""
