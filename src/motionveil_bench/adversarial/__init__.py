"""Adversarial training of learned obfuscators (Wu et al., ECCV 2018 and TPAMI 2020), and of competing methods."""
