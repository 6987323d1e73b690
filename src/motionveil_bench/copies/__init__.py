"""Obfuscated copies of datasets: the table of obfuscations, and the copies that are made once and kept."""
