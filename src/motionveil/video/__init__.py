"""Reading and writing video: the only part of motionveil that knows FFmpeg."""

from .encoding import CODECS, Encoding, codec_available
from .reading import open_source, probe
from .source import Source
from .target import check_target
from .writer import VideoWriter

__all__ = ["CODECS", "Encoding", "Source", "VideoWriter", "check_target", "codec_available", "open_source", "probe"]
