"""Reading and writing video: the only part of motionveil that knows FFmpeg."""

from .reading import open_source, probe
from .source import Source

__all__ = ["Source", "open_source", "probe"]
