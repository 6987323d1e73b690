"""Everything that motionveil raises on purpose.

MotionveilError            one sentence that says what is wrong and what to do; the command line exits with 2
├── InputError             a source cannot be read: missing, empty, not a video, no frames
│   └── TruncatedError     a source ends before it should (only with ``strict=True``)
├── OutputError            a result cannot be written: it exists, it is the input, the disk is full
├── OptionError            a setting that does not exist or does not fit the others
├── TemplateError          an unknown or unusable template, or one of another extractor
├── WeightsError           network weights are missing, damaged or of another network
└── DependencyError        an optional package is needed; the message holds the line that installs it
"""

from __future__ import annotations


class MotionveilError(Exception):
    """Base of all errors that a person can mend; ``str(error)`` is one sentence with the fix."""


class InputError(MotionveilError):
    """A source cannot be read."""


class TruncatedError(InputError):
    """A source ends before it should, and the caller asked for strictness."""


class OutputError(MotionveilError):
    """A result cannot be written."""


class OptionError(MotionveilError):
    """A setting that does not exist or does not fit the others."""


class TemplateError(MotionveilError):
    """An unknown or unusable template, or one that another extractor made."""


class WeightsError(MotionveilError):
    """Network weights are missing, damaged, or belong to another network."""


class DependencyError(MotionveilError):
    """An optional package is needed; the message holds the line that installs it."""


class SourceWarning(UserWarning):
    """Something about a source that was changed or left out so that it fits."""


class TruncationWarning(SourceWarning):
    """A source is damaged or ended early; what could be read is used."""
