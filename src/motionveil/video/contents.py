"""What a file contains besides its frames, according to FFmpeg and its own block structure."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from motionveil._core.errors import InputError

from .container import file_location, open_container
from .heif import HEIF_SUFFIXES
from .images import IMAGE_SUFFIXES
from .picture_contents import Extras, Tag, picture_extras

if TYPE_CHECKING:
    import av.container


@dataclass(frozen=True)
class StreamContents:
    """One stream.

    Attributes:
        kind: video, audio, subtitle, data or attachment.
        size: (width, height) of video.
        is_cover: Whether this is cover art rather than a video.
    """

    index: int
    kind: str
    codec: str
    size: tuple[int, int] | None = None
    is_cover: bool = False


@dataclass(frozen=True)
class Contents:
    """Everything in a file except its frames.

    Attributes:
        format: FFmpeg's name of the container, or ``image``.
        thumbnails: (width, height) of embedded thumbnails.
        chapters: Titles of the chapters.
        others: Other contents, each in a few words.
        looked_into: Whether this type of image file can be parsed; FFmpeg parses all containers.
    """

    format: str
    streams: tuple[StreamContents, ...] = ()
    tags: tuple[Tag, ...] = ()
    thumbnails: tuple[tuple[int, int], ...] = ()
    chapters: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    looked_into: bool = True


def read_contents(path: str | Path) -> Contents:
    """List the contents of a file.

    Raises:
        InputError: If it cannot be read.
    """
    path = Path(path)
    try:
        if path.suffix.lower() in IMAGE_SUFFIXES - HEIF_SUFFIXES:
            found = picture_extras(path.read_bytes())
            return _contents("image", found or Extras(), looked_into=found is not None)
        return _container_contents(path)
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}): check its name and permissions") from error


def _contents(name: str, found: Extras, **more: Any) -> Contents:
    return Contents(
        name, tags=tuple(found.tags), thumbnails=tuple(found.thumbnails), others=tuple(found.others), **more
    )


def _container_contents(path: Path) -> Contents:
    from av.stream import Disposition

    found = Extras()
    with closing(open_container(file_location(path))) as container:
        found.tags += [Tag("file", name, value) for name, value in container.metadata.items()]
        streams = []
        for stream in container.streams:
            # Data streams, and streams that FFmpeg cannot decode, have no codec.
            context: Any = getattr(stream, "codec_context", None)
            video = stream.type == "video" and context is not None
            streams.append(
                StreamContents(
                    stream.index,
                    str(stream.type),
                    "unknown" if context is None else str(context.name),
                    (context.width, context.height) if video else None,
                    bool(stream.disposition & Disposition.attached_pic),
                )
            )
            found.tags += [Tag(f"stream {stream.index}", name, value) for name, value in stream.metadata.items()]
        chapters = [str(chapter["metadata"].get("title", "")) for chapter in container.chapters()]
        found.others += _frame_data(container)
        name = container.format.name
    if "mp4" in name:
        found.others += _unusual_boxes(path)
    return _contents(name, found, streams=tuple(streams), chapters=tuple(chapters))


def _frame_data(container: av.container.InputContainer) -> Iterator[str]:
    """Side data of the first frames: captions, and user data that is not an encoder's version string."""
    import av
    from av.stream import Disposition

    films = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    seen = set()
    try:
        for count, frame in enumerate(container.decode(films[0]) if films else ()):
            for data in cast(Iterable[Any], cast(Any, frame).side_data):
                seen.add((data.type.name, bytes(data)[16:216]))  # the first 16 bytes are a UUID of the owner
            if count >= 8:
                break
    except (av.error.FFmpegError, ValueError):  # damaged, or a kind that PyAV does not know
        pass
    for kind in sorted({kind for kind, _ in seen}):
        notes = [data for name, data in seen if name == kind]
        if kind == "A53_CC":
            yield "captions inside the video stream"
        elif kind == "SEI_UNREGISTERED" and not all(note.startswith((b"x264", b"x265", b"Lavc")) for note in notes):
            yield "vendor data inside the video stream"


_BOXES = {b"ftyp", b"styp", b"moov", b"moof", b"mfra", b"mdat", b"sidx", b"pdin", b"free", b"skip", b"wide"}


def _unusual_boxes(path: Path) -> Iterator[str]:
    """Top-level MP4 boxes that players ignore, in which vendors store private data."""
    end = path.stat().st_size
    with path.open("rb") as file:
        at = 0
        while at + 8 <= end:
            file.seek(at)
            length, kind = struct.unpack(">I4s", file.read(8))
            header = 8
            if length == 1:
                length, header = struct.unpack(">Q", file.read(8))[0], 16
            length = length or end - at
            if length < header or not kind.isascii():
                break
            if kind not in _BOXES:
                yield f"a box {kind.decode()!r} of {length} bytes that players ignore"
            elif kind in (b"free", b"skip") and file.read(min(length - header, 1 << 20)).strip(b"\0"):
                yield f"{length - header} bytes in the file's free space"
            at += length
    if at < end:
        yield f"{end - at} bytes after the end of the video"
