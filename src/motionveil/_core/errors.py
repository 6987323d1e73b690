"""The exceptions and warnings of motionveil.

MotionveilError            base class; the message is one sentence with the problem and the fix; exit code 2
├── InputError             a source cannot be read: missing, empty, not a video, no frames
│   └── TruncatedError     a source is damaged or truncated (only with ``strict=True``)
├── OutputError            an output cannot be written: it exists, it is the input, the disk is full
├── OptionError            an unknown option, an invalid value, or options that conflict
├── TemplateError          a template is missing, invalid, or belongs to another feature extractor
├── WeightsError           network weights are missing, damaged, or belong to another network
└── DependencyError        an optional package is missing; the message contains the command that installs it
"""

from __future__ import annotations


class MotionveilError(Exception):
    """Base class of all errors that the user can fix. ``str(error)`` is one sentence that names the fix."""


class InputError(MotionveilError):
    """A source cannot be read."""


class TruncatedError(InputError):
    """A source is damaged or truncated, and ``strict=True`` was set."""


class OutputError(MotionveilError):
    """An output cannot be written."""


class OptionError(MotionveilError):
    """An unknown option, an invalid value, or options that conflict."""


class TemplateError(MotionveilError):
    """A template is missing, invalid, or belongs to another feature extractor."""


class WeightsError(MotionveilError):
    """Network weights are missing, damaged, or belong to another network."""


class DependencyError(MotionveilError):
    """An optional package is missing; the message contains the command that installs it."""


class SourceWarning(UserWarning):
    """A source was adapted, or part of it was dropped."""


class TruncationWarning(SourceWarning):
    """A source is damaged or truncated; the readable part is used."""
