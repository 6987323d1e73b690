"""Reading and writing video: the only part of motionveil that knows FFmpeg."""

from .encoding import CODECS, CONTAINERS, Encoding, codec_available
from .images import COLOUR_IMAGE_SUFFIXES, IMAGE_SUFFIXES
from .reading import is_pattern, open_source, probe, read_picture, source_name
from .source import Source
from .target import Target, check_target
from .writer import VideoWriter

__all__ = [
    "CODECS",
    "COLOUR_IMAGE_SUFFIXES",
    "CONTAINERS",
    "IMAGE_SUFFIXES",
    "Encoding",
    "Source",
    "Target",
    "VideoWriter",
    "check_target",
    "codec_available",
    "is_pattern",
    "open_source",
    "probe",
    "read_picture",
    "source_name",
]
