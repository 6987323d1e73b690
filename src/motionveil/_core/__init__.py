"""What every part builds on: types, errors, atomic files, streams. Private: it may change without notice."""
