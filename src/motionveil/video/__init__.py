"""Reading and writing video: the only part of motionveil that knows FFmpeg."""

from .encoding import Encoding
from .reading import open_source, probe
from .source import Source
from .target import check_target
from .writer import VideoWriter

__all__ = ["Encoding", "Source", "VideoWriter", "check_target", "open_source", "probe"]
