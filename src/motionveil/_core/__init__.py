"""Foundations of all packages: types, errors, atomic files, streams. Private: may change without notice."""
