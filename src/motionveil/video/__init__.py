"""Reading and writing video. The only package that uses FFmpeg."""

from .animation import is_animation
from .contents import Contents, StreamContents, read_contents
from .deep import cover
from .encoding import CODECS, CONTAINERS, VIDEO_SUFFIXES, Encoding, codec_available
from .frames import Video, open_video
from .heif import HEIF_SUFFIXES
from .images import COLOUR_IMAGE_SUFFIXES, IMAGE_SUFFIXES, images_in, images_matching, is_numbered
from .picture_contents import Tag
from .reading import can_reread, is_pattern, open_source, probe, read_picture, source_name
from .source import Source
from .target import Target, check_target
from .writer import VideoWriter

__all__ = [
    "CODECS",
    "COLOUR_IMAGE_SUFFIXES",
    "CONTAINERS",
    "HEIF_SUFFIXES",
    "IMAGE_SUFFIXES",
    "VIDEO_SUFFIXES",
    "Contents",
    "Encoding",
    "Source",
    "StreamContents",
    "Tag",
    "Target",
    "Video",
    "VideoWriter",
    "can_reread",
    "check_target",
    "codec_available",
    "cover",
    "images_in",
    "images_matching",
    "is_animation",
    "is_numbered",
    "is_pattern",
    "open_source",
    "open_video",
    "probe",
    "read_contents",
    "read_picture",
    "source_name",
]
